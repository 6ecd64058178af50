/**
 * What Carom's acceptance is compared with: a bare Fastify route that validates the same body by the same schema, keeps
 * nothing and answers the same. In a process of its own: `node bench/bare.ts PORT`.
 */
import Fastify from 'fastify';
import { TransactionBody } from '#http/dialects/webengage.ts';

const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } } });

app.post('/v2/accounts/:account/transaction', { schema: { body: TransactionBody } }, (request, reply) => {
  const { campaignIds, mode } = request.query as { campaignIds: string | string[]; mode: string };
  const { txnId, userId, ttl } = request.body as TransactionBody;
  const data = { txnId, campaignIds: [campaignIds].flat(), mode, userId, ttl };
  reply.send({ response: { data, message: 'success', status: 'queued' } });
});

await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
console.log('listening on it');
