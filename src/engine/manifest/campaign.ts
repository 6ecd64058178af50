/** A campaign as a manifest and the API write it, read and written. */
import { CAMPAIGN_STATES } from '#domain/campaign.ts';
import type { Campaign, CampaignContent, CampaignState } from '#domain/campaign.ts';
import type { CampaignId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Path } from './faults.ts';
import { hookView, hookWithSecrets } from './hook.ts';
import type { HookDraft } from './hook.ts';
import { MESSAGE_KEYS, readMessage } from './message.ts';
import type { MessageDraft } from './message.ts';
import { below, blame, idOf, mapOf, refuseUnknown, required, textOf, wordOf } from './reading.ts';
import type { Place } from './reading.ts';
import { contentView, readMessages, readStages } from './stages.ts';
import type { ContentDraft } from './stages.ts';
import { readStartsOn } from './starts-on.ts';

/** What a campaign can be: one message, whose keys are its own, or one of these. */
export const SHAPE_KEYS = ['messages', 'stages'] as const;
type Shape = (typeof SHAPE_KEYS)[number];
/** What is the campaign's, whatever it says. */
export const COMMON_KEYS = ['id', 'name', 'state', 'on'] as const;

/** A campaign that was read. */
export interface CampaignDraft {
  path: Path;
  id: CampaignId;
  name: string;
  /** Absent: a campaign stays in its state, and a new one is a draft. */
  state?: CampaignState;
  on?: NonNullable<Campaign['on']>;
  content: CampaignContent;
  /** The parts of the content, and where they stand. */
  messages: MessageDraft[];
  hooks: HookDraft[];
}

/** Reads one; undefined, with faults, when so much is wrong that nothing more can be said about it. */
export function readCampaign(place: Place): CampaignDraft | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  const shape = SHAPE_KEYS.find((key) => Object.hasOwn(map.value, key));
  refuseOthers(map, shape);
  const id = readId(map);
  const name = textOf(below(map, 'name'));
  const state = wordOf(below(map, 'state'), CAMPAIGN_STATES);
  const on = readStartsOn(below(map, 'on'), id);
  const said = readContent(map, shape);
  if (id === undefined || !said) return undefined;
  return { path: place.path, id, name: name ?? id, ...(state && { state }), ...(on && { on }), ...said };
}

/** A campaign is of one shape, and the keys of a message belong to each message. */
function refuseOthers(map: Place<JsonObject>, shape: Shape | undefined): void {
  if (shape === undefined) return refuseUnknown(map, [...SHAPE_KEYS, ...COMMON_KEYS, ...MESSAGE_KEYS]);
  const others = [...SHAPE_KEYS, ...MESSAGE_KEYS].filter((key) => key !== shape && Object.hasOwn(map.value, key));
  for (const key of others) {
    const remedy = key === 'stages' ? 'keep one of the two' : 'give it to the message it is about';
    blame(below(map, key), `stands beside "${shape}"; ${remedy}`);
  }
  refuseUnknown(map, [...COMMON_KEYS, shape, ...others]);
}

function readId(map: Place<JsonObject>): CampaignId | undefined {
  const place = below(map, 'id');
  const id = idOf(required(place, 'give the campaign an id, such as "~order-sms"'));
  if (id === undefined || !/[\s,]/.test(id)) return id;
  return blame(place, 'has a blank or a comma, which separates ids in requests; write "-" instead');
}

function readContent(map: Place<JsonObject>, shape: Shape | undefined): ContentDraft | undefined {
  if (shape === 'stages') return readStages(below(map, shape));
  if (shape === 'messages') return readMessages(below(map, shape));
  const draft = readMessage(map);
  return draft && { content: draft.message, messages: [draft], hooks: [] };
}

/** A campaign as a manifest writes it, without what stands in the headers of its hooks. */
export function campaignView({ id, name, state, on, content }: Campaign): JsonObject {
  return { id, name, state, ...(on && { on }), ...contentView(content, hookView) };
}

/** The same with these headers: to compare, never to show. */
export function campaignWithSecrets({ id, name, state, on, content }: Campaign): JsonObject {
  return { id, name, state, ...(on && { on }), ...contentView(content, hookWithSecrets) };
}
