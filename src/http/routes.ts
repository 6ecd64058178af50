/** Every URL, on one page. A scope is an API: it has its own way in and its own shape of errors. */
import type { FastifyInstance } from 'fastify';
import { SHARED_LENGTH_MAX } from '#domain/batch.ts';
import type { ApiTools } from './api-tools.ts';
import { errorHandler } from './as-refusal.ts';
import type { RenderRefusal } from './as-refusal.ts';
import { accountEndpoints } from './api/accounts.ts';
import { batchEndpoints } from './api/batches.ts';
import { campaignEndpoints } from './api/campaigns.ts';
import { enter } from './api/entry.ts';
import { eventEndpoints } from './api/events.ts';
import { healthEndpoints } from './api/health.ts';
import { keyEndpoints } from './api/keys.ts';
import { limitEndpoints } from './api/limits.ts';
import { manifestEndpoints } from './api/manifest.ts';
import { profileEndpoints } from './api/profiles.ts';
import { providerTestEndpoints } from './api/provider-tests.ts';
import { providerEndpoints } from './api/providers.ts';
import { receiptEndpoints } from './api/receipts.ts';
import { statsEndpoints } from './api/stats.ts';
import { suppressionEndpoints } from './api/suppressions.ts';
import { transactionEndpoints } from './api/transactions.ts';
import { webhookCallEndpoints } from './api/webhook-calls.ts';
import { webhookEndpoints } from './api/webhooks.ts';
import { acceptJsonAndXml } from './dialects/altcraft-body.ts';
import { altcraftEndpoints } from './dialects/altcraft-endpoints.ts';
import { ALTCRAFT_URL, refusalAnswer as altcraftRefusal } from './dialects/altcraft.ts';
import { connectlyEndpoints } from './dialects/connectly-endpoints.ts';
import { CONNECTLY_URL, refusalAnswer as connectlyRefusal } from './dialects/connectly.ts';
import { webengageEndpoints } from './dialects/webengage-endpoints.ts';
import { refusalAnswer } from './dialects/webengage.ts';
import { webengageGatewayEndpoints } from './dialects/webengage-gateway-endpoints.ts';
import { webengageTrackingEndpoints } from './dialects/webengage-tracking-endpoints.ts';
import { acceptJsonUnderAnyName } from './dialects/xtremepush-body.ts';
import { xtremepushEndpoints } from './dialects/xtremepush-endpoints.ts';
import { XTREMEPUSH_URL, refusalAnswer as xtremepushRefusal } from './dialects/xtremepush.ts';
import { acceptBodiesWithFiles } from './attachments.ts';
import { acceptCallbackBodies } from './callback-bodies.ts';
import { BODY_MAX_BYTES, jsonBodyReader } from './json-bodies.ts';
import { acceptFileBodies } from './uploads/file-bodies.ts';
import { acceptLargeJsonBodies } from './large-json-bodies.ts';
import { createMetrics } from './metrics.ts';
import { problem } from './problem.ts';
import { pushEndpoints } from './push/endpoints.ts';
import { Refusal } from './refusal.ts';
import { trackingEndpoints } from './tracking/endpoints.ts';
import { refusalPage } from './tracking/pages.ts';
import { acceptYamlBodies } from './yaml-bodies.ts';

