/**
 * Reading what people wrote: each function takes the value of one place, or adds a fault and answers undefined. Reading
 * goes on after a fault, so that one look finds them all.
 */
import { ID_LENGTH_MAX } from '#domain/request.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { formatDuration, parseDurationMs } from '#domain/time.ts';
import { didYouMean } from './closest.ts';
import type { Faults, Path } from './faults.ts';

/** How deep a manifest may nest. */
const DEPTH_MAX = 40;
/** Characters of a text that is no template. */
const TEXT_LENGTH_MAX = 1_000;
/** Characters of a value that a fault repeats. */
const REPEATED_LENGTH_MAX = 40;

/** A place being read: what stands there, where it is, and where its faults go. */
export interface Place<Value = unknown> {
  value: Value;
  path: Path;
  faults: Faults;
}

/** A place below another one: the value of a key, undefined when it is missing. */
export function below({ value, path, faults }: Place<JsonObject>, key: string): Place<Json | undefined> {
  return { value: Object.hasOwn(value, key) ? value[key] : undefined, path: [...path, key], faults };
}

/** Adds a fault about a place. */
export function blame({ path, faults }: Place, message: string): undefined {
  faults.add(path, message);
}

/** True for a map, as opposed to a list or a scalar. */
export function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The map there. */
export function mapOf(place: Place): Place<JsonObject> | undefined {
  const { value } = place;
  if (value === undefined) return undefined;
  if (isMap(value)) return { ...place, value };
  return blame(place, `must be a map of keys and values; it is ${kindOf(value)}`);
}

/** The places of the list there. */
export function listOf(place: Place, lengthMax: number): Place<Json>[] | undefined {
  const { value, path, faults } = place;
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return blame(place, `must be a list; it is ${kindOf(value)}`);
  if (value.length > lengthMax) return blame(place, `has ${value.length} entries; at most ${lengthMax} are allowed`);
  return value.map((one: Json, index) => ({ value: one, path: [...path, index], faults }));
}

/** Adds a fault for each key that is not known there. */
export function refuseUnknown(map: Place<JsonObject>, known: readonly string[]): void {
  for (const key of Object.keys(map.value)) {
    if (!known.includes(key)) blame(below(map, key), `is not known here; ${didYouMean(key, known)}`);
  }
}

/** The same place; a fault when nothing stands there. `remedy`: what to give. */
export function required<Value>(place: Place<Value>, remedy: string): Place<Value> {
  if (place.value === undefined) blame(place, `is missing; ${remedy}`);
  return place;
}

/** The text there. Numbers are refused: YAML makes 911234 of +911234. */
export function textOf(place: Place, lengthMax: number = TEXT_LENGTH_MAX): string | undefined {
  const { value } = place;
  if (value === undefined) return undefined;
  if (value === null || value === '') return blame(place, 'is empty; give it a value, or leave it out');
  if (typeof value === 'number' || typeof value === 'boolean') {
    return blame(place, `must be a text; put quotes around ${value}`);
  }
  if (typeof value !== 'string') return blame(place, `must be a text; it is ${kindOf(value)}`);
  if (value.length > lengthMax) return blame(place, `has ${value.length} characters; at most ${lengthMax} are allowed`);
  return value;
}

/** The id there: a text, or a whole number, which YAML makes of digits. */
export function idOf(place: Place): string | undefined {
  const { value } = place;
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    return blame(place, 'is a number that loses digits; put quotes around it');
  }
  const id = typeof value === 'number' ? String(value) : textOf(place, ID_LENGTH_MAX);
  if (id === undefined) return undefined;
  if (id.trim() !== id || /\p{Cc}/u.test(id)) {
    return blame(place, 'begins or ends with blanks, or has control characters; take them away');
  }
  return id === '.' || id === '..' ? blame(place, 'cannot be part of an address; use letters or digits') : id;
}

/** The word there, one of those known. */
export function wordOf<Word extends string>(place: Place, words: readonly Word[]): Word | undefined {
  const text = textOf(place);
  if (text === undefined) return undefined;
  const word = words.find((one) => one === text);
  return word ?? blame(place, `"${shortened(text)}" is not known; ${didYouMean(text, words)}`);
}

/** The list there, of at least one and none twice. */
export function setOf<Item extends string>(
  place: Place,
  lengthMax: number,
  read: (place: Place) => Item | undefined,
): Item[] | undefined {
  const list = listOf(place, lengthMax);
  if (list === undefined) return undefined;
  if (list.length === 0) return blame(place, 'is empty; name at least one');
  const items: Item[] = [];
  for (const one of list) {
    const item = read(one);
    if (item === undefined) continue;
    if (items.includes(item)) blame(one, `names "${item}" a second time; once is enough`);
    else items.push(item);
  }
  return items.length === list.length ? items : undefined;
}

/** The duration there, in ms. */
export function durationOf(place: Place, bounds: { minMs: number; maxMs: number }): number | undefined {
  const { value } = place;
  if (value === undefined) return undefined;
  const durationMs = typeof value === 'string' ? parseDurationMs(value) : null;
  if (durationMs === null) {
    const example = typeof value === 'number' ? `${value}s` : '500ms, 60s, 10m, 2h or 3d';
    return blame(place, `must be a duration with its unit, such as ${example}; it is ${kindOf(value)}`);
  }
  const { minMs, maxMs } = bounds;
  if (durationMs >= minMs && durationMs <= maxMs) return durationMs;
  return blame(place, `must be from ${formatDuration(minMs)} to ${formatDuration(maxMs)}; it is ${kindOf(value)}`);
}

/** The true or false there. */
export function flagOf(place: Place): boolean | undefined {
  const { value } = place;
  if (value === undefined || typeof value === 'boolean') return value;
  return blame(place, `must be true or false; it is ${kindOf(value)}`);
}

/** The whole number there. */
export function integerOf(place: Place, min: number, max: number): number | undefined {
  const { value } = place;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  return blame(place, `must be a whole number from ${min} to ${max}; it is ${kindOf(value)}`);
}

/** Adds a fault for whatever no database can keep: NUL, half surrogate pairs, and nesting without end. */
export function refuseUnstorable(place: Place): void {
  const { value, path, faults } = place;
  if (typeof value === 'string') {
    if (!isStorable(value)) blame(place, UNSTORABLE);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (path.length >= DEPTH_MAX) return blame(place, `nests deeper than ${DEPTH_MAX} levels; make it flatter`);
  for (const [key, child] of Object.entries(value)) {
    if (isStorable(key)) {
      refuseUnstorable({ value: child, path: [...path, Array.isArray(value) ? Number(key) : key], faults });
    } else blame(place, `${UNSTORABLE} (in a key)`);
  }
}

const UNSTORABLE = 'has a character that cannot be stored, NUL or half of a pair; take it away';

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : shortened(JSON.stringify(value));
}

function shortened(text: string): string {
  return text.length > REPEATED_LENGTH_MAX ? `${text.slice(0, REPEATED_LENGTH_MAX)}…` : text;
}
