/**
 * What a template computes with. Plain data only: JSON as it came, `Map`s made by templates, texts marked as safe, moments
 * and arrow functions. There is nothing to reach a prototype or a function by: keys of an object are its own.
 */
import { Moment } from './moment.ts';

/** What a map or list prints as, as in PHP's Twig. */
const PRINTED_COLLECTION = 'Array';
/** Significant digits of a computed number that is no whole one: hides that 0.1 + 0.2 is not quite 0.3. */
const SIGNIFICANT_DIGITS = 15;
const NUMERIC = /^[ \t\n\r]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\r]*$/;
/** Characters of the longest text that is looked at as a number. */
const NUMERIC_LENGTH_MAX = 40;

/** A text that needs no escaping any more. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A list, or a map: from JSON, or made by a template. */
export type Collection = readonly unknown[] | Map<unknown, unknown> | Record<string, unknown>;

/** `v => …`: only filters and `has some`, `has every` call it. */
export type Arrow = (...given: unknown[]) => unknown;

/** True for lists and maps. */
export function isCollection(value: unknown): value is Collection {
  return typeof value === 'object' && value !== null && !(value instanceof Markup) && !(value instanceof Moment);
}

/** True for what a missing name and JSON's null give. */
export function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** What `{{ value }}` prints. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (value instanceof Markup) return value.text;
  if (value instanceof Moment) return value.toString();
  if (value === true) return '1';
  return isCollection(value) ? PRINTED_COLLECTION : '';
}

/** What `if` asks. The text `'0'` and empty collections are false. */
export function isTruthy(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value !== '' && value !== '0';
  if (typeof value === 'number') return value !== 0;
  if (isMissing(value)) return false;
  if (value instanceof Markup) return value.text !== '';
  return !isCollection(value) || !isEmptyCollection(value);
}

/** What `default` replaces, and `is empty` finds. */
export function isEmpty(value: unknown): boolean {
  if (isMissing(value) || value === '' || value === false) return true;
  if (value instanceof Markup) return value.text === '';
  return isCollection(value) && isEmptyCollection(value);
}

/** What an object has takes longer to say the more it has; a template may ask in every turn. */
const emptiness = new WeakMap<object, boolean>();

function isEmptyCollection(value: Collection): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  let isIt = emptiness.get(value);
  if (isIt === undefined) {
    isIt = Object.keys(value).length === 0;
    emptiness.set(value, isIt);
  }
  return isIt;
}

/** The number a text is; null where it is none. */
export function numberIn(text: string): number | null {
  return text.length <= NUMERIC_LENGTH_MAX && NUMERIC.test(text) ? Number(text) : null;
}

/** The value as a number, as PHP has it. @throws when it is none. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (isMissing(value)) return 0;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string' || value instanceof Markup) {
    const number = numberIn(textOf(value));
    if (number !== null) return number;
    throw new Error(`${JSON.stringify(textOf(value).slice(0, NUMERIC_LENGTH_MAX))} is no number`);
  }
  throw new Error(`${isCollection(value) ? 'a list or map' : 'a date'} is no number`);
}

/** A computed number without the noise of binary fractions. */
export function withoutNoise(number: number): number {
  return Number(number.toPrecision(SIGNIFICANT_DIGITS));
}

/** The element under a name or index; undefined where there is none. JSON's keys are text: `0` finds `"0"`. */
export function lookUp(target: unknown, key: unknown): unknown {
  if (!isCollection(target)) return undefined;
  if (Array.isArray(target)) {
    const index = toIndex(key);
    return index === undefined ? undefined : (target as unknown[])[index];
  }
  if (!(target instanceof Map)) {
    const name = typeof key === 'string' ? key : textOf(key);
    return Object.hasOwn(target, name) ? (target as Record<string, unknown>)[name] : undefined;
  }
  if (target.has(key)) return target.get(key);
  return typeof key === 'number' ? target.get(String(key)) : target.get(toIndex(key));
}

function toIndex(key: unknown): number | undefined {
  if (typeof key === 'number') return key;
  return typeof key === 'string' && /^\d{1,9}$/.test(key) ? Number(key) : undefined;
}
