/** Our API: accounts, for the operator. */
import type { FastifyRequest } from 'fastify';
import { accountView } from '#engine/manifest/of.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { callerOf } from './entry.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function accountEndpoints({ engine }: ApiTools) {
  return {
    list: {
      config: { scope: 'admin' as const, account: false },
      handler: async (request: FastifyRequest) => {
        if (callerOf(request).accountId !== null)
          throw new Refusal('forbidden', "only the operator's key may list accounts");
        const accounts = engine.config.accounts().toSorted((a, b) => (a.id < b.id ? -1 : 1));
        return { data: accounts.map(accountView), next: null };
      },
    },
  };
}
