/** Our API: webhooks. The log of their calls is in `webhook-calls.ts`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Webhook } from '#domain/webhook.ts';
import type { ConfigCache } from '#engine/config-cache.ts';
import { createWebhook, putWebhook, removeWebhook, writtenView } from '#engine/webhook-admin.ts';
import type { WebhookAdminOutcome } from '#engine/webhook-admin.ts';
import { webhookView } from '#engine/manifest/webhook.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { faultRefusal } from './fault-refusal.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function webhookEndpoints({ engine }: ApiTools) {
  const { config, webhooks } = engine;
  const admin = { config, sender: webhooks };

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
      handler: async (request: FastifyRequest) => webhookView(findWebhook(config, request)),
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
        const { id, outcome, tookMs } = await webhooks.test(findWebhook(config, request));
        const isDelivered = outcome.kind === 'delivered';
        return {
          id,
          delivered: isDelivered,
          status: outcome.status,
          error: isDelivered ? null : outcome.error,
          tookMs,
        };
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

/** The webhook that a request names. @throws {Refusal} not_found. */
export function findWebhook(config: ConfigCache, request: FastifyRequest): Webhook {
  const webhook = config.webhook(callerAccount(request).id, idOf(request));
  if (!webhook) throw unknown(request);
  return webhook;
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function unknown(request: FastifyRequest): Refusal {
  return new Refusal('not_found', `there is no webhook "${idOf(request)}"; see "carom webhooks"`);
}
