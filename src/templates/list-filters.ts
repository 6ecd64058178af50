/** Filters of lists and maps, some of them of texts too. A missing value is an empty list. */
import { COLLECTION_SIZE_MAX } from './budget.ts';
import type { Budget } from './budget.ts';
import { arrowArgument, callable, textArgument } from './callable.ts';
import type { Callable } from './callable.ts';
import { entriesOf, isSequence, keysOf, sizeOf, valuesOf } from './collections.ts';
import { compare } from './comparing.ts';
import type { Execution } from './execution.ts';
import { isCollection, isEmpty, isMissing, isTruthy, lookUp, numberOf, textOf } from './values.ts';
import type { Collection } from './values.ts';

/** Filters of this file that take a list or map. */
const OF_COLLECTIONS: Record<string, Callable> = {
  batch: listFilter('batch', 'size!, fill, preserve_keys', batch),
  column: listFilter('column', 'name!', (list, [name], { budget }) =>
    valuesOf(list, budget).flatMap((row) => {
      const value = lookUp(row, name);
      return value === undefined ? [] : [value];
    }),
  ),
  filter: listFilter('filter', 'arrow!', (list, [arrow], { budget }) => {
    const holds = arrowArgument(arrow, 'filter');
    return new Map(entriesOf(list, budget).filter(([key, value]) => isTruthy(holds(value, key))));
  }),
  find: listFilter('find', 'arrow!', (list, [arrow], { budget }) => {
    const holds = arrowArgument(arrow, 'find');
    return entriesOf(list, budget).find(([key, value]) => isTruthy(holds(value, key)))?.[1];
  }),
  keys: listFilter('keys', '', (list, _given, { budget }) => keysOf(list, budget)),
  map: listFilter('map', 'arrow!', (list, [arrow], { budget }) => {
    const change = arrowArgument(arrow, 'map');
    const changed = entriesOf(list, budget).map(([key, value]) => [key, change(value, key) ?? null] as const);
    return Array.isArray(list) ? changed.map(([, value]) => value) : new Map(changed);
  }),
  merge: listFilter('merge', 'arrays…', merge),
  reduce: listFilter('reduce', 'arrow!, initial', (list, [arrow, initial], { budget }) => {
    const add = arrowArgument(arrow, 'reduce');
    return entriesOf(list, budget).reduce((carry, [key, value]) => add(carry, value, key) ?? null, initial ?? null);
  }),
  sort: listFilter('sort', 'arrow', (list, [arrow], { budget }) => {
    const order = isMissing(arrow) ? null : arrowArgument(arrow, 'sort');
    const inOrder = (a: unknown, b: unknown): number => (order ? numberOf(order(a, b)) : compare(a, b, budget));
    return new Map(
      entriesOf(list, budget).toSorted(([, a], [, b]) => {
        budget.take(1);
        return inOrder(a, b);
      }),
    );
  }),
};

/** The filters of this file. */
export const LIST_FILTERS: Record<string, Callable> = {
  ...OF_COLLECTIONS,
  join: callable('glue, and', (execution, operand, given) => {
    if (isCollection(operand)) return join(operand, given, execution);
    return textOf(operand);
  }),
  default: callable('default', (_execution, operand, [fallback]) => (isEmpty(operand) ? (fallback ?? '') : operand)),
  length: callable('', ({ budget }, operand) => {
    if (isCollection(operand)) return sizeOf(operand, budget);
    const text = textOf(operand);
    budget.takeText(text.length);
    return lengthOf(text);
  }),
  first: callable('', ({ budget }, operand) => {
    if (!isCollection(operand)) return firstOf(textOf(operand));
    return Array.isArray(operand) ? operand[0] : valuesOf(operand, budget)[0];
  }),
  last: callable('', ({ budget }, operand) => {
    if (!isCollection(operand)) return sliceText(textOf(operand).slice(-2), -1, null);
    return Array.isArray(operand) ? operand.at(-1) : valuesOf(operand, budget).at(-1);
  }),
  reverse: callable('preserve_keys', ({ budget }, operand, [preserves]) => {
    if (isMissing(operand)) return [];
    if (!isCollection(operand)) {
      budget.takeElements(textOf(operand).length);
      return Array.from(textOf(operand)).toReversed().join('');
    }
    return reverse(operand, isTruthy(preserves), budget);
  }),
  slice: callable('start!, length, preserve_keys', ({ budget }, operand, [start, length, preserves]) => {
    const from = Math.trunc(numberOf(start));
    const size = isMissing(length) ? null : Math.trunc(numberOf(length));
    if (isCollection(operand)) return sliceList(operand, from, size, { preserves: isTruthy(preserves), budget });
    budget.takeText(textOf(operand).length);
    budget.takeText(textOf(operand).length);
    return sliceText(textOf(operand), from, size);
  }),
};

