/** Our API: campaigns one by one, in the words of the manifest. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';
import { CAMPAIGN_STATES } from '#domain/campaign.ts';
import type { Campaign, CampaignVerb } from '#domain/campaign.ts';
import { ID_LENGTH_MAX } from '#domain/request.ts';
import type { JsonObject } from '#domain/request.ts';
import {
  patchCampaign,
  putCampaign,
  removeCampaign,
  tellCampaign,
  versionedCampaignView,
} from '#engine/campaign-admin.ts';
import type { CampaignOutcome } from '#engine/campaign-admin.ts';
import { previewCampaign } from '#engine/campaign-preview.ts';
import type { ApiTools } from '../api-tools.ts';
import { word } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { faultRefusal } from './fault-refusal.ts';

const PreviewBody = Type.Object(
  {
    userId: Type.Optional(Type.String({ minLength: 1, maxLength: ID_LENGTH_MAX })),
    token: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    email: Type.Optional(Type.String()),
    phone: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
type PreviewBody = Static<typeof PreviewBody>;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function campaignEndpoints(tools: ApiTools) {
  const { engine, templates, providerTypes, hooks, files, clock } = tools;
  const { config } = engine;
  const admin = { config, templates, providerTypes, hooks, files, clock };
  const target = (request: FastifyRequest) => [callerAccount(request).id, idOf(request)] as const;

  function find(request: FastifyRequest): Campaign {
    const campaign = config.campaign(...target(request));
    if (!campaign) throw unknown(request);
    return campaign;
  }

  const verb = (word: CampaignVerb) => ({
    config: { scope: 'admin' as const },
    handler: async (request: FastifyRequest) => answer(await tellCampaign(admin, ...target(request), word), request),
  });

  return {
    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const state = word(request, 'state', CAMPAIGN_STATES);
        const all = config.campaigns(callerAccount(request).id);
        return {
          data: all.filter((one) => state === undefined || one.state === state).map(versionedCampaignView),
          next: null,
        };
      },
    },

    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => versionedCampaignView(find(request)),
    },

    put: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const outcome = await putCampaign(admin, ...target(request), request.body);
        if (outcome.kind === 'done' && outcome.isNew) reply.code(201);
        return answer(outcome, request);
      },
    },

    patch: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest) =>
        answer(await patchCampaign(admin, ...target(request), request.body), request),
    },

    remove: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        if (await removeCampaign(config, ...target(request))) return reply.code(204).send();
        throw unknown(request);
      },
    },

    start: verb('start'),
    pause: verb('pause'),
    end: verb('end'),

    preview: {
      schema: { body: PreviewBody },
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => preview(tools, request, find(request)),
    },
  };
}

async function preview(tools: ApiTools, request: FastifyRequest, campaign: Campaign): Promise<object> {
  const { userId, token, params, email, phone } = request.body as PreviewBody;
  const wanted = {
    userId: userId ?? null,
    token: (token ?? {}) as JsonObject,
    params: (params ?? {}) as JsonObject,
    email: email ?? null,
    phone: phone ?? null,
  };
  const rendered = await previewCampaign(tools, callerAccount(request), campaign, wanted);
  if (rendered.kind === 'failed')
    throw new Refusal('invalid', `the campaign cannot be rendered with these values: ${rendered.message}`);
  const { id: campaignId, version } = campaign;
  const messages = rendered.messages.map(({ texts, ...message }) => ({ ...message, ...texts }));
  // The first message's, for whoever knows campaigns of one message only.
  const { stage: _stage, ...first } = messages[0]!;
  return { campaignId, version, ...first, messages };
}

function answer(outcome: CampaignOutcome, request: FastifyRequest): object {
  switch (outcome.kind) {
    case 'done':
      return versionedCampaignView(outcome.campaign);
    case 'refused':
      throw faultRefusal(outcome.faults);
    case 'conflict':
      throw new Refusal('conflict', outcome.message);
    case 'unknown':
      throw unknown(request);
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

function unknown(request: FastifyRequest): Refusal {
  return new Refusal('not_found', `there is no campaign "${idOf(request)}"; see "carom campaigns"`);
}
