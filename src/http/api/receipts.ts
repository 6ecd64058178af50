/** Where vendors call back. The secret in the address says that it is the vendor; it names the provider, and so the account. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Json } from '#domain/request.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Callback } from '#ports/provider.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';

/** Bytes of a callback's body. */
const CALLBACK_MAX_BYTES = 262_144;

/** The endpoint; `registerRoutes` gives it its URL. */
export function receiptEndpoints({ engine }: ApiTools) {
  function providerOf(request: FastifyRequest): ProviderConfig {
    const { provider, secret } = request.params as { provider: string; secret: string };
    const found = engine.config.providerBySecret(secret);
    if (found?.id !== provider) {
      throw new Refusal('not_found', 'there is no provider at this address; see "carom providers" for the right one');
    }
    return found;
  }

  return {
    take: {
      bodyLimit: CALLBACK_MAX_BYTES,
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const config = providerOf(request);
        const inUse = engine.providers.find(config.accountId, config.id);
        if (!inUse) throw new Refusal('not_found', 'the provider has been removed');
        const receipts = await inUse.provider.parseReceipts(callbackOf(request));
        await engine.receipts.take(config, receipts);
        return reply.code(200).send({ taken: receipts.length });
      },
    },
  };
}

function callbackOf(request: FastifyRequest): Callback {
  const query = request.query as Record<string, string | string[]>;
  const flat = (values: Record<string, string | string[] | undefined>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
  return {
    method: request.method,
    query: flat(query),
    headers: flat(request.headers),
    body: (request.body ?? null) as Json,
  };
}
