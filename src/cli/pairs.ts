/** Options that say `name=value`, any number of times, and options in JSON. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Json, JsonObject } from '#domain/request.ts';

/** Adds `name=value` to what was given before; the value is a text. */
export function addPair(text: string, before: JsonObject | undefined): JsonObject | undefined {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write it as name=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** What two options say together; undefined when neither was given. The pairs win. */
export function together(object: JsonObject | undefined, pairs: JsonObject | undefined): JsonObject | undefined {
  return object || pairs ? { ...object, ...pairs } : undefined;
}

/** An object in JSON. */
export function jsonObject(text: string): JsonObject {
  const value = parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new InvalidArgumentError(`Write it as a JSON object, such as '{"order_id": 4711}'.`);
  }
  return value;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null; // no object either: the caller says so
  }
}

/** A whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
