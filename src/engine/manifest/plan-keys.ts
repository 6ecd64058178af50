/** What has to be written so that an account's keys are as its manifest says. */
import { isDeepStrictEqual } from 'node:util';
import type { ApiKey } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import type { ConfigCache } from '../config-cache.ts';
import { fieldChanges } from './changes.ts';
import type { Faults } from './faults.ts';
import { sha256Of } from './keys.ts';
import type { KeyDraft } from './keys.ts';
import type { Plan } from './plan.ts';
import type { ManifestDraft } from './read.ts';

/** Hex characters in the id of a key that was given none. */
const ID_DIGITS = 10;

/** Plans the keys; a manifest that says nothing about keys has none pruned. */
export function planKeys(
  config: ConfigCache,
  { accountId, keys }: ManifestDraft,
  prune: boolean,
  { changes, writes }: Plan,
  faults: Faults,
): void {
  if (!keys) return;
  const named = new Map<string, KeyDraft>();
  for (const draft of keys) {
    const key = keyOf(config, accountId, draft, faults);
    if (!key) continue;
    const earlier = named.get(key.id);
    if (earlier && !isSaidAlready(earlier, draft)) {
      faults.add(draft.path, `is the key "${key.id}", as keys[${earlier.path[1]}] is; each may be there once`);
    }
    named.set(key.id, draft);
    const stored = config.keys(accountId).find(({ id }) => id === key.id) ?? null;
    if (isDeepStrictEqual(key, stored)) continue;
    writes.keys.push(key);
    const fields = fieldChanges(stored && comparable(stored), comparable(key), ['key']);
    changes.push({ action: stored ? 'update' : 'create', kind: 'key', id: key.id, fields });
  }
  if (!prune) return;
  for (const { id } of config.keys(accountId).filter((one) => !named.has(one.id))) {
    writes.removedKeys.push({ accountId, id });
    changes.push({ action: 'remove', kind: 'key', id, fields: [] });
  }
}

/** That a manifest names an id twice, or a key, is seen when it is read. */
function isSaidAlready(one: KeyDraft, other: KeyDraft): boolean {
  const isSameKey = one.secret !== undefined && one.secret.sha256 === other.secret?.sha256;
  return isSameKey || (one.id !== undefined && one.id === other.id);
}

/** The key as it will be stored; null, with a fault, when it cannot be. */
function keyOf(config: ConfigCache, accountId: AccountId, draft: KeyDraft, faults: Faults): ApiKey | null {
  const { path, secret, scopes } = draft;
  if (!secret) {
    const kept = config.keys(accountId).find(({ id }) => id === draft.id);
    if (kept) return { ...kept, scopes };
    faults.add(
      [...path, 'id'],
      `"${draft.id}" is no stored key that could be kept; give its "key" too, or leave the entry out`,
    );
    return null;
  }
  const holder = config.keyByHash(secret.sha256);
  if (holder && holder.accountId !== accountId) {
    faults.add([...path, 'key'], 'is in use by another account; make another key');
    return null;
  }
  if (holder && draft.id !== undefined && draft.id !== holder.id) {
    faults.add(
      [...path, 'id'],
      `must be "${holder.id}", under which this key is stored; write that, or leave the id out`,
    );
    return null;
  }
  // The id follows from the key, so that a dry run shows the one it will get.
  const id = draft.id ?? holder?.id ?? `key-${sha256Of(secret.sha256).slice(0, ID_DIGITS)}`;
  return { id, accountId, ...secret, scopes };
}

function comparable({ sha256, scopes }: ApiKey) {
  return { key: sha256, scopes };
}
