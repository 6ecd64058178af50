/**
 * What a template computes with. Plain data only: maps (for JSON objects), arrays, strings, numbers, booleans and null,
 * beside twing's own dates, marked-up strings and arrow functions. There is nothing to reach a prototype or a function
 * by: names of a map are looked up in a `Map`, never on an object.
 */
import { isAMarkup } from 'twing';
import type { Json } from '#domain/request.ts';

/** What a map or list prints as, as in PHP's Twig. */
export const PRINTED_COLLECTION = 'Array';

/** A JSON value with its objects as Maps, the form in which Twig's filters take them. */
export function fromJson(json: Json | undefined): unknown {
  if (typeof json !== 'object' || json === null) return json ?? null;
  if (Array.isArray(json)) return json.map(fromJson);
  const map = new Map<string, unknown>();
  for (const [key, value] of Object.entries(json)) map.set(key, fromJson(value));
  return map;
}

/** True for lists and maps. */
export function isCollection(value: unknown): value is Map<unknown, unknown> | unknown[] {
  return Array.isArray(value) || value instanceof Map;
}

/** True for what a missing name and JSON's null give. */
export function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** The element under a name or index; undefined where there is none. JSON's keys are text: `0` finds `"0"`. */
export function lookUp(target: unknown, key: unknown): unknown {
  if (target instanceof Map) {
    if (target.has(key)) return target.get(key);
    return typeof key === 'number' ? target.get(String(key)) : target.get(toIndex(key));
  }
  if (Array.isArray(target)) return target[toIndex(key) ?? -1];
  return undefined;
}

function toIndex(key: unknown): number | undefined {
  if (typeof key === 'number') return key;
  return typeof key === 'string' && /^\d{1,9}$/.test(key) ? Number(key) : undefined;
}

/**
 * How big a value is when written out: characters of strings plus elements of lists and maps, shared parts counted each
 * time they occur. `{% set a = [a, a] %}` doubles it at every turn, though hardly any memory is taken.
 */
export function weightOf(value: unknown, known: WeakMap<object, number>): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (!isCollection(value)) return isAMarkup(value) ? String(value).length : 1;
  const remembered = known.get(value);
  if (remembered !== undefined) return remembered;
  let weight = 1;
  for (const [key, element] of value.entries())
    weight += 1 + weightOf(element, known) + (typeof key === 'string' ? key.length : 0);
  known.set(value, weight);
  return weight;
}
