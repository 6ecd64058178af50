/** Filters of numbers. */
import { scalarFilter, textArgument } from './callable.ts';
import type { Callable } from './callable.ts';
import { isMissing, numberOf } from './values.ts';

/** Decimals of `number_format` and `round`. */
const DECIMALS_MAX = 100;
/** Below it, numbers are rounded in the quick way. */
const PLAIN_MAX = 1e12;
const STEPS_PER_NUMBER = 12;
/** Significant digits that are taken seriously when a number is rounded: 1.005 is meant to be above the middle. */
const SIGNIFICANT_DIGITS = 15;

/** The filters of this file. */
export const NUMBER_FILTERS: Record<string, Callable> = {
  abs: scalarFilter('', (_execution, operand) => Math.abs(numberOf(operand))),
  round: scalarFilter('precision, method', ({ budget }, operand, [precision, method]) => {
    budget.take(30);
    return round(numberOf(operand), decimalsOf(precision, 'round'), textArgument(method, 'common'));
  }),
  number_format: scalarFilter('decimal, decimal_point, thousand_sep', ({ budget }, operand, given) => {
    const [decimals, point, separator] = given;
    const number = numberOf(operand);
    budget.take(Math.abs(number) < PLAIN_MAX ? STEPS_PER_NUMBER : 5 * STEPS_PER_NUMBER);
    const fixed = fixedOf(number, Math.max(0, decimalsOf(decimals, 'number_format')));
    const [between, thousands] = [textArgument(point, '.'), textArgument(separator, ',')];
    budget.takeText(fixed.length * (1 + thousands.length) + between.length);
    return withSeparators(fixed, between, thousands);
  }),
};

function decimalsOf(given: unknown, filter: string): number {
  const decimals = isMissing(given) ? 0 : Math.trunc(numberOf(given));
  if (Math.abs(decimals) <= DECIMALS_MAX) return decimals;
  throw new Error(`the filter "${filter}" gives at most ${DECIMALS_MAX} decimals`);
}

function round(number: number, precision: number, method: string): number {
  if (method === 'common') return roundCommonly(number, precision);
  if (method === 'ceil') return shifted(Math.ceil(shifted(number, precision)), -precision);
  if (method === 'floor') return shifted(Math.floor(shifted(number, precision)), -precision);
  throw new Error('"round" has the methods "common", "ceil" and "floor"');
}

/** Halves away from zero. */
function roundCommonly(number: number, precision: number): number {
  const factor = 10 ** precision;
  const moved = number * factor;
  const isPlain = precision >= 0 && precision <= 6 && Math.abs(moved) < PLAIN_MAX;
  // Near the middle, the noise of the multiplication would decide.
  if (isPlain && Math.abs(Math.abs(moved % 1) - 0.5) > 1e-3) return Math.round(moved) / factor;
  return Math.sign(number) * shifted(Math.round(shifted(Math.abs(number), precision)), -precision);
}

/** The number with its point moved, without the noise of a multiplication. */
function shifted(number: number, places: number): number {
  const [digits, exponent = '0'] = String(Number(number.toPrecision(SIGNIFICANT_DIGITS))).split('e');
  return Number(`${digits}e${Number(exponent) + places}`);
}

function fixedOf(number: number, decimals: number): string {
  const rounded = decimals < SIGNIFICANT_DIGITS ? round(number, decimals, 'common') : number;
  if (!Number.isFinite(rounded)) return String(rounded);
  const isLarge = Math.abs(rounded) >= 1e21;
  return isLarge
    ? BigInt(rounded).toString() + (decimals > 0 ? `.${'0'.repeat(decimals)}` : '')
    : rounded.toFixed(decimals);
}

function withSeparators(fixed: string, point: string, separator: string): string {
  // A number that has been rounded to nothing has no sign.
  const [, sign, whole, decimals] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(fixed.replace(/^-(?=[0.]+$)/, '')) ?? [];
  if (whole === undefined) return fixed;
  const groups = [whole.slice(0, whole.length % 3)];
  for (let at = groups[0]!.length; at < whole.length; at += 3) groups.push(whole.slice(at, at + 3));
  const grouped = sign! + groups.filter((group) => group !== '').join(separator);
  return decimals === undefined ? grouped : grouped + point + decimals;
}
