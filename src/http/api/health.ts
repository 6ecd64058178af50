/** Alive, ready, and what Prometheus reads. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiTools } from '../api-tools.ts';
import type { Metrics } from '../metrics.ts';
import { Refusal } from '../refusal.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function healthEndpoints({ checkReady, isStopping, version }: ApiTools, metrics: Metrics) {
  return {
    alive: { handler: async () => ({ status: 'alive', version }) },
    ready: {
      handler: async () => {
        if (isStopping()) throw new Refusal('unavailable', 'this node is stopping', { retryAfterS: 1 });
        await checkReady();
        return { status: 'ready' };
      },
    },
    metrics: {
      handler: async (_request: FastifyRequest, reply: FastifyReply) =>
        reply.type(metrics.contentType).send(await metrics.render()),
    },
  };
}
