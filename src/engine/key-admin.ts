/** Making and removing API keys one by one. */
import { randomInt } from 'node:crypto';
import type { ApiKey } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import type { ConfigCache } from './config-cache.ts';
import { createFaults } from './manifest/faults.ts';
import type { Fault } from './manifest/faults.ts';
import { GENERATED_PREFIX, hintOf, readScopes, sha256Of } from './manifest/keys.ts';
import { below, idOf, mapOf, refuseUnknown, refuseUnstorable } from './manifest/reading.ts';
import type { Place } from './manifest/reading.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62^32 is more than 2^190: not to be guessed. */
const RANDOM_LENGTH = 32;
/** Random characters in the id of a key that was given no name. */
const ID_LENGTH = 10;

/** What came of it. `key` is told this once: only its hash is kept. */
export type KeyOutcome =
  | { kind: 'created'; key: string; stored: ApiKey }
  | { kind: 'refused'; faults: Fault[] }
  | { kind: 'conflict'; message: string };

/** Makes a key. @param body `{scopes, name?}`; the name becomes the key's id. */
export async function createKey(config: ConfigCache, accountId: AccountId, body: unknown): Promise<KeyOutcome> {
  const faults = createFaults();
  const place: Place = { value: body ?? null, path: [], faults };
  refuseUnstorable(place);
  const map = faults.isEmpty() ? mapOf(place) : undefined;
  if (map) refuseUnknown(map, ['scopes', 'name']);
  const name = map && idOf(below(map, 'name'));
  const scopes = map && readScopes(below(map, 'scopes'));
  if (!scopes || !faults.isEmpty()) return { kind: 'refused', faults: faults.list() };

  const key = GENERATED_PREFIX + randomText(RANDOM_LENGTH);
  const id = name ?? `key-${randomText(ID_LENGTH).toLowerCase()}`;
  const stored: ApiKey = { id, accountId, sha256: sha256Of(key), hint: hintOf(key), scopes };
  let isTaken = false;
  await config.change(() => {
    isTaken = config.keys(accountId).some((one) => one.id === id);
    return isTaken ? null : { keys: [stored] };
  });
  if (!isTaken) return { kind: 'created', key, stored };
  return {
    kind: 'conflict',
    message: `there is a key named "${id}" already; take another name, or remove that one first`,
  };
}

/** Removes a key; false when there was none. Also the last one: the operator's key can always make another. */
export async function removeKey(config: ConfigCache, accountId: AccountId, id: string): Promise<boolean> {
  let existed = false;
  await config.change(() => {
    existed = config.keys(accountId).some((one) => one.id === id);
    return existed ? { removedKeys: [{ accountId, id }] } : null;
  });
  return existed;
}

function randomText(length: number): string {
  return Array.from({ length }, () => BASE62[randomInt(BASE62.length)]).join('');
}
