/** Every URL, on one page. A scope is an API: it has its own way in and its own shape of errors. */
import type { FastifyInstance } from 'fastify';
import type { ApiTools } from './api-tools.ts';
import { errorHandler } from './as-refusal.ts';
import { enter } from './api/entry.ts';
import { eventEndpoints } from './api/events.ts';
import { healthEndpoints } from './api/health.ts';
import { profileEndpoints } from './api/profiles.ts';
import { receiptEndpoints } from './api/receipts.ts';
import { statsEndpoints } from './api/stats.ts';
import { transactionEndpoints } from './api/transactions.ts';
import { webengageEndpoints } from './dialects/webengage-endpoints.ts';
import { acceptCallbackBodies } from './callback-bodies.ts';
import { createMetrics } from './metrics.ts';
import { problem } from './problem.ts';
import { Refusal } from './refusal.ts';

/** Registers them all; a worker has only the first three. */
export function registerRoutes(app: FastifyInstance, tools: ApiTools, role: 'all' | 'api' | 'worker'): void {
  const metrics = createMetrics(tools);
  metrics.observe(app);
  app.setErrorHandler(errorHandler(problem));
  app.setNotFoundHandler((request) => {
    throw new Refusal('not_found', `there is nothing at ${request.method} ${request.url.split('?')[0]}`);
  });

  const health = healthEndpoints(tools, metrics);
  app.get('/healthz', health.alive);
  app.get('/readyz', health.ready);
  app.get('/metrics', health.metrics);
  if (role === 'worker') return;

  app.register(async (webengage) => {
    const endpoints = webengageEndpoints(tools);
    webengage.setErrorHandler(endpoints.errorHandler);
    webengage.post('/v2/accounts/:account/transaction', endpoints.transaction);
    webengage.post('/v2/accounts/:account/experiments/:campaign/transaction', endpoints.singleTransaction);
    webengage.post('/v1/accounts/:account/users', endpoints.users);
    webengage.post('/v1/accounts/:account/events', endpoints.events);
  });

  app.register(async (vendors) => {
    acceptCallbackBodies(vendors);
    const receipts = receiptEndpoints(tools);
    vendors.post('/v1/receipts/:provider/:secret', receipts.take);
    vendors.get('/v1/receipts/:provider/:secret', receipts.take);
  });

  app.register(async (own) => {
    own.addHook('onRequest', enter(tools));
    const transactions = transactionEndpoints(tools);
    own.post('/v1/transactions', transactions.create);
    own.get('/v1/transactions', transactions.list);
    own.get('/v1/transactions/:id', transactions.get);
    own.post('/v1/transactions/:id/cancel', transactions.cancel);

    const profiles = profileEndpoints(tools);
    own.get('/v1/profiles/:userId', profiles.get);
    own.put('/v1/profiles/:userId', profiles.put);
    own.patch('/v1/profiles/:userId', profiles.patch);
    own.delete('/v1/profiles/:userId', profiles.remove);

    const events = eventEndpoints(tools);
    own.post('/v1/events', events.create);
    own.get('/v1/events', events.list);
    own.get('/v1/profiles/:userId/events', events.ofUser);

    own.get('/v1/stats', statsEndpoints(tools).get);
  });
}
