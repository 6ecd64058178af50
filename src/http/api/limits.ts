/** Our API: the rate limits of an account, and what is left of them on all nodes together (semantics §9). */
import type { FastifyRequest } from 'fastify';
import { LIMITED_APIS } from '#domain/account.ts';
import { formatRate } from '#domain/rate-bucket.ts';
import type { ApiTools } from '../api-tools.ts';
import { callerAccount } from './entry.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function limitEndpoints({ engine }: ApiTools) {
  return {
    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const limited = await engine.limits.of(callerAccount(request).id);
        const data = LIMITED_APIS.map((api) => {
          const found = limited.find((one) => one.api === api);
          if (!found) return { api, limit: null, remaining: null, retryAfter: null };
          const { remaining, retryAfterMs } = found.standing;
          return { api, limit: formatRate(found.rate), remaining, retryAfter: Math.ceil(retryAfterMs / 1_000) };
        });
        return { data, next: null };
      },
    },
  };
}
