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
export function createMetrics({ engine, batches, log }: ApiTools): Metrics {
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
  const visitsDropped: Counter = new Counter({
    name: 'carom_visits_dropped_total',
    help: 'Clicks and opens that were answered but not told, because too many were being told',
    registers: [registry],
    collect: () => {
      visitsDropped.reset();
      visitsDropped.inc(engine.visits.dropped());
    },
  });
  observeEventStarts(registry, engine);
  observeBatches(registry, { engine, batches, log });
  observeWebhooks(registry, engine);
  observeProviders(registry, engine);
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

function observeBatches(
  registry: Registry,
  { engine, batches, log }: Pick<ApiTools, 'engine' | 'batches' | 'log'>,
): void {
  const ofCounters = (name: string, help: string, read: () => number) => {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  };
  const { counters } = engine.batches;
  ofCounters('carom_batch_recipients_accepted_total', 'Recipients of accepted batches', () => counters().accepted);
  const expanded = 'Recipients of batches whose turn has come';
  ofCounters('carom_batch_recipients_expanded_total', expanded, () => counters().expanded);
  const open: Gauge = new Gauge({
    name: 'carom_batches_open',
    help: 'Batches that have not ended, of all nodes',
    registers: [registry],
    collect: async () => {
      try {
        open.set(await batches.open());
      } catch (error) {
        log.debug({ error }, 'open batches could not be counted');
      }
    },
  });
}

function observeEventStarts(registry: Registry, { eventStarts }: ApiTools['engine']): void {
  const starts: Counter<'result'> = new Counter({
    name: 'carom_event_starts_total',
    help: 'Transactions started by events on this node (started), and campaigns that could not be started any more (refused)',
    labelNames: ['result'],
    registers: [registry],
    collect: () => {
      const { started, refused } = eventStarts();
      starts.reset();
      for (const [result, count] of Object.entries({ started, refused })) starts.inc({ result }, count);
    },
  });
}

function observeWebhooks(registry: Registry, { webhooks }: ApiTools['engine']): void {
  const calls: Counter<'result'> = new Counter({
    name: 'carom_webhook_calls_total',
    help: 'Calls of webhooks made by this node: delivered, failed and tried again later (retried), given up (failed)',
    labelNames: ['result'],
    registers: [registry],
    collect: () => {
      const { delivered, retried, failed } = webhooks.figures();
      calls.reset();
      for (const [result, count] of Object.entries({ delivered, retried, failed })) calls.inc({ result }, count);
    },
  });
  const waiting: Gauge = new Gauge({
    name: 'carom_webhook_calls_waiting',
    help: 'Calls of webhooks that wait, of all nodes, some seconds ago; 100000 means at least so many',
    registers: [registry],
    collect: () => waiting.set(webhooks.figures().waiting),
  });
}

function observeProviders(registry: Registry, { health }: ApiTools['engine']): void {
  const labelNames = ['account', 'provider'] as const;
  const circuits: Gauge<'account' | 'provider' | 'state'> = new Gauge({
    name: 'carom_provider_circuit',
    help: 'Circuits of the providers that this node uses or that are broken: 1 in the state that it is in (closed, open, half_open)',
    labelNames: [...labelNames, 'state'],
    registers: [registry],
    collect: () => {
      circuits.reset();
      for (const { accountId: account, id: provider, circuit } of health.all())
        circuits.set({ account, provider, state: circuit.state.name }, 1);
    },
  });
  const calls: Counter<'account' | 'provider' | 'result'> = new Counter({
    name: 'carom_provider_calls_total',
    help: 'Messages handed to providers by this node, by what came of it: good (taken, or refused for its own sake), fault (of the provider), asked (to come later)',
    labelNames: [...labelNames, 'result'],
    registers: [registry],
    collect: () => {
      calls.reset();
      for (const { accountId: account, id: provider, totals } of health.all())
        for (const [result, count] of Object.entries(totals.calls)) calls.inc({ account, provider, result }, count);
    },
  });
  const seconds: Counter<'account' | 'provider'> = new Counter({
    name: 'carom_provider_call_seconds_total',
    help: 'Time that these calls took',
    labelNames,
    registers: [registry],
    collect: () => {
      seconds.reset();
      for (const { accountId: account, id: provider, totals } of health.all())
        seconds.inc({ account, provider }, totals.tookMs / 1_000);
    },
  });
}
