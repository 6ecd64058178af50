/** Filters that twing has, and has wrong for us. */
import { VALUE_WEIGHT_MAX } from './budget.ts';
import { PRINTED_COLLECTION, isCollection } from './values.ts';

/** In the place of twing's: its `replace` never ends when a key is empty, its `sort` loses equal elements and sorts numbers as text. */
export const REWRITTEN: Record<string, (context: unknown, operand: unknown, argument: unknown) => unknown> = {
  replace: (_context, text, pairs) => replacePairs(textOf(text), pairs),
  sort: (_context, collection, arrow) => sorted(collection, arrow),
};

/** Longest key first, as in PHP's strtr. */
function replacePairs(text: string, pairs: unknown): string {
  if (!(pairs instanceof Map)) throw new Error(`the filter "replace" needs a map, as in replace({'from': 'to'})`);
  const keys = [...pairs.keys()]
    .map(String)
    .filter((key) => key !== '')
    .toSorted((a, b) => b.length - a.length);
  if (keys.length === 0) return text;
  let room = VALUE_WEIGHT_MAX - text.length;
  const pattern = new RegExp(keys.map(RegExp.escape).join('|'), 'g');
  return text.replace(pattern, (key) => {
    const replacement = textOf(pairs.get(key));
    room -= replacement.length;
    if (room < 0) throw new Error('the filter "replace" makes too long a text; replace less');
    return replacement;
  });
}

function sorted(collection: unknown, arrow: unknown): Map<unknown, unknown> {
  if (!isCollection(collection)) throw new Error('the filter "sort" needs a list or a map');
  const compare = typeof arrow === 'function' ? (a: unknown, b: unknown) => Number(arrow(a, b)) : compareValues;
  return new Map([...collection.entries()].toSorted(([, a], [, b]) => compare(a, b)));
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [textOf(a), textOf(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function textOf(value: unknown): string {
  return isCollection(value) ? PRINTED_COLLECTION : ((value ?? '') as string | number).toString();
}
