/** `json_encode`. */
import type { Budget } from './budget.ts';
import { entriesOf, isSequence, valuesOf } from './collections.ts';
import { isCollection, isMissing, textOf } from './values.ts';

/** PHP's number for "with line breaks and spaces", the one option that is known. */
const PRETTY = 128;
const STEPS_PER_VALUE = 8;

/** The value as JSON. What is shared by several parts is written, and charged, for each. */
export function jsonOf(value: unknown, options: unknown, budget: Budget): string {
  const text = JSON.stringify(plain(value, budget), null, options === PRETTY ? 4 : undefined);
  budget.takeText(text.length);
  return text;
}

function plain(value: unknown, budget: Budget): unknown {
  budget.take(STEPS_PER_VALUE);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (isMissing(value) || typeof value === 'function') return null;
  if (!isCollection(value)) {
    const text = textOf(value);
    budget.takeText(text.length);
    return text;
  }
  // Texts of one size that are shared a thousand times are no bigger here than once, and are when they are written.
  if (isSequence(value, budget)) return valuesOf(value, budget).map((element) => plain(element, budget));
  return Object.fromEntries(entriesOf(value, budget).map(([key, element]) => [textOf(key), plain(element, budget)]));
}
