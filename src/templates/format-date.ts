/** Dates in the letters of PHP's `date`, which are Twig's. */
import type { Budget } from './budget.ts';
import type { Moment } from './moment.ts';
import { UTC, offsetMsAt } from './zones.ts';

/** Characters of a format. */
const FORMAT_LENGTH_MAX = 200;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAY_MS = 86_400_000;

/** What clocks show, as the UTC of a date; by how much they are ahead of UTC; the zone's name. */
interface Shown {
  wall: Date;
  ms: number;
  offsetMs: number;
  zone: string;
}

const LETTERS: Record<string, (shown: Shown) => string | number> = {
  d: ({ wall }) => two(wall.getUTCDate()),
  D: ({ wall }) => DAYS[wall.getUTCDay()]!.slice(0, 3),
  j: ({ wall }) => wall.getUTCDate(),
  l: ({ wall }) => DAYS[wall.getUTCDay()]!,
  N: ({ wall }) => wall.getUTCDay() || 7,
  S: ({ wall }) => ordinal(wall.getUTCDate()),
  w: ({ wall }) => wall.getUTCDay(),
  z: ({ wall }) => dayOfYear(wall),
  W: ({ wall }) => two(weekOf(wall).week),
  o: ({ wall }) => weekOf(wall).year,
  F: ({ wall }) => MONTHS[wall.getUTCMonth()]!,
  m: ({ wall }) => two(wall.getUTCMonth() + 1),
  M: ({ wall }) => MONTHS[wall.getUTCMonth()]!.slice(0, 3),
  n: ({ wall }) => wall.getUTCMonth() + 1,
  t: ({ wall }) => new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate(),
  L: ({ wall }) => (new Date(Date.UTC(wall.getUTCFullYear(), 1, 29)).getUTCMonth() === 1 ? 1 : 0),
  Y: ({ wall }) => yearOf(wall),
  y: ({ wall }) => yearOf(wall).slice(-2),
  a: ({ wall }) => (wall.getUTCHours() < 12 ? 'am' : 'pm'),
  A: ({ wall }) => (wall.getUTCHours() < 12 ? 'AM' : 'PM'),
  g: ({ wall }) => wall.getUTCHours() % 12 || 12,
  G: ({ wall }) => wall.getUTCHours(),
  h: ({ wall }) => two(wall.getUTCHours() % 12 || 12),
  H: ({ wall }) => two(wall.getUTCHours()),
  i: ({ wall }) => two(wall.getUTCMinutes()),
  s: ({ wall }) => two(wall.getUTCSeconds()),
  u: ({ wall }) => `${three(wall.getUTCMilliseconds())}000`,
  v: ({ wall }) => three(wall.getUTCMilliseconds()),
  e: ({ zone }) => zone,
  O: ({ offsetMs }) => offset(offsetMs, ''),
  P: ({ offsetMs }) => offset(offsetMs, ':'),
  p: ({ offsetMs }) => (offsetMs === 0 ? 'Z' : offset(offsetMs, ':')),
  T: ({ zone, offsetMs }) => (zone === UTC ? UTC : offset(offsetMs, ':')),
  Z: ({ offsetMs }) => offsetMs / 1_000,
  U: ({ ms }) => Math.floor(ms / 1_000),
  c: (shown) => formatShown(shown, 'Y-m-d\\TH:i:sP'),
  r: (shown) => formatShown(shown, 'D, d M Y H:i:s O'),
};

/** The date in a format; a backslash keeps the letter after it as it is. @throws when the format is too long. */
export function formatMoment({ ms, zone }: Moment, format: string, budget: Budget): string {
  if (format.length > FORMAT_LENGTH_MAX)
    throw new Error(`a format of a date has at most ${FORMAT_LENGTH_MAX} characters`);
  budget.take(10 + format.length * 4);
  const offsetMs = offsetMsAt(zone, ms, budget);
  return formatShown({ wall: new Date(ms + offsetMs), ms, offsetMs, zone }, format);
}

function formatShown(shown: Shown, format: string): string {
  let written = '';
  for (let at = 0; at < format.length; at++) {
    const letter = format[at]!;
    if (letter === '\\') written += format[++at] ?? '';
    else written += Object.hasOwn(LETTERS, letter) ? LETTERS[letter]!(shown) : letter;
  }
  return written;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

function three(number: number): string {
  return String(number).padStart(3, '0');
}

function yearOf(wall: Date): string {
  const year = wall.getUTCFullYear();
  return (year < 0 ? '-' : '') + String(Math.abs(year)).padStart(4, '0');
}

function ordinal(day: number): string {
  if (day > 10 && day < 20) return 'th';
  return ['th', 'st', 'nd', 'rd'][day % 10] ?? 'th';
}

function dayOfYear(wall: Date): number {
  return Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0, 1)) / DAY_MS);
}

/** The week of ISO 8601, and the year it belongs to: that of its Thursday. */
function weekOf(wall: Date): { week: number; year: number } {
  const thursday = new Date(wall.getTime() + (4 - (wall.getUTCDay() || 7)) * DAY_MS);
  return { week: Math.floor(dayOfYear(thursday) / 7) + 1, year: thursday.getUTCFullYear() };
}

function offset(offsetMs: number, colon: string): string {
  const minutes = Math.abs(offsetMs) / 60_000;
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${colon}${two(minutes % 60)}`;
}
