/** `date_modify`, and dates that are written as changes of now: `+1 day`, `next monday`, `last day of next month`. */
import type { Budget } from './budget.ts';
import { Moment } from './moment.ts';
import { instantOf, offsetMsAt } from './zones.ts';

/** Characters of a change. */
const CHANGE_LENGTH_MAX = 100;
const STEPS_PER_CHANGE = 80;

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const UNIT = String.raw`(?<unit>sec(?:ond)?|min(?:ute)?|hour|day|week|fortnight|month|year)s?`;
const DAY_NAME = String.raw`(?<dayName>sun|mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?)(?:day)?`;
const CHANGES = [
  String.raw`(?<sign>[+-])?\s*(?<count>\d{1,9})\s*${UNIT}(?<ago>\s+ago)?`,
  String.raw`(?<word>next|last|previous|this)\s+${UNIT}`,
  String.raw`(?<edge>first|last)\s+day\s+of\s*(?:(?<which>next|last|previous|this)\s+month)?`,
  String.raw`(?<following>next\s+|last\s+|previous\s+|this\s+)?${DAY_NAME}`,
  String.raw`(?<time>now|today|midnight|noon|tomorrow|yesterday)`,
  String.raw`(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2}))?`,
];
/** Tried in this order: the edge of a month before the `last` of a unit. */
const CHANGE = new RegExp(
  `^(?:${[2, 0, 1, 3, 4, 5].map((index) => unnamed(CHANGES[index]!, index)).join('|')})\\s*,?\\s*`,
  'i',
);

/** Groups of the same name in one expression need a number each. */
function unnamed(source: string, index: number): string {
  return source.replaceAll(/\(\?<(\w+)>/g, `(?<$1${index}>`);
}

/** True when the text is a change of a date. */
export function readsAsChange(text: string): boolean {
  return text !== '' && CHANGE.test(text);
}

/** The moment, changed on the clocks of its zone. @throws when the change cannot be read. */
export function modify(moment: Moment, change: string, budget: Budget): Moment {
  if (change.length > CHANGE_LENGTH_MAX) throw unreadable(change);
  const wall = new Date(moment.ms + offsetMsAt(moment.zone, moment.ms, budget));
  for (let rest = change.trim(); rest !== '';) {
    budget.take(STEPS_PER_CHANGE);
    const match = CHANGE.exec(rest);
    if (!match) throw unreadable(change);
    apply(wall, Object.fromEntries(given(match.groups!)));
    rest = rest.slice(match[0].length);
  }
  return new Moment(instantOf(new Moment(wall.getTime(), moment.zone).ms, moment.zone, budget), moment.zone);
}

function unreadable(change: string): Error {
  const shown = JSON.stringify(change.slice(0, CHANGE_LENGTH_MAX));
  return new Error(`${shown} changes no date; write it like "+1 day", "-2 weeks" or "next monday"`);
}

function given(groups: Record<string, string | undefined>): [string, string][] {
  return Object.entries(groups).flatMap(([name, text]) =>
    text === undefined ? [] : [[name.replace(/\d$/, ''), text.toLowerCase()]],
  );
}

/** Changes the time on the wall. */
function apply(wall: Date, change: Record<string, string>): void {
  const { sign, count, unit, ago, word, edge, which, dayName, following, time, hour, minute, second } = change;
  if (edge !== undefined) return toEdgeOfMonth(wall, edge, steps(which));
  if (count !== undefined) {
    const number = Number(count) * (sign === '-' ? -1 : 1) * (ago === undefined ? 1 : -1);
    return add(wall, number, unit!);
  }
  if (word !== undefined) return add(wall, steps(word), unit!);
  if (dayName !== undefined) return toDay(wall, DAYS.indexOf(dayName.slice(0, 3)), following?.trim());
  if (hour !== undefined) return void wall.setUTCHours(Number(hour), Number(minute), Number(second ?? 0), 0);
  if (time === 'now') return;
  wall.setUTCHours(time === 'noon' ? 12 : 0, 0, 0, 0);
  if (time === 'tomorrow') add(wall, 1, 'day');
  if (time === 'yesterday') add(wall, -1, 'day');
}

function steps(word: string | undefined): number {
  if (word === 'next') return 1;
  return word === 'last' || word === 'previous' ? -1 : 0;
}

/** A month after 31 January is 3 March, as PHP counts. */
function add(wall: Date, count: number, unit: string): void {
  if (unit.startsWith('sec')) wall.setUTCSeconds(wall.getUTCSeconds() + count);
  else if (unit.startsWith('min')) wall.setUTCMinutes(wall.getUTCMinutes() + count);
  else if (unit === 'hour') wall.setUTCHours(wall.getUTCHours() + count);
  else if (unit === 'day') wall.setUTCDate(wall.getUTCDate() + count);
  else if (unit === 'week') wall.setUTCDate(wall.getUTCDate() + 7 * count);
  else if (unit === 'fortnight') wall.setUTCDate(wall.getUTCDate() + 14 * count);
  else if (unit === 'month') wall.setUTCMonth(wall.getUTCMonth() + count);
  else wall.setUTCFullYear(wall.getUTCFullYear() + count);
}

function toEdgeOfMonth(wall: Date, edge: string, months: number): void {
  if (edge === 'first') wall.setUTCMonth(wall.getUTCMonth() + months, 1);
  else wall.setUTCMonth(wall.getUTCMonth() + months + 1, 0);
}

/** A weekday, from midnight: today when it is that day, unless the next or the last one is wanted. */
function toDay(wall: Date, day: number, following: string | undefined): void {
  wall.setUTCHours(0, 0, 0, 0);
  const ahead = (day - wall.getUTCDay() + 7) % 7;
  if (following === 'last' || following === 'previous') add(wall, ahead === 0 ? -7 : ahead - 7, 'day');
  else add(wall, following === 'next' && ahead === 0 ? 7 : ahead, 'day');
}
