/** Our API: trying a provider with one message, whose transaction tells the rest. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { providerTest } from '#engine/provider-test.ts';
import type { JsonObject } from '#domain/request.ts';
import type { ApiTools } from '../api-tools.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { faultRefusal } from './fault-refusal.ts';
import { transactionSummary } from './transaction-view.ts';

/** The endpoint; `registerRoutes` gives it its URL. */
export function providerTestEndpoints({ engine, templates }: ApiTools) {
  return {
    create: {
      schema: { body: { type: 'object' } },
      // It sends whatever is said to whoever is named.
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const account = callerAccount(request);
        const { id } = request.params as { id: string };
        const provider = engine.config.provider(account.id, id);
        if (!provider) throw new Refusal('not_found', `there is no provider "${id}"; see "carom providers"`);
        await takeFromLimit(engine.limits, account.id, 'transaction', reply);
        const test = providerTest(provider, templates, request.body as JsonObject);
        if (test.kind === 'refused') throw faultRefusal(test.faults);
        const result = await engine.accept(account, test.request);
        if (result.kind === 'refused') throw new Refusal('invalid', result.refusal.message);
        return reply.code(202).send(transactionSummary(result.stored));
      },
    },
  };
}
