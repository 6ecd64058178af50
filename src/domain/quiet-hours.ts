/** The hours in which a user is left alone, by the clock on his wall (semantics §8). */
import type { Channel } from './campaign.ts';
import type { Instant } from './time.ts';

/** From one time of day until before another, over midnight where `to` is the earlier. In minutes after midnight. */
export interface QuietHours {
  from: number;
  to: number;
  /** Where they hold; absent: on every channel that reaches a person. */
  channels?: Channel[];
}

/** The zone of those of whom none is known. */
const UTC = 'UTC';
/** Formats kept, for making one costs 0.6 ms: there are some 600 names, and offsets. */
const ZONES_MAX = 1_000;
const HOUR_MIN = 60;
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** Null: there is no zone of that name. */
const formats = new Map<string, Intl.DateTimeFormat | null>();

/**
 * True when the user is to be left alone on this channel now.
 * @param timeZones his, and those that stand in for it: the first that there is counts, and UTC after them all.
 */
export function isQuiet(
  { from, to, channels }: QuietHours,
  channel: Channel,
  timeZones: readonly (string | null | undefined)[],
  now: Instant,
): boolean {
  if (channels ? !channels.includes(channel) : channel === 'webhook') return false;
  const minute = minuteOfDay(timeZones, now);
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** True for the name of a time zone: `Asia/Kolkata`, `UTC`, `+05:30`. */
export function isTimeZone(name: string): boolean {
  return formatOf(name) !== null;
}

/** Minutes after midnight of a time of day; null for what is none. @param text `08:00` */
export function parseTimeOfDay(text: string): number | null {
  const [, hours, minutes] = TIME.exec(text) ?? [];
  return hours === undefined ? null : Number(hours) * HOUR_MIN + Number(minutes);
}

/** The inverse of {@link parseTimeOfDay}. */
export function formatTimeOfDay(minute: number): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${two(Math.floor(minute / HOUR_MIN))}:${two(minute % HOUR_MIN)}`;
}

function minuteOfDay(timeZones: readonly (string | null | undefined)[], now: Instant): number {
  for (const name of [...timeZones, UTC]) {
    const format = name ? formatOf(name) : null;
    if (format) return parseTimeOfDay(format.format(now))!;
  }
  throw new RangeError('there is no UTC');
}

function formatOf(name: string): Intl.DateTimeFormat | null {
  const known = formats.get(name);
  if (known !== undefined) return known;
  if (formats.size >= ZONES_MAX) formats.delete(formats.keys().next().value!);
  const format = makeFormat(name);
  formats.set(name, format);
  return format;
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  } catch (error) {
    // That is how it says that there is no such zone.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
