/** A campaign as a manifest and the API write it, read and written. */
import { CAMPAIGN_STATES, CHANNELS } from '#domain/campaign.ts';
import type { Campaign, CampaignContent, CampaignState } from '#domain/campaign.ts';
import type { CampaignId, ProviderId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import { formatDuration } from '#domain/time.ts';
import type { Path } from './faults.ts';
import {
  below,
  blame,
  durationOf,
  idOf,
  listOf,
  mapOf,
  refuseUnknown,
  required,
  setOf,
  textOf,
  wordOf,
} from './reading.ts';
import type { Place } from './reading.ts';
import { retryOf, retryView } from './retry.ts';

/** Characters of a template. */
const TEMPLATE_LENGTH_MAX = 100_000;
/** Providers of one campaign. */
const PROVIDERS_MAX = 10;
/** Entries of `data`, and variables of a vendor's template. */
const DATA_MAX = 100;
const VARIABLES_MAX = 100;
/** How long a receipt is waited for. */
const RECEIPT_TIMEOUT = { minMs: 0, maxMs: 30 * 86_400_000 };

const ON_UNKNOWN = ['resend', 'leave'] as const;
/** The templates of a content, in the order in which they are shown. */
export const TEXTS = ['from', 'subject', 'title', 'body', 'html', 'replyTo', 'image', 'url'] as const;
const KEYS = [
  'id',
  'name',
  'state',
  'channel',
  'provider',
  'providers',
  ...TEXTS,
  'data',
  'template',
  'receiptTimeout',
  'retry',
  'onUnknown',
];
/** What a message can consist of. */
const SAYS_SOMETHING = ['body', 'html', 'title', 'template', 'data'] as const;

const NOT_YET: Record<string, string> = {
  stages:
    'is not supported yet: campaigns of several stages arrive with journeys; give this one a channel and a provider',
  attachments: 'is not supported yet: attachments arrive with journeys; put a link into the text',
};

/** A campaign that was read. */
export interface CampaignDraft {
  path: Path;
  id: CampaignId;
  name: string;
  /** Absent: a campaign stays in its state, and a new one is a draft. */
  state?: CampaignState;
  content: CampaignContent;
}

/** Reads one; undefined, with faults, when so much is wrong that nothing more can be said about it. */
export function readCampaign(place: Place): CampaignDraft | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  for (const [key, message] of Object.entries(NOT_YET))
    if (Object.hasOwn(map.value, key)) blame(below(map, key), message);
  refuseUnknown(map, [...KEYS, ...Object.keys(NOT_YET)]);
  const id = readId(map);
  const name = textOf(below(map, 'name'));
  const state = wordOf(below(map, 'state'), CAMPAIGN_STATES);
  const content = readContent(map);
  if (id === undefined || !content) return undefined;
  return { path: place.path, id, name: name ?? id, ...(state && { state }), content };
}

function readId(map: Place<JsonObject>): CampaignId | undefined {
  const place = below(map, 'id');
  const id = idOf(required(place, 'give the campaign an id, such as "~order-sms"'));
  if (id === undefined || !/[\s,]/.test(id)) return id;
  return blame(place, 'has a blank or a comma, which separates ids in requests; write "-" instead');
}

function readContent(map: Place<JsonObject>): CampaignContent | undefined {
  const isJourney = Object.hasOwn(map.value, 'stages');
  const channelAt = below(map, 'channel');
  const channel = wordOf(isJourney ? channelAt : required(channelAt, `use one of ${CHANNELS.join(', ')}`), CHANNELS);
  const providers = isJourney ? undefined : readProviders(map);
  const texts = TEXTS.flatMap((key) => {
    const text = textOf(below(map, key), TEMPLATE_LENGTH_MAX);
    return text === undefined ? [] : [[key, text] as const];
  });
  const data = readData(below(map, 'data'));
  const template = readTemplate(below(map, 'template'));
  const receiptTimeoutMs = durationOf(below(map, 'receiptTimeout'), RECEIPT_TIMEOUT);
  const retry = retryOf(below(map, 'retry'));
  const onUnknown = wordOf(below(map, 'onUnknown'), ON_UNKNOWN);
  if (!isJourney && SAYS_SOMETHING.every((key) => below(map, key).value === undefined)) {
    blame(map, `has nothing to say; give it a body (or one of ${SAYS_SOMETHING.slice(1).join(', ')})`);
  }
  if (!channel || !providers) return undefined;
  return {
    channel,
    providers,
    ...Object.fromEntries(texts),
    ...(data && { data }),
    ...(template && { template }),
    ...(receiptTimeoutMs !== undefined && { receiptTimeoutMs }),
    ...(retry && { retry }),
    ...(onUnknown === 'leave' && { onUnknown }),
  };
}

function readProviders(map: Place<JsonObject>): ProviderId[] | undefined {
  const [one, several] = [below(map, 'provider'), below(map, 'providers')];
  if (one.value !== undefined && several.value !== undefined) {
    return blame(several, 'stands beside "provider"; keep one of the two');
  }
  if (several.value !== undefined) return setOf(several, PROVIDERS_MAX, idOf);
  const id = idOf(required(one, 'name the provider that sends it'));
  return id === undefined ? undefined : [id];
}

function readData(place: Place): Record<string, string> | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  const keys = Object.keys(map.value);
  if (keys.length > DATA_MAX) return blame(place, `has ${keys.length} entries; at most ${DATA_MAX} are allowed`);
  return Object.fromEntries(
    keys.flatMap((key) => {
      const text = textOf(below(map, key), TEMPLATE_LENGTH_MAX);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

function readTemplate(place: Place): CampaignContent['template'] {
  const map = mapOf(place);
  if (!map) return undefined;
  refuseUnknown(map, ['name', 'language', 'variables']);
  const name = textOf(required(below(map, 'name'), 'give the name that the template has at the vendor'));
  const language = textOf(below(map, 'language'));
  const list = listOf(below(map, 'variables'), VARIABLES_MAX);
  const variables = list?.flatMap((one) => textOf(one, TEMPLATE_LENGTH_MAX) ?? []);
  if (name === undefined) return undefined;
  return { name, ...(language !== undefined && { language }), ...(variables && { variables }) };
}

/** A campaign as a manifest writes it. */
export function campaignView({ id, name, state, content }: Campaign): JsonObject {
  const { channel, providers, data, template, receiptTimeoutMs, retry, onUnknown } = content;
  const texts = TEXTS.flatMap((key) => (content[key] === undefined ? [] : [[key, content[key]] as const]));
  return {
    id,
    name,
    state,
    channel,
    ...(providers.length === 1 ? { provider: providers[0]! } : { providers }),
    ...Object.fromEntries(texts),
    ...(data && { data }),
    ...(template && { template: { ...template } }),
    ...(receiptTimeoutMs !== undefined && { receiptTimeout: formatDuration(receiptTimeoutMs) }),
    ...(retry && { retry: retryView(retry) }),
    ...(onUnknown && { onUnknown }),
  };
}
