/** Whether and when an account writes to its users, as a manifest says it: consent, time zone, quiet hours (semantics §8). */
import { CONSENTS } from '#domain/account.ts';
import type { Account, Consent } from '#domain/account.ts';
import { CHANNELS } from '#domain/campaign.ts';
import type { Channel } from '#domain/campaign.ts';
import { formatTimeOfDay, isTimeZone, parseTimeOfDay } from '#domain/quiet-hours.ts';
import type { QuietHours } from '#domain/quiet-hours.ts';
import type { JsonObject } from '#domain/request.ts';
import { below, blame, mapOf, refuseUnknown, required, setOf, textOf, wordOf } from './reading.ts';
import type { Place } from './reading.ts';

/** Where nobody can be asked. */
const NO_CONSENT: Channel = 'webhook';

/** The keys of it. */
export const WRITING_KEYS = ['consent', 'timeZone', 'quietHours'] as const;

/** What was read. What is absent stays as it is, `null` takes it away. */
export interface WritingDraft {
  consent?: Partial<Record<Channel, Consent>>;
  timeZone?: string | null;
  quietHours?: QuietHours | null;
}

/** Reads it from the root of a manifest. */
export function readWriting(map: Place<JsonObject>): WritingDraft {
  const consent = readConsent(below(map, 'consent'));
  const timeZone = readTimeZone(below(map, 'timeZone'));
  const quietHours = readQuietHours(below(map, 'quietHours'));
  return {
    ...(consent && { consent }),
    ...(timeZone !== undefined && { timeZone }),
    ...(quietHours !== undefined && { quietHours }),
  };
}

/** Given as a whole; what is `opt_out` is as if it were left out. */
function readConsent(place: Place): WritingDraft['consent'] {
  const map = mapOf(place);
  if (!map) return undefined;
  const channels = CHANNELS.filter((channel) => channel !== NO_CONSENT);
  refuseUnknown(map, channels);
  const wanted = channels.filter((channel) => wordOf(below(map, channel), CONSENTS) === 'opt_in');
  return Object.fromEntries(wanted.map((channel) => [channel, 'opt_in']));
}

function readTimeZone(place: Place): string | null | undefined {
  if (place.value === null) return null;
  const name = textOf(place);
  if (name === undefined || isTimeZone(name)) return name;
  return blame(place, `"${name.slice(0, 40)}" is no time zone; give a name such as Asia/Kolkata, or UTC`);
}

function readQuietHours(place: Place): QuietHours | null | undefined {
  if (place.value === null) return null;
  const map = mapOf(place);
  if (!map) return undefined;
  refuseUnknown(map, ['from', 'to', 'channels']);
  const from = readTime(required(below(map, 'from'), 'say when they begin, such as "21:00"'));
  const to = readTime(required(below(map, 'to'), 'say when they are over, such as "08:00"'));
  const given = setOf(below(map, 'channels'), CHANNELS.length, (one) => wordOf(one, CHANNELS));
  if (from === undefined || to === undefined) return undefined;
  if (from === to) return blame(place, 'end when they begin; give two different times, or leave them out');
  return { from, to, ...(given && { channels: CHANNELS.filter((channel) => given.includes(channel)) }) };
}

function readTime(place: Place): number | undefined {
  const text = textOf(place);
  if (text === undefined) return undefined;
  return (
    parseTimeOfDay(text) ?? blame(place, `"${text.slice(0, 20)}" is no time of day; write it as "08:00", up to "23:59"`)
  );
}

/** What an account has after a draft: what this one does not say stays. */
export function writingOf(draft: WritingDraft, stored: Account | null): Pick<Account, (typeof WRITING_KEYS)[number]> {
  const consent = draft.consent ?? stored?.consent ?? {};
  const timeZone = draft.timeZone === undefined ? stored?.timeZone : draft.timeZone;
  const quietHours = draft.quietHours === undefined ? stored?.quietHours : draft.quietHours;
  return {
    ...(Object.keys(consent).length > 0 && { consent }),
    ...(timeZone && { timeZone }),
    ...(quietHours && { quietHours }),
  };
}

/** As a manifest writes it. */
export function writingView({ consent, timeZone, quietHours }: Account): JsonObject {
  return {
    ...(consent && { consent }),
    ...(timeZone !== undefined && { timeZone }),
    ...(quietHours && { quietHours: quietHoursView(quietHours) }),
  };
}

function quietHoursView({ from, to, channels }: QuietHours): JsonObject {
  return { from: formatTimeOfDay(from), to: formatTimeOfDay(to), ...(channels && { channels }) };
}
