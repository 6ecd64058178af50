/** Every URL, on one page. A scope is an API: it has its own way in and its own shape of errors. */
import type { FastifyInstance } from 'fastify';
import type { ApiTools } from './api-tools.ts';
import { errorHandler } from './as-refusal.ts';
import { accountEndpoints } from './api/accounts.ts';
import { campaignEndpoints } from './api/campaigns.ts';
import { enter } from './api/entry.ts';
import { eventEndpoints } from './api/events.ts';
import { healthEndpoints } from './api/health.ts';
import { keyEndpoints } from './api/keys.ts';
import { manifestEndpoints } from './api/manifest.ts';
import { profileEndpoints } from './api/profiles.ts';
import { providerEndpoints } from './api/providers.ts';
import { receiptEndpoints } from './api/receipts.ts';
import { statsEndpoints } from './api/stats.ts';
import { transactionEndpoints } from './api/transactions.ts';
import { webengageEndpoints } from './dialects/webengage-endpoints.ts';
import { refusalAnswer } from './dialects/webengage.ts';
import { webengageTrackingEndpoints } from './dialects/webengage-tracking-endpoints.ts';
import { acceptCallbackBodies } from './callback-bodies.ts';
import { createMetrics } from './metrics.ts';
import { problem } from './problem.ts';
import { Refusal } from './refusal.ts';
import { acceptYamlBodies } from './yaml-bodies.ts';

/** A refusal in the shape of the API whose URL it looks like: for what no route takes, or cannot be read as a URL at all. */
export function refusalShape(url: string): (refusal: Refusal) => { body: unknown; type: string } {
  return /^\/v[12]\/accounts\/./.test(url) ? refusalAnswer : problem;
}

/** Registers them all; a worker has only the first three. */
export function registerRoutes(app: FastifyInstance, tools: ApiTools, role: 'all' | 'api' | 'worker'): void {
  const metrics = createMetrics(tools);
  metrics.observe(app);
  app.setErrorHandler((error, request, reply) => errorHandler(refusalShape(request.url))(error, request, reply));
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
    const tracking = webengageTrackingEndpoints(tools);
    webengage.post('/v1/accounts/:account/users', tracking.users);
    webengage.post('/v1/accounts/:account/events', tracking.events);
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
    registerConfiguration(own, tools);
  });
}

/** What is configured: by manifest, and piece by piece. */
function registerConfiguration(own: FastifyInstance, tools: ApiTools): void {
  own.register(async (manifests) => {
    acceptYamlBodies(manifests);
    const manifest = manifestEndpoints(tools);
    manifests.get('/v1/manifest', manifest.get);
    manifests.put('/v1/manifest', manifest.put);
  });

  const campaigns = campaignEndpoints(tools);
  own.get('/v1/campaigns', campaigns.list);
  own.get('/v1/campaigns/:id', campaigns.get);
  own.put('/v1/campaigns/:id', campaigns.put);
  own.patch('/v1/campaigns/:id', campaigns.patch);
  own.delete('/v1/campaigns/:id', campaigns.remove);
  own.post('/v1/campaigns/:id/start', campaigns.start);
  own.post('/v1/campaigns/:id/pause', campaigns.pause);
  own.post('/v1/campaigns/:id/end', campaigns.end);
  own.post('/v1/campaigns/:id/preview', campaigns.preview);

  const providers = providerEndpoints(tools);
  own.get('/v1/providers', providers.list);
  own.get('/v1/providers/:id', providers.get);

  const keys = keyEndpoints(tools);
  own.get('/v1/keys', keys.list);
  own.post('/v1/keys', keys.create);
  own.delete('/v1/keys/:id', keys.remove);

  own.get('/v1/accounts', accountEndpoints(tools).list);
}
