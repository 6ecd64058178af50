/** Reads the ways in which dates are written. */
import type { Budget } from './budget.ts';
import { modify, readsAsChange } from './modify-date.ts';
import { Moment } from './moment.ts';
import { Markup, isMissing, textOf } from './values.ts';
import { UTC, instantOf, zoneOf } from './zones.ts';

/** Characters of a written date. */
const DATE_LENGTH_MAX = 100;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY_NAME = String.raw`(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?`;
const MONTH_NAME = String.raw`(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?`;
const TIME = String.raw`(?:(?:T|,?\s+(?:at\s+)?)?(?<hour>\d{1,2})(?::(?<minute>\d{2}))?(?::(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?\s*(?<half>[ap]m)?)?`;
const ZONE = String.raw`(?:\s*(?<zone>Z|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|[a-z]+\/[\w\/+-]+))?`;

/** One per order of day, month and year. */
const FORMS = [
  String.raw`(?<year>[+-]?\d{4})(?:[-/](?<month>\d{1,2})(?:[-/](?<day>\d{1,2}))?)?`,
  String.raw`(?<day>\d{1,2})[-.](?<month>\d{1,2})[-.](?<year>\d{4})`,
  String.raw`(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{4})`,
  String.raw`${DAY_NAME}(?<day>\d{1,2})(?:st|nd|rd|th)?[\s-]+${MONTH_NAME}[\s,-]+(?<year>\d{4})`,
  String.raw`${DAY_NAME}${MONTH_NAME}\s+(?<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?<year>\d{4})`,
].map((date) => new RegExp(`^${date}${TIME}${ZONE}$`, 'i'));

/**
 * The moment that a value names: a date, seconds since 1970, a written date, or a change of now (`+2 days`).
 * @param zone where clocks show it, when it names no zone itself.
 * @throws when it is no date.
 */
export function readMoment(value: unknown, zone: string, budget: Budget): Moment {
  if (value instanceof Moment) return value;
  if (typeof value === 'number') return new Moment(value * 1_000, zone);
  if (isMissing(value)) return now(zone);
  if (typeof value === 'string' || value instanceof Markup) {
    const text = textOf(value).trim();
    if (text.length <= DATE_LENGTH_MAX) {
      budget.take(100);
      if (/^-?\d{5,}$/.test(text)) return new Moment(Number(text) * 1_000, zone);
      const read = readWritten(text, zone, budget);
      if (read) return read;
    }
  }
  const shown = JSON.stringify(textOf(value).slice(0, DATE_LENGTH_MAX));
  throw new Error(`${shown} is no date; write it like "2026-05-21" or "2026-05-21T10:00:00Z"`);
}

function now(zone: string): Moment {
  return new Moment(Date.now(), zone);
}

function readWritten(text: string, zone: string, budget: Budget): Moment | null {
  for (const form of FORMS) {
    const match = form.exec(text);
    if (match) return momentOf(match.groups!, zone, budget);
  }
  return readsAsChange(text) ? modify(now(zone), text, budget) : null;
}

function momentOf(parts: Record<string, string | undefined>, zone: string, budget: Budget): Moment | null {
  const its = parts['zone'] === undefined ? zone : zoneOf(parts['zone'], budget);
  const month = parts['month'] ?? '1';
  const monthNumber = /^\d/.test(month) ? Number(month) : MONTHS.indexOf(month.toLowerCase()) + 1;
  const [year, day, minute, second] = [
    Number(parts['year']),
    Number(parts['day'] ?? 1),
    Number(parts['minute'] ?? 0),
    Number(parts['second'] ?? 0),
  ];
  const hour = hourOf(Number(parts['hour'] ?? 0), parts['half']);
  const isPossible = monthNumber >= 1 && monthNumber <= 12 && day >= 1 && day <= 31;
  if (!isPossible || hour > 24 || minute > 59 || second > 60) return null;
  const wall = new Date(0);
  wall.setUTCFullYear(year, monthNumber - 1, day);
  wall.setUTCHours(hour, minute, second, Number((parts['fraction'] ?? '0').padEnd(3, '0').slice(0, 3)));
  return new Moment(its === UTC ? wall.getTime() : instantOf(wall.getTime(), its, budget), its);
}

function hourOf(hour: number, half: string | undefined): number {
  if (half === undefined) return hour;
  return (hour % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
}
