/** The times of Xtremepush's calls: `2021-01-01 12:00 UTC`, a unix timestamp, or ISO-8601. Vendor page: campaign-execute. */
import { isCalendarDate, parseInstant } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';

/** Later unix timestamps, in s, are none: 9999-12-31. What is meant in ms is beyond it. */
const UNIX_MAX_S = 253_402_300_799;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What abbreviations mean, in minutes east of UTC. IST is not among them: it is India's, Ireland's and Israel's. */
const ABBREVIATIONS: Record<string, number> = {
  UTC: 0,
  GMT: 0,
  Z: 0,
  WET: 0,
  WEST: 60,
  BST: 60,
  CET: 60,
  CEST: 120,
  EET: 120,
  EEST: 180,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

const WITH_ZONE =
  /^(?<date>\d{4}-\d{2}-\d{2})[ T](?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2}))? *(?<zone>[A-Za-z][A-Za-z0-9_+/-]*|[+-]\d{2}:?\d{2})$/;

/** The instant that a `time` names; null when it names none, or says no zone. */
export function instantOf(time: unknown): Instant | null {
  if (typeof time === 'number') return ofUnix(time);
  if (typeof time !== 'string') return null;
  const text = time.trim();
  if (/^\d{9,}$/.test(text)) return ofUnix(Number(text));
  return parseInstant(text) ?? ofWallClock(text);
}

function ofUnix(seconds: number): Instant | null {
  return Number.isInteger(seconds) && seconds >= 0 && seconds <= UNIX_MAX_S ? seconds * 1_000 : null;
}

function ofWallClock(text: string): Instant | null {
  const { date, hour, minute, second = '00', zone } = WITH_ZONE.exec(text)?.groups ?? {};
  if (date === undefined || !isCalendarDate(date)) return null;
  const asIfUtc = parseInstant(`${date}T${hour!.padStart(2, '0')}:${minute}:${second}Z`);
  return asIfUtc === null ? null : inZone(asIfUtc, zone!);
}

/** The instant at which the clocks of the zone show what those of UTC show at the given one. */
function inZone(shown: Instant, zone: string): Instant | null {
  const offset = /^(?<sign>[+-])(?<hours>\d{2}):?(?<minutes>\d{2})$/.exec(zone)?.groups;
  if (offset) {
    const minutes = Number(offset['hours']) * 60 + Number(offset['minutes']);
    return shown - (offset['sign'] === '-' ? -minutes : minutes) * MINUTE_MS;
  }
  const abbreviated = ABBREVIATIONS[zone.toUpperCase()];
  if (abbreviated !== undefined) return shown - abbreviated * MINUTE_MS;
  const clock = clockOf(zone);
  if (!clock) return null;
  // A time that the clocks show twice is the first of the two; one that they skip counts on from before.
  const [before, after] = [shown - DAY_MS, shown + DAY_MS].map((day) => shown - offsetAt(clock, day)) as [
    number,
    number,
  ];
  const isShownAt = (at: Instant) => offsetAt(clock, at) === shown - at;
  return !isShownAt(before) && isShownAt(after) ? after : before;
}

/** Only names such as `Europe/Dublin`: of an abbreviation the runtime would take, nobody knows which of its zones was meant. */
function clockOf(zone: string): Intl.DateTimeFormat | null {
  if (!zone.includes('/')) return null;
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** How far ahead of UTC the clock is at this instant, in ms. */
function offsetAt(clock: Intl.DateTimeFormat, at: Instant): number {
  const name = clock.formatToParts(at).find(({ type }) => type === 'timeZoneName')!.value;
  const {
    sign,
    hours = '0',
    minutes = '0',
  } = /^GMT(?:(?<sign>[+-])(?<hours>\d{2}):(?<minutes>\d{2}))?/.exec(name)?.groups ?? {};
  const ahead = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  return sign === '-' ? -ahead : ahead;
}
