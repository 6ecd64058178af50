/** Our API: webhooks, the log of their calls, and calling again. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Webhook } from '#domain/webhook.ts';
import { isoTime, parseInstant } from '#domain/time.ts';
import { createWebhook, putWebhook, removeWebhook, writtenView } from '#engine/webhook-admin.ts';
import type { WebhookAdminOutcome } from '#engine/webhook-admin.ts';
import { webhookView } from '#engine/manifest/webhook.ts';
import { CALL_STATES } from '#ports/webhook-store.ts';
import type { CallFilter, CallName, LoggedCall } from '#ports/webhook-store.ts';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ApiTools } from '../api-tools.ts';
import { instant, word } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { faultRefusal } from './fault-refusal.ts';
import { pageQuery } from './page-query.ts';

const RangeBody = Type.Object(
  {
    since: Type.String(),
    until: Type.Optional(Type.String()),
    state: Type.Optional(Type.Union([Type.Literal('delivered'), Type.Literal('failed')])),
  },
  { additionalProperties: false },
);

/** What a page of the log ends with. */
const isCursor = (text: string): boolean => /^\d{1,15}_[\w-]{1,100}$/.test(text);

/** The endpoints; `registerRoutes` gives them their URLs. */
export function webhookEndpoints({ engine, webhookCalls, clock }: ApiTools) {
  const { config, webhooks } = engine;
  const admin = { config, sender: webhooks };

  function find(request: FastifyRequest): Webhook {
    const webhook = config.webhook(callerAccount(request).id, idOf(request));
    if (!webhook) throw unknown(request);
    return webhook;
  }

  async function findCall(request: FastifyRequest): Promise<LoggedCall> {
    const name = callName(find(request), request);
    const call = await webhookCalls.find(name);
    if (!call) throw unknownCall(name);
    return call;
  }

  return {
    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => ({
        data: config.webhooks(callerAccount(request).id).map(webhookView),
        next: null,
      }),
    },

    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => webhookView(find(request)),
    },

    create: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) =>
        answer(await createWebhook(admin, callerAccount(request).id, request.body), reply),
    },

    put: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) =>
        answer(await putWebhook(admin, callerAccount(request).id, idOf(request), request.body), reply),
    },

    remove: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        if (await removeWebhook(config, callerAccount(request).id, idOf(request))) return reply.code(204).send();
        throw unknown(request);
      },
    },

    test: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest) => {
        const { id, outcome, tookMs } = await webhooks.test(find(request));
        const isDelivered = outcome.kind === 'delivered';
        return { id, delivered: isDelivered, status: outcome.status, error: isDelivered ? null : outcome.error, tookMs };
      },
    },

    calls: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { limit, cursor } = pageQuery(request, isCursor);
        const page = await webhookCalls.list(filterOf(find(request), request), limit, cursor);
        return { data: page.data.map(callView), next: page.next };
      },
    },

    call: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => callView(await findCall(request)),
    },

    replayCall: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const webhook = enabled(find(request));
        const name = callName(webhook, request);
        if (!(await webhooks.replay(name))) throw unknownCall(name);
        return reply.code(202).send(callView(await findCall(request)));
      },
    },

    replay: {
      schema: { body: RangeBody },
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const { accountId, id: webhookId } = enabled(find(request));
        const { since, until, state } = request.body as Static<typeof RangeBody>;
        const range = { since: time('since', since), until: until === undefined ? clock.now() : time('until', until) };
        const replayed = await webhooks.replayRange({ accountId, webhookId, ...range, ...(state && { state }) });
        return reply.code(202).send({ replayed });
      },
    },
  };
}

function answer(outcome: WebhookAdminOutcome, reply: FastifyReply): FastifyReply {
  switch (outcome.kind) {
    case 'done':
      return reply.code(outcome.isNew ? 201 : 200).send(writtenView(outcome.webhook, outcome.secret));
    case 'refused':
      throw faultRefusal(outcome.faults);
    case 'conflict':
      throw new Refusal('conflict', outcome.message);
  }
}

function callView({ id, type, transactionId, state, attempts, at, triedAt, dueAt, status, error, body }: LoggedCall): object {
  return {
    id,
    type,
    transactionId,
    state,
    attempts,
    status,
    error,
    at: isoTime(at),
    triedAt: triedAt === null ? null : isoTime(triedAt),
    dueAt: dueAt === null ? null : isoTime(dueAt),
    body: JSON.parse(body) as unknown,
  };
}

function filterOf({ accountId, id: webhookId }: Webhook, request: FastifyRequest): CallFilter {
  const state = word(request, 'state', CALL_STATES);
  const since = instant(request, 'since');
  return { accountId, webhookId, ...(state && { state }), ...(since !== undefined && { since }) };
}

function time(name: string, text: string): number {
  const at = parseInstant(text);
  if (at !== null) return at;
  throw new Refusal('invalid', `${name} must be an ISO-8601 time with an offset, such as 2026-05-21T10:00:00Z`);
}

/** What waits for a disabled webhook would go on waiting. */
function enabled(webhook: Webhook): Webhook {
  if (webhook.enabled) return webhook;
  throw new Refusal('conflict', `the webhook "${webhook.id}" is disabled; enable it with PUT and "enabled": true first`);
}

function callName({ accountId, id: webhookId }: Webhook, request: FastifyRequest): CallName {
  return { accountId, webhookId, id: (request.params as { call: string }).call };
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function unknown(request: FastifyRequest): Refusal {
  return new Refusal('not_found', `there is no webhook "${idOf(request)}"; see "carom webhooks"`);
}

function unknownCall({ webhookId, id }: CallName): Refusal {
  return new Refusal('not_found', `the webhook "${webhookId}" has no call "${id}"; see "carom webhooks calls ${webhookId}"`);
}
