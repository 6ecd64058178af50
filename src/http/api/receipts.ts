/** Where vendors call back. The secret in the address says that it is the vendor; it names the provider, and so the account. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Json } from '#domain/request.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Callback } from '#ports/provider.ts';
import type { ApiTools } from '../api-tools.ts';
import { bearerKey } from '../auth.ts';
import type { CallbackBody } from '../callback-bodies.ts';
import { Refusal } from '../refusal.ts';

/** Bytes of a callback's body. Meta's, the largest that are documented, have up to 3 MB. */
const CALLBACK_MAX_BYTES = 4_194_304;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function receiptEndpoints({ engine, publicUrl }: ApiTools) {
  function addressed(request: FastifyRequest): ProviderConfig {
    const { provider, secret } = request.params as { provider: string; secret: string };
    const found = engine.config.providerBySecret(secret);
    if (found?.id !== provider) {
      throw new Refusal('not_found', 'there is no provider at this address; see "carom providers" for the right one');
    }
    return found;
  }

  /** Where the address is the same for all: the secret comes as a token, in the address or as a Bearer's. */
  function named(request: FastifyRequest): ProviderConfig {
    const { token } = request.params as { token?: string };
    const found = [token, bearerKey(request)].flatMap(
      (secret) => engine.config.providerBySecret(secret ?? '') ?? [],
    )[0];
    if (found) return found;
    throw new Refusal(
      'unauthorized',
      'the token is not known; it is the last part of "receiptUrl" in "carom providers show"',
    );
  }

  function taking(providerOf: (request: FastifyRequest) => ProviderConfig) {
    return {
      bodyLimit: CALLBACK_MAX_BYTES,
      // Whoever does not know the secret has nothing read of what he sends.
      onRequest: async (request: FastifyRequest) => void providerOf(request),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const config = providerOf(request);
        const inUse = engine.providers.find(config.accountId, config.id);
        if (!inUse) throw new Refusal('not_found', 'the provider has been removed');
        const callback = callbackOf(request, publicUrl);
        const answer = await inUse.provider.answerChallenge?.(callback);
        if (answer) return reply.code(200).type(answer.contentType).send(answer.body);
        const receipts = await inUse.provider.parseReceipts(callback);
        await engine.receipts.take(config, receipts);
        return reply.code(200).send({ taken: receipts.length });
      },
    };
  }

  return { take: taking(addressed), takeByToken: taking(named) };
}

function callbackOf({ method, url, query, headers, body }: FastifyRequest, publicUrl: string): Callback {
  const { read, raw } = (body as CallbackBody | undefined) ?? NO_BODY;
  const called = `${publicUrl}${url}`;
  return { method, url: called, query: flat(query as Values), headers: flat(headers), body: read as Json, raw };
}

const NO_BODY: CallbackBody = { read: null, raw: Buffer.alloc(0) };

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
