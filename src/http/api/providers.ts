/** Our API: providers, without their credentials. */
import type { FastifyRequest } from 'fastify';
import type { ProviderConfig } from '#domain/provider.ts';
import { providerView } from '#engine/manifest/provider.ts';
import { receiptUrl } from '#engine/receipt-url.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { healthView } from './provider-health-view.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function providerEndpoints({ engine, providerTypes, publicUrl }: ApiTools) {
  const { config, health } = engine;
  const healthOf = ({ accountId, id }: ProviderConfig) => healthView(health.view(accountId, id));
  return {
    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => ({
        data: config.providers(callerAccount(request).id).map((one) => ({ ...summary(one), health: healthOf(one) })),
        next: null,
      }),
    },

    get: {
      // The address for callbacks is a secret that the vendor shares.
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest) => {
        const { id } = request.params as { id: string };
        const provider = config.provider(callerAccount(request).id, id);
        if (!provider) throw new Refusal('not_found', `there is no provider "${id}"; see "carom providers"`);
        const receipts = receiptUrl(publicUrl, provider);
        return { ...providerView(provider, providerTypes), receiptUrl: receipts, health: healthOf(provider) };
      },
    },
  };
}

function summary({ id, channel, type, receipts }: ProviderConfig): object {
  return { id, channel, type, receipts };
}
