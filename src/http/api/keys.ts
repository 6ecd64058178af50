/** Our API: API keys. A key itself is answered once, when it is made. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createKey, removeKey } from '#engine/key-admin.ts';
import { keyView } from '#engine/manifest/keys.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { faultRefusal } from './fault-refusal.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function keyEndpoints({ engine }: ApiTools) {
  const { config } = engine;
  return {
    list: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest) => ({
        data: config.keys(callerAccount(request).id).map(keyView),
        next: null,
      }),
    },

    create: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const outcome = await createKey(config, callerAccount(request).id, request.body);
        switch (outcome.kind) {
          case 'created':
            return reply.code(201).send({ ...keyView(outcome.stored), key: outcome.key });
          case 'refused':
            throw faultRefusal(outcome.faults);
          case 'conflict':
            throw new Refusal('conflict', outcome.message);
        }
      },
    },

    remove: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const { id } = request.params as { id: string };
        if (await removeKey(config, callerAccount(request).id, id)) return reply.code(204).send();
        throw new Refusal('not_found', `there is no key "${id}"; see "carom keys"`);
      },
    },
  };
}