/** A refusal in the shape of the API whose URL it looks like: for what no route takes, or cannot be read as a URL at all. */
export function refusalShape(url: string): RenderRefusal {
  if (ALTCRAFT_URL.test(url)) return altcraftRefusal;
  if (CONNECTLY_URL.test(url)) return connectlyRefusal;
  if (XTREMEPUSH_URL.test(url)) return xtremepushRefusal;
  if (/^\/[cou]\//.test(url)) return refusalPage;
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

  registerDialects(app, tools);

  app.register(async (vendors) => {
    acceptCallbackBodies(vendors);
    const receipts = receiptEndpoints(tools);
    vendors.post('/v1/receipts/:provider/:secret', receipts.take);
    vendors.get('/v1/receipts/:provider/:secret', receipts.take);
    // Where gateways made for WebEngage report: only the host changes for them.
    vendors.post('/tracking/events', receipts.takeByToken);
    vendors.post('/tracking/privatessp-events', receipts.takeByToken);
    vendors.post('/tracking/:token/private-esp-events', receipts.takeByToken);
  });

  registerLinks(app, tools);
  registerPush(app, tools);

  app.register(async (own) => {
    own.addHook('onRequest', enter(tools));
    const transactions = transactionEndpoints(tools);
    registerWithFiles(own, (scope) => scope.post('/v1/transactions', transactions.create));
    own.get('/v1/transactions', transactions.list);
    own.get('/v1/transactions/:id', transactions.get);
    own.post('/v1/transactions/:id/cancel', transactions.cancel);
    own.post('/v1/transactions/:id/replay', transactions.replay);

    registerBatches(own, tools);

    const profiles = profileEndpoints(tools);
    own.get('/v1/profiles/:userId', profiles.get);
    own.put('/v1/profiles/:userId', profiles.put);
    own.patch('/v1/profiles/:userId', profiles.patch);
    own.delete('/v1/profiles/:userId', profiles.remove);

    const suppressions = suppressionEndpoints(tools);
    own.get('/v1/suppressions', suppressions.list);
    own.get('/v1/suppressions/:channel/:address', suppressions.get);
    own.put('/v1/suppressions/:channel/:address', suppressions.put);
    own.delete('/v1/suppressions/:channel/:address', suppressions.remove);

    const events = eventEndpoints(tools);
    own.post('/v1/events', events.create);
    own.get('/v1/events', events.list);
    own.get('/v1/profiles/:userId/events', events.ofUser);

    own.get('/v1/stats', statsEndpoints(tools).get);
    registerConfiguration(own, tools);
  });
}

/** The vendors' own endpoints. */
function registerDialects(app: FastifyInstance, tools: ApiTools): void {
  app.register(async (webengage) => {
    const endpoints = webengageEndpoints(tools);
    webengage.setErrorHandler(endpoints.errorHandler);
    webengage.post('/v2/accounts/:account/transaction', endpoints.transaction);
    webengage.post('/v2/accounts/:account/experiments/:campaign/transaction', endpoints.singleTransaction);
    const tracking = webengageTrackingEndpoints(tools);
    webengage.post('/v1/accounts/:account/users', tracking.users);
    webengage.post('/v1/accounts/:account/events', tracking.events);
  });

  app.register(async (gateway) => {
    const endpoints = webengageGatewayEndpoints(tools);
    gateway.setErrorHandler(endpoints.errorHandler);
    gateway.post('/v1/gateways/:channel', endpoints.take);
  });

  app.register(async (xtremepush) => {
    acceptJsonUnderAnyName(xtremepush);
    const endpoints = xtremepushEndpoints(tools);
    xtremepush.setErrorHandler(endpoints.errorHandler);
    xtremepush.post('/api/external/execute/campaign', endpoints.execute);
    xtremepush.post('/api/external/start/campaign', endpoints.start);
    xtremepush.post('/api/external/stop/campaign', endpoints.stop);
    xtremepush.all('/api/external/:method/:model', endpoints.other);
  });

  app.register(async (connectly) => {
    acceptLargeJsonBodies(connectly, SHARED_LENGTH_MAX);
    const endpoints = connectlyEndpoints(tools);
    connectly.setErrorHandler(errorHandler(connectlyRefusal));
    connectly.post('/v1/businesses/:account/send/campaigns', endpoints.send);
    connectly.post('/v1/businesses/:account/create/webhooks', endpoints.createWebhook);
  });

  app.register(async (altcraft) => {
    acceptJsonAndXml(altcraft);
    const endpoints = altcraftEndpoints(tools);
    altcraft.setErrorHandler(endpoints.errorHandler);
    altcraft.post('/api/v1.1/campaigns/triggers/start', endpoints.start);
    altcraft.post('/api/v1.1/campaigns/triggers/start_batch', endpoints.startBatch);
    altcraft.post('/api/v1.1/campaigns/triggers/start_batch_task', endpoints.startBatchTask);
    altcraft.post('/api/v1.1/tasks/get', endpoints.task);
  });
}

/** The scope takes JSON with files in it. */
function registerWithFiles(own: FastifyInstance, register: (scope: FastifyInstance) => void): void {
  own.register(async (scope) => {
    const read = jsonBodyReader(scope);
    acceptBodiesWithFiles(scope, {
      member: 'attachments',
      restMaxBytes: BODY_MAX_BYTES,
      type: 'application/json',
      parse: (request, { rest }) => read(request, rest),
    });
    register(scope);
  });
}

function registerBatches(own: FastifyInstance, tools: ApiTools): void {
  own.register(async (large) => {
    acceptLargeJsonBodies(large, SHARED_LENGTH_MAX);
    acceptFileBodies(large);
    const batches = batchEndpoints(tools);
    large.post('/v1/batches', batches.create);
    large.get('/v1/batches', batches.list);
    large.get('/v1/batches/:id', batches.get);
    large.get('/v1/batches/:id/recipients', batches.recipients);
    large.post('/v1/batches/:id/cancel', batches.cancel);
    large.post('/v1/batches/:id/pause', batches.pause);
    large.post('/v1/batches/:id/resume', batches.resume);
  });
}

/** Where the links in messages lead: pages, not an API. */
function registerLinks(app: FastifyInstance, tools: ApiTools): void {
  app.register(async (links) => {
    acceptCallbackBodies(links);
    const tracking = trackingEndpoints(tools);
    links.addHook('onRequest', tracking.enter);
    links.setErrorHandler(tracking.errorHandler);
    links.get('/c/:token', tracking.click);
    links.get('/o/:token', tracking.open);
    links.get('/u/:token', tracking.page);
    links.post('/u/:token', tracking.change);
  });
}

/** What the users' devices ask for. */
function registerPush(app: FastifyInstance, tools: ApiTools): void {
  app.register(async (devices) => {
    acceptCallbackBodies(devices);
    const push = pushEndpoints(tools);
    devices.get('/push/sw.js', push.serviceWorker);
    devices.post('/r/:token/:status', push.report);
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
  own.post('/v1/providers/:id/test', providerTestEndpoints(tools).create);

  const keys = keyEndpoints(tools);
  own.get('/v1/keys', keys.list);
  own.post('/v1/keys', keys.create);
  own.delete('/v1/keys/:id', keys.remove);

  own.get('/v1/accounts', accountEndpoints(tools).list);
  own.get('/v1/limits', limitEndpoints(tools).list);

  const webhooks = webhookEndpoints(tools);
  own.get('/v1/webhooks', webhooks.list);
  own.post('/v1/webhooks', webhooks.create);
  own.get('/v1/webhooks/:id', webhooks.get);
  own.put('/v1/webhooks/:id', webhooks.put);
  own.delete('/v1/webhooks/:id', webhooks.remove);
  own.post('/v1/webhooks/:id/test', webhooks.test);

  const calls = webhookCallEndpoints(tools);
  own.get('/v1/webhooks/:id/calls', calls.list);
  own.get('/v1/webhooks/:id/calls/:call', calls.get);
  own.post('/v1/webhooks/:id/calls/:call/replay', calls.replayCall);
  own.post('/v1/webhooks/:id/replay', calls.replay);
}
