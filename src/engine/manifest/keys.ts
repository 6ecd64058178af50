/** An API key as a manifest and the API write it, read and written. Only its hash is kept. */
import { hash } from 'node:crypto';
import { SCOPES } from '#domain/account.ts';
import type { ApiKey, Scope } from '#domain/account.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Path } from './faults.ts';
import { below, blame, idOf, mapOf, refuseUnknown, required, setOf, textOf, wordOf } from './reading.ts';
import type { Place } from './reading.ts';

/** Characters of a key. */
const KEY_LENGTH_MAX = 200;
/** What generated keys begin with. */
export const GENERATED_PREFIX = 'ck_';
/** Characters of a key (after the prefix) that are shown, and at most which part of it. */
const HINT_LENGTH = 4;
const HINT_PART = 0.5;

/** A key that was read. */
export interface KeyDraft {
  path: Path;
  /** Absent: the id it has, or a new one. */
  id?: string;
  /** Absent: the stored key of that id stays. */
  secret?: { sha256: string; hint: string };
  scopes: Scope[];
}

/** Reads one; undefined, with faults, when something is wrong. */
export function readKey(place: Place): KeyDraft | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  refuseUnknown(map, ['id', 'key', 'scopes', 'hint']);
  const id = idOf(below(map, 'id'));
  const key = readSecret(map);
  const scopes = readScopes(below(map, 'scopes'));
  if (!scopes || (key === undefined && id === undefined)) return undefined;
  const secret = key === undefined ? undefined : { sha256: sha256Of(key), hint: hintOf(key) };
  return { path: place.path, ...(id !== undefined && { id }), ...(secret && { secret }), scopes };
}

function readSecret(map: Place<JsonObject>): string | undefined {
  const place = below(map, 'key');
  // An entry as `GET` gives it keeps the key it had.
  if (!Object.hasOwn(map.value, 'id')) required(place, 'give the key, or the id of a stored one');
  const key = textOf(place, KEY_LENGTH_MAX);
  if (key === undefined) return undefined;
  if (key.includes('${'))
    return blame(place, 'has a ${…} in it: only "carom apply" replaces these; give the key itself');
  return /^[!-~]+$/.test(key)
    ? key
    : blame(place, 'must consist of letters, digits and signs of ASCII, without blanks');
}

/** The scopes there, in the order of {@link SCOPES}. */
export function readScopes(place: Place): Scope[] | undefined {
  required(place, `name what the key may do, some of ${SCOPES.join(', ')}`);
  const given = setOf(place, SCOPES.length, (one) => wordOf(one, SCOPES));
  return given && SCOPES.filter((scope) => given.includes(scope));
}

/** The lower-case hex SHA-256 by which a key is known. */
export function sha256Of(key: string): string {
  return hash('sha256', key, 'hex');
}

/** The first characters of a key, for people to tell keys apart; never most of it. */
export function hintOf(key: string): string {
  const start = key.startsWith(GENERATED_PREFIX) ? GENERATED_PREFIX.length : 0;
  const shown = Math.min(HINT_LENGTH, Math.floor((key.length - start) * HINT_PART));
  return `${key.slice(0, start + shown)}…`;
}

/** A key as it is shown. */
export function keyView({ id, hint, scopes }: ApiKey): JsonObject {
  return { id, hint, scopes };
}
