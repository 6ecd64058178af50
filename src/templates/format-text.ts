/** `format`: PHP's sprintf, as far as texts need it. */
import type { Budget } from './budget.ts';
import { replaceEach } from './replacing.ts';
import { isMissing, numberOf, textOf } from './values.ts';

/** Characters of a width, and digits after the point. */
const WIDTH_MAX = 999;
const PRECISION_MAX = 100;
const STEPS_PER_PLACE = 20;

/** Every repetition in it has an end: text that almost is a place takes no longer than other text. */
const PLACE =
  /%(?:(?<percent>%)|(?:(?<position>\d{1,3})\$)?(?<flags>(?:[-+ 0]|'.){0,6})(?<width>\d{0,9})(?:\.(?<precision>\d{0,9}))?(?<kind>[bcdeEfFgGosuxX]))/gsu;

interface Place {
  flags: string;
  width: number;
  precision: number | null;
  kind: string;
}

/** The text with its places filled; one that has no value stays empty. @throws when a width is too large. */
export function formatText(text: string, values: readonly unknown[], budget: Budget): string {
  budget.takeText(text.length);
  let next = 0;
  return replaceEach(text, PLACE, budget, (_found, match) => {
    const groups = match.groups!;
    budget.take(STEPS_PER_PLACE);
    if (groups['percent'] !== undefined) return '%';
    const { position, flags = '', width = '', precision, kind = 's' } = groups;
    const place: Place = {
      flags,
      width: Number(width),
      precision: precision === undefined ? null : Number(precision),
      kind,
    };
    if (place.width > WIDTH_MAX) throw new Error(`"format" allows widths up to ${WIDTH_MAX}`);
    if (kind !== 's' && (place.precision ?? 0) > PRECISION_MAX)
      throw new Error(`"format" allows up to ${PRECISION_MAX} decimals`);
    const filled = fill(values[position === undefined ? next++ : Number(position) - 1], place);
    budget.takeText(filled.length);
    return filled;
  });
}

function fill(value: unknown, place: Place): string {
  const { flags, width, kind } = place;
  const written = write(value, place);
  const fillers = /'(.)/su.exec(flags)?.[1] ?? (/(?<!')0/.test(flags) ? '0' : ' ');
  if (flags.replaceAll(/'./gsu, '').includes('-'))
    return written.padEnd(width, fillers === '0' && kind !== 's' ? ' ' : fillers);
  const sign = kind !== 's' && fillers === '0' ? (/^[+-]/.exec(written)?.[0] ?? '') : '';
  return sign + written.slice(sign.length).padStart(width - sign.length, fillers);
}

function write(value: unknown, { flags, precision, kind }: Place): string {
  if (kind === 's') {
    const text = textOf(value);
    return precision === null ? text : text.slice(0, precision);
  }
  const number = isMissing(value) ? 0 : numberOf(value);
  const plus = flags.includes('+') && number >= 0 ? '+' : '';
  if (kind === 'd') return plus + Math.trunc(number).toFixed(0);
  if (/[fF]/.test(kind)) return plus + number.toFixed(precision ?? 6);
  if (/[eE]/.test(kind)) return plus + cased(number.toExponential(precision ?? 6), kind);
  if (/[gG]/.test(kind)) return plus + cased(String(Number(number.toPrecision(precision || 6))), kind);
  const whole = Math.abs(Math.trunc(number));
  if (kind === 'c') return String.fromCodePoint(Math.min(whole, 0x10ffff));
  const base = { b: 2, o: 8, u: 10, x: 16, X: 16 }[kind] ?? 10;
  return cased(whole.toString(base), kind);
}

function cased(text: string, kind: string): string {
  return kind === kind.toUpperCase() ? text.toUpperCase() : text;
}
