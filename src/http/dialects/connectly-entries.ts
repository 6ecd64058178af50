/** The entries of a call, read one by one: an entry that is no entry refuses the call, one that cannot be sent only itself. */
import { RECIPIENTS_MAX, RECIPIENT_LENGTH_MAX } from '#domain/batch.ts';
import type { Recipient } from '#domain/batch.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { SCHEDULE_AHEAD_MAX_MS } from '#domain/request.ts';
import { parseInstant } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { addressFor } from '#engine/address.ts';
import { didYouMean } from '#engine/manifest/closest.ts';
import { Refusal } from '../refusal.ts';
import type { BodyFault } from '../refusal.ts';
import type { ErrorCode } from './connectly.ts';

/** Faults that one answer names. */
const FAULTS_MAX = 20;
/** Characters of a campaign's name and of its version. */
const NAME_LENGTH_MAX = 200;
const FIELDS = ['sender', 'client', 'campaignName', 'campaignVersion', 'variables', 'scheduledAt'];

/** Which campaign an entry is for. */
export interface WantedCampaign {
  name: string;
  /** Null: the current one. */
  version: string | null;
}

/** Why an entry cannot be sent. */
export interface EntryFault {
  code: ErrorCode;
  message: string;
}

/** What an entry says of its recipient. `to`: who he is, however his number is written. */
export type ReadEntry = { kind: 'good'; recipient: Recipient; to: string } | ({ kind: 'bad' } & EntryFault);

/** The list of a body: its `entries`, or the body itself. @throws {Refusal} invalid. */
export function entriesOf(body: unknown): unknown[] {
  if (!Array.isArray(body) && isMap(body)) {
    const unknown = Object.keys(body).find((name) => name !== 'entries');
    if (unknown !== undefined)
      throw new Refusal('invalid', `${unknown} is not known here; the body is {"entries": […]}`);
  }
  const list = isMap(body) ? body['entries'] : body;
  if (!Array.isArray(list)) {
    throw new Refusal('invalid', 'the body must be {"entries": […]}, or a list of entries: a JSON object for each');
  }
  if (list.length === 0) throw new Refusal('invalid', 'entries is empty: give at least one');
  if (list.length <= RECIPIENTS_MAX) return list;
  const message = `there are ${list.length} entries; at most ${RECIPIENTS_MAX} are taken in one call, send the others in further calls`;
  throw new Refusal('invalid', message);
}

/** Collects what refuses a whole call. */
export function createFaults() {
  const faults: BodyFault[] = [];
  return {
    add: (index: number, name: string | null, message: string): null => {
      if (faults.length < FAULTS_MAX) {
        faults.push({ path: name === null ? ['entries', index] : ['entries', index, name], message });
      }
      return null;
    },
    /** @throws {Refusal} invalid, naming all of them. */
    refuse: (): void => {
      const [first] = faults;
      if (!first) return;
      const [, index, name] = first.path;
      const where = `entries[${index}]${name === undefined ? '' : `.${name}`}`;
      throw new Refusal('invalid', `${where} ${first.message}`, { faults });
    },
  };
}

/** Which campaign an entry names; null, with faults, when it is no entry. */
export function campaignOf(
  entry: unknown,
  index: number,
  faults: ReturnType<typeof createFaults>,
): WantedCampaign | null {
  if (!isMap(entry)) return faults.add(index, null, 'must be an object with client and campaignName');
  for (const name of Object.keys(entry)) {
    if (!FIELDS.includes(name)) return faults.add(index, name, `is not known here; ${didYouMean(name, FIELDS)}`);
  }
  const { campaignName: name = null, campaignVersion: version = null } = entry;
  if (name === null || name === '') return faults.add(index, 'campaignName', 'is missing: name the campaign');
  if (!isName(name))
    return faults.add(index, 'campaignName', `must be a text of at most ${NAME_LENGTH_MAX} characters`);
  if (version === null || version === '') return { name, version: null };
  if (!isName(version)) return faults.add(index, 'campaignVersion', 'must be a text, such as "3"');
  return { name, version };
}

