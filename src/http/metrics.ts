/** What Prometheus reads. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';
import type { ApiTools } from './api-tools.ts';

/** Upper bounds of the request durations, in seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** The metrics of one node. */
export interface Metrics {
  contentType: string;
  render(): Promise<string>;
  /** Observes every request of the server. */
  observe(app: FastifyInstance): void;
}

/** Fresh metrics, on a registry of their own. */
export function createMetrics({ engine }: ApiTools): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'carom_http_requests_total',
    help: 'HTTP requests answered',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'carom_http_request_duration_seconds',
    help: 'Time from the request to the answer',
    labelNames: ['route'],
    buckets: BUCKETS_S,
    registers: [registry],
  });
  const inHand: Gauge = new Gauge({
    name: 'carom_transactions_in_hand',
    help: 'Transactions this node is working on now',
    registers: [registry],
    collect: () => inHand.set(engine.inHand()),
  });
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    observe: (app) => {
      app.addHook('onResponse', (request, reply, done) => {
        const route = request.routeOptions.url ?? 'unknown';
        requests.inc({ method: request.method, route, status: String(reply.statusCode) });
        durations.observe({ route }, reply.elapsedTime / 1_000);
        done();
      });
    },
  };
}