function listFilter(
  name: string,
  signature: string,
  call: (list: Collection, given: readonly unknown[], execution: Execution) => unknown,
): Callable {
  return callable(signature, (execution, operand, given) => {
    if (isMissing(operand)) return call([], given, execution);
    if (!isCollection(operand)) throw new Error(`the filter "${name}" needs a list or a map`);
    return call(operand, given, execution);
  });
}

function batch(list: Collection, [given, fill]: readonly unknown[], { budget }: Execution): unknown[][] {
  const size = Math.ceil(numberOf(given));
  if (!(size >= 1 && size <= COLLECTION_SIZE_MAX))
    throw new Error(`the filter "batch" needs a size from 1 to ${COLLECTION_SIZE_MAX}`);
  const values = valuesOf(list, budget);
  const batches: unknown[][] = [];
  for (let at = 0; at < values.length; at += size) batches.push(values.slice(at, at + size));
  const last = batches.at(-1);
  if (last && !isMissing(fill)) {
    budget.takeElements(size);
    while (last.length < size) last.push(fill);
  }
  return batches;
}

function join(list: Collection, [glue, and]: readonly unknown[], { budget }: Execution): string {
  const values = valuesOf(list, budget);
  const between = textArgument(glue, '');
  const beforeLast = textArgument(and, between);
  let joined = '';
  for (const [index, value] of values.entries()) {
    if (index > 0) joined += index === values.length - 1 ? beforeLast : between;
    const text = textOf(value);
    joined += text;
    budget.take(1 + (text.length >> 4));
  }
  budget.takeText(joined.length);
  return joined;
}

/** Elements with a number as their key are put in a row; of the same name, the last one stays. */
function merge(list: Collection, others: readonly unknown[], { budget }: Execution): unknown {
  const all = [list, ...others.filter((other) => !isMissing(other))];
  const merged = new Map<unknown, unknown>();
  let next = 0;
  for (const one of all) {
    if (!isCollection(one)) throw new Error('the filter "merge" needs lists or maps');
    for (const [key, value] of entriesOf(one, budget)) merged.set(typeof key === 'number' ? next++ : key, value);
    budget.takeElements(merged.size);
  }
  return next === merged.size ? [...merged.values()] : merged;
}

function reverse(list: Collection, preserves: boolean, budget: Budget): unknown {
  const reversed = entriesOf(list, budget).toReversed();
  if (Array.isArray(list) && !preserves) return reversed.map(([, value]) => value);
  let next = 0;
  return new Map(reversed.map(([key, value]) => [preserves || typeof key !== 'number' ? key : next++, value]));
}

function sliceList(
  list: Collection,
  start: number,
  length: number | null,
  { preserves, budget }: { preserves: boolean; budget: Budget },
): unknown {
  const entries = entriesOf(list, budget);
  const from = start < 0 ? Math.max(0, entries.length + start) : start;
  const to = length !== null && length >= 0 ? from + length : entries.length + (length ?? 0);
  const slice = entries.slice(from, Math.max(from, to));
  if (!preserves && isSequence(list, budget)) return slice.map(([, value]) => value);
  let next = 0;
  return new Map(slice.map(([key, value]) => [preserves || typeof key !== 'number' ? key : next++, value]));
}

/** In code points, so that no character is cut in two; negative positions count from the end. */
function sliceText(text: string, start: number, length: number | null): string {
  const isSimple = !/[\ud800-\udbff]/.test(text);
  const size = isSimple ? text.length : lengthOf(text);
  const from = start < 0 ? Math.max(0, size + start) : Math.min(start, size);
  const to = Math.max(from, length !== null && length >= 0 ? Math.min(from + length, size) : size + (length ?? 0));
  if (isSimple) return text.slice(from, to);
  let [at, first] = [0, 0];
  for (let index = 0; index < to; index++) {
    if (index === from) first = at;
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  return from >= to ? '' : text.slice(first, at);
}

function firstOf(text: string): string {
  return text === '' ? '' : String.fromCodePoint(text.codePointAt(0)!);
}

/** In code points: 🎲 is one. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let at = 1; at < text.length; at++) {
    const [high, low] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
    if ((high & 0xfc00) === 0xd800 && (low & 0xfc00) === 0xdc00) length--;
  }
  return length;
}
