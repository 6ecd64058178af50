/** Reading settings by hand: every fault names its place and a remedy, unknown keys are faults. */
import { parseDurationMs } from '#domain/time.ts';
import type { Json, JsonObject } from '#domain/request.ts';

/** A fault in settings, at a dotted path below the provider. */
export class SettingsFault extends Error {
  override name = 'SettingsFault';
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** The fault that reading meets, null when it meets none. */
export function faultOfReading(read: () => unknown): { path: string; message: string } | null {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof SettingsFault) return { path: error.path, message: error.message };
    throw error;
  }
}

/** @throws {SettingsFault} at the first key that is not known. */
export function assertKeys(object: JsonObject, known: readonly string[], path: string): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) throw new SettingsFault(below(path, key), `is not known here; use ${known.join(', ')}`);
  }
}

/** The object at a key; null when the key is missing. */
export function readObject(parent: JsonObject, key: string, path: string): JsonObject | null {
  const value = parent[key];
  if (value === undefined) return null;
  if (!isObject(value)) throw new SettingsFault(below(path, key), 'must be a map of keys and values');
  return value;
}

/** The text at a key; null when the key is missing. */
export function readText(parent: JsonObject, key: string, path: string): string | null {
  const value = parent[key];
  if (value === undefined) return null;
  if (typeof value !== 'string')
    throw new SettingsFault(below(path, key), `must be a text; put quotes around ${JSON.stringify(value)}`);
  return value;
}

/** The text at a key that must be there and say something. @param what what it is, for the error: `your account's SID`. */
export function readNeeded(parent: JsonObject, key: string, path: string, what: string): string {
  const text = readText(parent, key, path);
  if (text === null || text.trim() === '') throw new SettingsFault(below(path, key), `is needed: ${what}`);
  return text;
}

/** The credential at a key that must be there, to be written into a header. Its fault does not quote it. */
export function readCredential(parent: JsonObject, key: string, path: string, what: string): string {
  const text = readNeeded(parent, key, path, what);
  if (!/^[\x21-\x7e]+$/.test(text))
    throw new SettingsFault(
      below(path, key),
      'has blanks, line breaks or letters beyond ASCII in it; copy it once more',
    );
  return text;
}

/** One of several words at a key; the first when the key is missing. */
export function readWord<Word extends string>(
  parent: JsonObject,
  key: string,
  path: string,
  words: readonly [Word, ...Word[]],
): Word {
  const text = readText(parent, key, path) ?? words[0];
  const word = words.find((one) => one === text);
  if (word === undefined) throw new SettingsFault(below(path, key), `"${text}" is not known; use ${words.join(', ')}`);
  return word;
}

/** True or false at a key; the default when the key is missing. */
export function readFlag(parent: JsonObject, key: string, path: string, otherwise: boolean): boolean {
  const value = parent[key] ?? otherwise;
  if (typeof value !== 'boolean') throw new SettingsFault(below(path, key), 'must be true or false');
  return value;
}

/** The base address of a vendor's API, without a trailing slash; the vendor's own when the key is missing. */
export function readBaseUrl(parent: JsonObject, key: string, path: string, otherwise: string): string {
  const text = readText(parent, key, path) ?? otherwise;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username)
    throw new SettingsFault(below(path, key), `"${text}" is not an address such as ${otherwise}`);
  return text.replace(/\/+$/, '');
}

/** The duration at a key, in ms; the default when the key is missing. */
export function readDurationMs(
  parent: JsonObject,
  key: string,
  path: string,
  limits: { min: number; max: number; default: number },
): number {
  const text = readText(parent, key, path);
  if (text === null) return limits.default;
  const durationMs = parseDurationMs(text);
  if (durationMs === null)
    throw new SettingsFault(below(path, key), `"${text}" is not a duration; write it as 500ms, 10s or 1m`);
  if (durationMs < limits.min || durationMs > limits.max) {
    throw new SettingsFault(below(path, key), `${text} is out of bounds; use ${limits.min}ms to ${limits.max}ms`);
  }
  return durationMs;
}

/** The whole number at a key; the default when the key is missing. */
export function readInteger(
  parent: JsonObject,
  key: string,
  path: string,
  limits: { min: number; max: number; default: number },
): number {
  const value = parent[key];
  if (value === undefined) return limits.default;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < limits.min || value > limits.max) {
    throw new SettingsFault(below(path, key), `must be a whole number from ${limits.min} to ${limits.max}`);
  }
  return value;
}

/** A JSON object, as opposed to a list or a scalar. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The path of a key below another path. */
export function below(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