function isName(value: Json): value is string {
  return typeof value === 'string' && value.length <= NAME_LENGTH_MAX;
}

/** Reads whom an entry is for, of whom {@link campaignOf} has found that it is one. */
export function readEntry(entry: unknown, now: Instant, defaultRegion: string | null): ReadEntry {
  const { client = null, sender = null, variables = null, scheduledAt = null } = entry as JsonObject;
  const to = phoneOf(client, defaultRegion);
  if (to === null)
    return bad('PHONE_NUMBER_BAD_FORMAT', `client ${shown(client)} is no phone number; ${NUMBER_REMEDY}`);
  const from = isBlank(sender) ? null : phoneOf(sender, defaultRegion);
  if (from === null && !isBlank(sender)) {
    return bad('INVALID_SENDER_ID', `sender ${shown(sender)} is no phone number; ${NUMBER_REMEDY}, or leave it out`);
  }
  const params = Array.isArray(variables) && variables.length === 0 ? {} : (variables ?? {});
  if (!isMap(params)) return bad('MESSAGE_TEMPLATE_INPUT_INVALID', 'variables must be an object');
  const startAt = isBlank(scheduledAt) ? null : typeof scheduledAt === 'string' ? parseInstant(scheduledAt) : null;
  if (startAt === null && !isBlank(scheduledAt)) {
    return bad('MESSAGE_TEMPLATE_INPUT_INVALID', `scheduledAt ${shown(scheduledAt)} is no time; ${TIME_REMEDY}`);
  }
  if (startAt !== null && startAt > now + SCHEDULE_AHEAD_MAX_MS) {
    return bad('MESSAGE_OUTSIDE_OF_ELIGIBILITY_WINDOW', 'scheduledAt is more than 90 days ahead');
  }
  const recipient: Recipient = {
    target: (client as string).trim(),
    phone: to,
    ...(Object.keys(params).length > 0 && { params }),
    ...(from !== null && { from }),
    ...(startAt !== null && startAt > now && { startAt }),
  };
  const { length } = JSON.stringify(recipient);
  if (length <= RECIPIENT_LENGTH_MAX) return { kind: 'good', recipient, to };
  const tooLong = `variables are too long: the entry has ${length} characters of JSON, at most ${RECIPIENT_LENGTH_MAX} are taken`;
  return bad('MESSAGE_TEMPLATE_INPUT_INVALID', tooLong);
}

const NUMBER_REMEDY = 'write it with its country code, such as +919876543210';
const TIME_REMEDY = 'write it as ISO-8601 with an offset, such as 2027-01-01T12:00:00Z';

function bad(code: ErrorCode, message: string): ReadEntry {
  return { kind: 'bad', code, message };
}

/** What clients write for a field that they leave out. */
function isBlank(value: Json): boolean {
  return value === null || (typeof value === 'string' && value.trim() === '');
}

/**
 * A number in E.164. One that has its form, but is of no country's length, is taken as the vendor takes it: whether
 * somebody has it is found when it is sent to.
 */
function phoneOf(value: Json, defaultRegion: string | null): string | null {
  if (typeof value !== 'string' || value.length > PHONE_LENGTH_MAX) return null;
  const bare = value.replaceAll(/[ \-./()]/g, '');
  if (E164.test(bare)) return bare;
  const address = addressFor('sms', { userId: '', email: null, phone: value }, null, defaultRegion);
  return address.kind === 'found' ? address.to : null;
}

const E164 = /^\+[1-9]\d{6,14}$/;
/** Characters of a number, with all that may stand between its digits. */
const PHONE_LENGTH_MAX = 40;

/** A value for people to recognise it by. */
function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= PHONE_LENGTH_MAX ? text : `${text.slice(0, PHONE_LENGTH_MAX)}…`;
}

/** True for a JSON object. */
export function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
