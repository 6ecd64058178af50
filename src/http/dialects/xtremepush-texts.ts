/** Properties of the campaign that a call sets or replaces for its own messages. Vendor pages: campaign-execute, campaign-model. */
import type { Channel, MessageTexts } from '#domain/campaign.ts';
import type { Overrides } from '#domain/request.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import { at, below, blame, isMap, mapOf, textOf } from '../call-fields.ts';
import type { Field } from '../call-fields.ts';

/** Characters of a text, as of a campaign's. */
const TEXT_LENGTH_MAX = 100_000;
/** Entries of `payload_add`. */
const PAYLOAD_MAX = 100;

/** Our text for a name of the vendor's. */
type Vocabulary = Record<string, Exclude<keyof MessageTexts, 'data'>>;

const PUSH: Vocabulary = { push_title: 'title', push_text: 'body', push_picture: 'image', url: 'url' };
const IN_PUSH: Vocabulary = { ...PUSH, title: 'title', text: 'body' };
const IN_EMAIL: Vocabulary = { subject: 'subject', text: 'body', html: 'html', from: 'from', reply_to: 'replyTo' };
const IN_SMS: Vocabulary = { text: 'body', from: 'from' };
/** What goes with a push's texts. */
const PUSH_EXTRAS = ['push_picture_type', 'payload_add'];

/** The fields of a call that are about a push, on whichever channels the campaign has. */
export const PUSH_FIELDS: readonly string[] = [...Object.keys(PUSH), ...PUSH_EXTRAS];

/** The keys of `messages`. */
const MESSAGES = new Map<string, { channel: Channel; is: string; vocabulary: Vocabulary }>([
  ['1', { channel: 'push', is: 'a push', vocabulary: IN_PUSH }],
  ['2', { channel: 'push', is: 'a push', vocabulary: IN_PUSH }],
  ['3', { channel: 'web_push', is: 'a web push', vocabulary: IN_PUSH }],
  ['7', { channel: 'email', is: 'an e-mail', vocabulary: IN_EMAIL }],
  ['9', { channel: 'sms', is: 'an SMS', vocabulary: IN_SMS }],
]);
const NOT_HERE = new Map([
  ['6', 'is an inbox message, and there is no inbox here: leave it out'],
  ['8', 'is a webhook message: give the campaign a hook stage instead'],
]);
const NO_KIND = 'is no kind of message; there are 1 and 2 (push), 3 (web push), 7 (e-mail) and 9 (SMS)';

/** The texts of a call by channel; null when it has none. @param channels those of the campaign. */
export function overridesOf(call: Field, channels: ReadonlySet<Channel>, templates: Templates): Overrides | null {
  const overrides: Overrides = {};
  const push = pushTexts(call, PUSH, templates);
  const pushChannels = (['push', 'web_push'] as const).filter((channel) => channels.has(channel));
  if (push && pushChannels.length === 0) {
    const named = PUSH_FIELDS.find((name) => below(call, name).value !== undefined)!;
    blame(below(call, named), 'is about a push, and the campaign sends none: leave it out');
  }
  for (const channel of push ? pushChannels : []) overrides[channel] = push!;
  readMessages(below(call, 'messages'), channels, templates, overrides);
  return Object.keys(overrides).length > 0 ? overrides : null;
}

function readMessages(field: Field, channels: ReadonlySet<Channel>, templates: Templates, overrides: Overrides): void {
  const given: Partial<Record<Channel, string>> = {};
  for (const key of Object.keys(mapOf(field) ?? {})) {
    const entry = below(field, key);
    const message = MESSAGES.get(key);
    if (!message) {
      blame(entry, NOT_HERE.get(key) ?? NO_KIND);
      continue;
    }
    const { channel, is, vocabulary } = message;
    const texts = messageTexts(entry, vocabulary, templates);
    if (!texts) continue;
    if (!channels.has(channel)) blame(entry, `is ${is}, and the campaign sends none: leave it out`);
    const written = JSON.stringify(texts);
    if ((given[channel] ?? written) !== written) {
      blame(
        entry,
        'differs from messages.1: here a push has the same text on every system; send it once, or the same twice',
      );
    }
    given[channel] = written;
    const before = overrides[channel];
    const data = before?.data || texts.data ? { data: { ...before?.data, ...texts.data } } : {};
    overrides[channel] = { ...before, ...texts, ...data };
  }
}

/** One entry of `messages`: an object of texts, or the text alone. */
function messageTexts(field: Field, vocabulary: Vocabulary, templates: Templates): MessageTexts | null {
  const whole: Field = typeof field.value === 'string' ? { ...field, value: { text: field.value } } : field;
  const map = mapOf(whole) ?? {};
  const known = [...Object.keys(vocabulary), ...(vocabulary === IN_PUSH ? PUSH_EXTRAS : [])];
  for (const name of Object.keys(map)) {
    if (!known.includes(name)) blame(below(whole, name), `is not known here; there are ${known.join(', ')}`);
  }
  return vocabulary === IN_PUSH ? pushTexts(whole, vocabulary, templates) : textsOf(whole, vocabulary, templates);
}

function pushTexts(field: Field, vocabulary: Vocabulary, templates: Templates): MessageTexts | null {
  const type = below(field, 'push_picture_type');
  if (type.value !== undefined && type.value !== 'url')
    blame(type, 'must be "url": pictures are named by their address');
  const texts = textsOf(field, vocabulary, templates);
  const data = payloadOf(below(field, 'payload_add'), templates);
  return data ? { ...texts, data } : texts;
}

function textsOf(field: Field, vocabulary: Vocabulary, templates: Templates): MessageTexts | null {
  const texts = Object.entries(vocabulary).flatMap(([name, ours]) => {
    const text = templateOf(below(field, name), templates, ours === 'html');
    return text === undefined ? [] : [[ours, text] as const];
  });
  return texts.length > 0 ? Object.fromEntries(texts) : null;
}

/** `[{key, value}, …]`, added to the data of the campaign's push. */
function payloadOf(field: Field, templates: Templates): Record<string, string> | null {
  const { value } = field;
  if (value === undefined) return null;
  if (!Array.isArray(value)) return blame(field, 'must be a list such as [{"key": "page", "value": "offers"}]') ?? null;
  if (value.length > PAYLOAD_MAX)
    return blame(field, `has ${value.length} entries; at most ${PAYLOAD_MAX} are taken`) ?? null;
  const entries = value.flatMap((entry, index) => {
    const place = at(field, index, entry);
    const key = isMap(entry) ? entry['key'] : undefined;
    if (typeof key !== 'string' || key === '')
      return blame(place, 'must be like {"key": "page", "value": "offers"}') ?? [];
    return [[key, templateOf(below(place, 'value'), templates) ?? ''] as const];
  });
  return entries.length > 0 ? Object.fromEntries(entries) : null;
}

/** A text that is a template, as the campaign's own are: refused now, not when it is sent. */
function templateOf(field: Field, templates: Templates, isHtml = false): string | undefined {
  const text = textOf(field, TEXT_LENGTH_MAX);
  if (text === undefined) return undefined;
  try {
    templates.compile(text, isHtml ? 'html' : 'none');
    return text;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return blame(field, `is no template: ${error.message}`);
  }
}
