/** The handlers of Xtremepush's endpoints. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Recipient } from '#domain/batch.ts';
import { messagesOf, stagesOf } from '#domain/campaign.ts';
import type { Campaign, CampaignVerb, Channel } from '#domain/campaign.ts';
import { tellCampaign } from '#engine/campaign-admin.ts';
import type { ApiTools } from '../api-tools.ts';
import { errorHandler } from '../as-refusal.ts';
import { startBreathing } from '../json-in-slices.ts';
import { limitLargeBodies } from '../large-json-bodies.ts';
import { Refusal } from '../refusal.ts';
import { CALL_MAX_BYTES } from './xtremepush-body.ts';
import { accountIn, entrance } from './xtremepush-entry.ts';
import { campaignIdOf, executeCall } from './xtremepush-execute.ts';
import { refusalAnswer, successAnswer } from './xtremepush.ts';

/** The methods of the vendor's that are spoken here, on campaigns. */
const METHODS = ['execute', 'start', 'stop'];
const MODEL = 'campaign';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function xtremepushEndpoints(tools: ApiTools) {
  const { engine, templates, clock } = tools;
  const enter = entrance(tools);

  /** The campaign that a call names. @throws {Refusal} not_found. */
  function campaignOf(request: FastifyRequest): Campaign {
    const [account, id] = [accountIn(request), campaignIdOf(request.body)];
    const campaign = engine.config.campaign(account.id, id);
    if (!campaign) throw new Refusal('not_found', `there is no campaign "${id}"; see "carom campaigns"`);
    return campaign;
  }

  async function execute(request: FastifyRequest): Promise<object> {
    const campaign = campaignOf(request);
    refuseStopped(campaign);
    const channels = new Set<Channel>(messagesOf(campaign.content).map(({ channel }) => channel));
    const call = await executeCall(request.body, { now: clock.now(), templates, breathe: startBreathing(), channels });
    const result = await engine.batches.accept(accountIn(request), call.request, call.recipients);
    if (result.kind === 'refused') throw new Refusal('invalid', aboutUser(result.refusal.message, call.recipients));
    return successAnswer({ id: campaign.id, batch_id: result.batch.id, total: result.batch.total });
  }

  const telling = (verbOf: (campaign: Campaign) => CampaignVerb) => ({
    preValidation: enter('admin'),
    handler: async (request: FastifyRequest) => {
      const campaign = campaignOf(request);
      const outcome = await tellCampaign(engine, campaign.accountId, campaign.id, verbOf(campaign));
      if (outcome.kind === 'conflict') throw new Refusal('invalid', outcome.message);
      if (outcome.kind !== 'done') throw new Refusal('not_found', `there is no campaign "${campaign.id}" any more`);
      return successAnswer({ id: campaign.id, state: outcome.campaign.state });
    },
  });

  return {
    errorHandler: errorHandler(refusalAnswer),

    execute: {
      bodyLimit: CALL_MAX_BYTES,
      onRequest: limitLargeBodies(),
      preValidation: enter('trigger'),
      handler: execute,
    },

    start: telling(() => 'start'),
    // A journey that was stopped cannot be started again (vendor page campaign-start); everything else can.
    stop: telling(({ content }) => (stagesOf(content).length > 1 ? 'end' : 'pause')),

    /** Every other method and model below the vendor's address. */
    other: {
      onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
        const { method, model } = request.params as { method: string; model: string };
        const url = `${request.method} ${request.url.split('?')[0]}`;
        if (model !== MODEL) throw new Refusal('not_found', `there is nothing at ${url}; the model here is "${MODEL}"`);
        reply.header('allow', 'POST');
        const remedy = METHODS.includes(method) ? 'send a POST' : `the methods here are ${METHODS.join(', ')}`;
        throw new Refusal('method_not_allowed', `${url} is no call; ${remedy}`);
      },
      handler: async () => undefined,
    },
  };
}

/** A fault of a recipient names his place in the batch, of which the client knows nothing. */
function aboutUser(message: string, recipients: Recipient[]): string {
  return message.replace(/^recipients\[(\d+)\]:/, (_, place) => `the user "${recipients[Number(place)]!.target}":`);
}

/** The vendor has no code of its own for it: what cannot be done is a 400 with a reason. */
function refuseStopped({ id, state }: Campaign): void {
  if (state === 'running') return;
  const remedy = state === 'ended' ? 'an end is for ever, make a new campaign' : 'start it with start/campaign';
  throw new Refusal('invalid', `the campaign "${id}" is ${state === 'draft' ? 'a draft' : state}; ${remedy}`);
}
