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

function callbackOf({ method, query, headers, body }: FastifyRequest): Callback {
  return { method, query: flat(query as Values), headers: flat(headers), body: (body ?? null) as Json };
}

type Values = Record<string, string | string[] | undefined>;

/** Runs for a dozen headers of each receipt: no entries, no lists of lists. */
function flat(values: Values): Record<string, string> {
  const flattened: Record<string, string> = {};
  for (const name of Object.keys(values)) {
    const value = values[name];
    flattened[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  return flattened;
}
