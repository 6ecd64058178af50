/** Our API: the log of webhooks' calls, and calling again. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';
import { isoTime, parseInstant } from '#domain/time.ts';
import type { Webhook } from '#domain/webhook.ts';
import { CALL_STATES } from '#ports/webhook-store.ts';
import type { CallFilter, CallName, LoggedCall } from '#ports/webhook-store.ts';
import type { ApiTools } from '../api-tools.ts';
import { instant, word } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { pageQuery } from './page-query.ts';
import { findWebhook } from './webhooks.ts';

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
export function webhookCallEndpoints({ engine, webhookCalls, clock }: ApiTools) {
  const { config, webhooks } = engine;

  async function findCall(request: FastifyRequest): Promise<LoggedCall> {
    const name = callName(findWebhook(config, request), request);
    const call = await webhookCalls.find(name);
    if (!call) throw unknownCall(name);
    return call;
  }

  return {
    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { limit, cursor } = pageQuery(request, isCursor);
        const page = await webhookCalls.list(filterOf(findWebhook(config, request), request), limit, cursor);
        return { data: page.data.map(callView), next: page.next };
      },
    },

    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => callView(await findCall(request)),
    },

    replayCall: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const webhook = enabled(findWebhook(config, request));
        const name = callName(webhook, request);
        if (!(await webhooks.replay(name))) throw unknownCall(name);
        return reply.code(202).send(callView(await findCall(request)));
      },
    },

    replay: {
      schema: { body: RangeBody },
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const { accountId, id: webhookId } = enabled(findWebhook(config, request));
        const { since, until, state } = request.body as Static<typeof RangeBody>;
        const range = { since: time('since', since), until: until === undefined ? clock.now() : time('until', until) };
        const replayed = await webhooks.replayRange({ accountId, webhookId, ...range, ...(state && { state }) });
        return reply.code(202).send({ replayed });
      },
    },
  };
}

function callView({
  id,
  type,
  transactionId,
  state,
  attempts,
  at,
  triedAt,
  dueAt,
  status,
  error,
  body,
}: LoggedCall): object {
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
  throw new Refusal(
    'conflict',
    `the webhook "${webhook.id}" is disabled; enable it with PUT and "enabled": true first`,
  );
}

function callName({ accountId, id: webhookId }: Webhook, request: FastifyRequest): CallName {
  return { accountId, webhookId, id: (request.params as { call: string }).call };
}

function unknownCall({ webhookId, id }: CallName): Refusal {
  return new Refusal(
    'not_found',
    `the webhook "${webhookId}" has no call "${id}"; see "carom webhooks calls ${webhookId}"`,
  );
}
