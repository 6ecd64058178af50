/** The handlers of Connectly's endpoints. */
import type { FastifyRequest } from 'fastify';
import type { CampaignId } from '#domain/ids.ts';
import { createWebhook } from '#engine/webhook-admin.ts';
import type { ApiTools } from '../api-tools.ts';
import { startBreathing } from '../json-in-slices.ts';
import { limitLargeBodies } from '../large-json-bodies.ts';
import { Refusal } from '../refusal.ts';
import { accountIn, entrance } from './connectly-entry.ts';
import { groupsOf, sendAnswer, sendoutGroup } from './connectly-send.ts';
import { wantedWebhook } from './connectly-webhooks.ts';
import { coded } from './connectly.ts';

/** Bytes of a call: 100,000 entries with some variables. */
const CALL_MAX_BYTES = 16_777_216;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function connectlyEndpoints(tools: ApiTools) {
  const { engine, clock } = tools;
  const enter = entrance(tools);

  async function send(request: FastifyRequest): Promise<object> {
    const account = accountIn(tools, request);
    const { config } = engine;
    const groups = await groupsOf(request.body, { config, account, now: clock.now(), breathe: startBreathing() });
    const result = await engine.batches.acceptSendouts(account, groups.map(sendoutGroup));
    if (result.kind === 'accepted') return sendAnswer(groups, result.sendouts, request.id);
    const { refusal } = result;
    if (refusal.kind === 'invalid') throw new Refusal('invalid', refusal.message);
    // It was stopped or removed while the call was read.
    throw stopped(refusal.campaignId);
  }

  async function create(request: FastifyRequest): Promise<object> {
    const { topic, address, type, webhook } = wantedWebhook(request.body);
    const admin = { config: engine.config, sender: engine.webhooks };
    const outcome = await createWebhook(admin, accountIn(tools, request).id, webhook);
    switch (outcome.kind) {
      case 'done':
        return { topic, address, type, secret: outcome.secret };
      case 'conflict':
        throw new Refusal('conflict', outcome.message);
      case 'refused': {
        const said = outcome.faults.map(
          ({ path, message }) => `${path.at(-1) === 'url' ? 'address' : path.join('.')} ${message}`,
        );
        throw new Refusal('invalid', said.join('; '));
      }
    }
  }

  return {
    send: {
      bodyLimit: CALL_MAX_BYTES,
      onRequest: [enter('trigger'), limitLargeBodies()],
      handler: send,
    },

    createWebhook: { onRequest: enter('admin'), handler: create },
  };
}

function stopped(id: CampaignId): Refusal {
  return coded('MESSAGE_TEMPLATE_NOT_FOUND', new Refusal('conflict', `the campaign "${id}" is not published any more`));
}
