/** `json_encode`. */
import type { Budget } from './budget.ts';
import { entriesOf, isSequence, valuesOf } from './collections.ts';
import { isCollection, isMissing, textOf } from './values.ts';

/** PHP's number for "with line breaks and spaces", the one option that is known. */
const PRETTY = 128;
const INDENT = '    ';
const STEPS_PER_VALUE = 8;

/** The value as JSON, keys in their order. What is shared by several parts is written, and charged, for each. */
export function jsonOf(value: unknown, options: unknown, budget: Budget): string {
  const text = write(value, options === PRETTY ? '\n' : '', budget);
  budget.takeText(text.length);
  return text;
}

/** @param line what a new line begins with; '' where there are none. */
function write(value: unknown, line: string, budget: Budget): string {
  budget.take(STEPS_PER_VALUE);
  if (isMissing(value) || typeof value === 'function') return 'null';
  if (!isCollection(value)) {
    if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value);
    const text = textOf(value);
    budget.takeText(text.length);
    return JSON.stringify(text);
  }
  const inner = line && line + INDENT;
  const colon = line ? ': ' : ':';
  if (isSequence(value, budget)) {
    return enclose(
      '[',
      valuesOf(value, budget).map((element) => write(element, inner, budget)),
      ']',
      line,
    );
  }
  const pairs = entriesOf(value, budget).map(
    ([key, element]) => JSON.stringify(textOf(key)) + colon + write(element, inner, budget),
  );
  return enclose('{', pairs, '}', line);
}

function enclose(open: string, parts: readonly string[], close: string, line: string): string {
  if (parts.length === 0 || line === '') return open + parts.join(',') + close;
  return open + parts.map((part) => line + INDENT + part).join(',') + line + close;
}
