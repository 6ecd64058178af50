/** Going through lists and maps, whatever they are made of. Everything is charged before it is done, or right after. */
import type { Budget } from './budget.ts';
import type { Collection } from './values.ts';

/** A large object tells its keys slowly. */
const STEPS_PER_KEY = 3;

/** How many elements there are. */
export function sizeOf(collection: Collection, budget: Budget): number {
  if (Array.isArray(collection)) return collection.length;
  return collection instanceof Map ? collection.size : keysOf(collection, budget).length;
}

/** The keys, in order: those of a list are its positions. */
export function keysOf(collection: Collection, budget: Budget): unknown[] {
  if (Array.isArray(collection)) {
    budget.takeElements(collection.length);
    return Array.from(collection.keys());
  }
  if (collection instanceof Map) {
    budget.takeElements(collection.size);
    return [...collection.keys()];
  }
  const keys = Object.keys(collection);
  budget.takeElements(keys.length);
  budget.take(keys.length * STEPS_PER_KEY);
  return keys;
}

/** The elements, in order. A list is itself: nobody may change it. */
export function valuesOf(collection: Collection, budget: Budget): readonly unknown[] {
  if (Array.isArray(collection)) {
    budget.takeElements(collection.length);
    return collection as unknown[];
  }
  if (collection instanceof Map) {
    budget.takeElements(collection.size);
    return [...collection.values()];
  }
  const values = Object.values(collection);
  budget.takeElements(values.length);
  budget.take(values.length * STEPS_PER_KEY);
  return values;
}

/** Keys with their elements, in order. */
export function entriesOf(collection: Collection, budget: Budget): [key: unknown, value: unknown][] {
  const values = valuesOf(collection, budget);
  return keysOf(collection, budget).map((key, index) => [key, values[index]]);
}

/** True for what is counted from 0 without a gap: what JSON writes as a list. */
export function isSequence(collection: Collection, budget: Budget): boolean {
  if (Array.isArray(collection)) return true;
  return keysOf(collection, budget).every((key, index) => key === index);
}
