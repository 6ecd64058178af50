/** One message of a campaign as a manifest and the API write it, read and written. */
import { CHANNELS } from '#domain/campaign.ts';
import type { MessageContent } from '#domain/campaign.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { isSmsSender } from '#domain/sender.ts';
import { formatDuration } from '#domain/time.ts';
import { attachmentsView, readAttachments } from './attachments.ts';
import type { FileDraft } from './attachments.ts';
import type { Path } from './faults.ts';
import {
  below,
  blame,
  durationOf,
  flagOf,
  isMap,
  listOf,
  mapOf,
  refuseUnknown,
  required,
  textOf,
  wordOf,
} from './reading.ts';
import type { Place } from './reading.ts';
import { providersView, readProviders } from './provider-list.ts';
import { retryOf, retryView } from './retry.ts';

/** Characters of a template. */
const TEMPLATE_LENGTH_MAX = 100_000;
/** Entries of `data`, and variables of a vendor's template. */
const DATA_MAX = 100;
const VARIABLES_MAX = 100;
/** How long a receipt is waited for. */
const RECEIPT_TIMEOUT = { minMs: 0, maxMs: 30 * 86_400_000 };

const ON_UNKNOWN = ['resend', 'leave'] as const;
/** The templates of a message, in the order in which they are shown. */
export const TEXTS = ['from', 'subject', 'title', 'body', 'html', 'replyTo', 'image', 'url'] as const;
/** What a message can consist of. */
const SAYS_SOMETHING = ['body', 'html', 'title', 'template', 'data'] as const;
/** What can be left untracked. */
const TRACKED = ['clicks', 'opens', 'unsubscribe'] as const;

/** The keys of a message. */
export const MESSAGE_KEYS: readonly string[] = [
  'channel',
  'provider',
  'providers',
  ...TEXTS,
  'data',
  'template',
  'receiptTimeout',
  'critical',
  'retry',
  'onUnknown',
  'tracking',
  'attachments',
];

/** A message that was read, and where: what is found out about it later is told there. */
export interface MessageDraft {
  path: Path;
  message: MessageContent;
  /** Its attachments, with what is in them. */
  files: FileDraft[];
}

/** Reads the message there; unknown keys are for the caller to refuse. Undefined, with faults, when nothing more can be said about it. */
export function readMessage(map: Place<JsonObject>): MessageDraft | undefined {
  const channel = wordOf(required(below(map, 'channel'), `use one of ${CHANNELS.join(', ')}`), CHANNELS);
  const sentBy = readProviders(map, channel);
  const texts = TEXTS.flatMap((key) => {
    const text = textOf(below(map, key), TEMPLATE_LENGTH_MAX);
    return text === undefined ? [] : [[key, text] as const];
  });
  const data = readData(below(map, 'data'));
  const template = readTemplate(below(map, 'template'));
  const files = readAttachments(below(map, 'attachments'));
  if (channel !== undefined && channel !== 'email' && below(map, 'attachments').value !== undefined)
    blame(
      below(map, 'attachments'),
      `stands in a message for ${channel}; only e-mails have files, so put a link into the text`,
    );
  const receiptTimeoutMs = durationOf(below(map, 'receiptTimeout'), RECEIPT_TIMEOUT);
  const critical = flagOf(below(map, 'critical'));
  const retry = retryOf(below(map, 'retry'));
  const onUnknown = wordOf(below(map, 'onUnknown'), ON_UNKNOWN);
  const tracking = readTracking(below(map, 'tracking'));
  if (SAYS_SOMETHING.every((key) => below(map, key).value === undefined)) {
    blame(map, `has nothing to say; give it a body (or one of ${SAYS_SOMETHING.slice(1).join(', ')})`);
  }
  if (channel === 'sms') refuseBadSender(below(map, 'from'));
  if (!channel || !sentBy) return undefined;
  const message: MessageContent = {
    channel,
    ...sentBy,
    ...Object.fromEntries(texts),
    ...(data && { data }),
    ...(template && { template }),
    ...(files.length > 0 && { attachments: files.map(({ attachment }) => attachment) }),
    ...(receiptTimeoutMs !== undefined && { receiptTimeoutMs }),
    ...(critical && { critical }),
    ...(retry && { retry }),
    ...(onUnknown === 'leave' && { onUnknown }),
    ...(tracking && { tracking }),
  };
  return { path: map.path, message, files };
}

/** A sender that is a template is only known when it is rendered. */
function refuseBadSender(place: Place): void {
  const { value } = place;
  if (typeof value !== 'string' || value === '' || value.includes('{') || isSmsSender(value)) return;
  blame(
    place,
    'can be no sender of an SMS; give 3 to 11 letters and digits (blanks and - . _ & may stand among them), or a phone number such as "+14155550100"',
  );
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

function readTemplate(place: Place): MessageContent['template'] {
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

/** `false`: nothing is tracked; a map says which of all is not. What is `true` is as if it were left out. */
function readTracking(place: Place): MessageContent['tracking'] {
  if (place.value === undefined || place.value === true) return undefined;
  if (place.value === false) return { clicks: false, opens: false, unsubscribe: false };
  if (!isMap(place.value)) return blame(place, 'must be false, or a map such as { clicks: false }');
  const map = { ...place, value: place.value };
  refuseUnknown(map, TRACKED);
  const off = TRACKED.filter((key) => flagOf(below(map, key)) === false);
  return off.length === 0 ? undefined : Object.fromEntries(off.map((key) => [key, false]));
}

/** A message as a manifest writes it. */
export function messageView(message: MessageContent): JsonObject {
  const { channel, data, template, attachments, receiptTimeoutMs, critical, retry, onUnknown, tracking } = message;
  const texts = TEXTS.flatMap((key) => (message[key] === undefined ? [] : [[key, message[key]] as const]));
  return {
    channel,
    ...providersView(message),
    ...Object.fromEntries(texts),
    ...(data && { data }),
    ...(template && { template: { ...template } }),
    ...(attachments && { attachments: attachmentsView(attachments) }),
    ...(receiptTimeoutMs !== undefined && { receiptTimeout: formatDuration(receiptTimeoutMs) }),
    ...(critical && { critical }),
    ...(retry && { retry: retryView(retry) }),
    ...(onUnknown && { onUnknown }),
    ...(tracking && { tracking: trackingView(tracking) }),
  };
}

function trackingView(tracking: NonNullable<MessageContent['tracking']>): Json {
  return TRACKED.every((key) => tracking[key] === false) ? false : { ...tracking };
}
