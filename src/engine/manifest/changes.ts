/** What a manifest changes, for people to look at. Credentials are never in it. */
import { isDeepStrictEqual } from 'node:util';
import { isSecret } from '#domain/credentials.ts';
import type { SecretPaths } from '#domain/credentials.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { isMap } from './reading.ts';

/** One thing that is created, updated or removed, and the fields in which it differs. */
export interface ManifestChange {
  action: 'create' | 'update' | 'remove';
  kind: 'account' | 'key' | 'provider' | 'campaign' | 'webhook';
  id: string;
  fields: FieldChange[];
}

/** A field by its dotted path; null where it is not there. */
export interface FieldChange {
  field: string;
  from: Json;
  to: Json;
}

/** What is shown of a credential's value. */
const CHANGED = '(changed)';

interface Leaf {
  value: Json;
  isSecret: boolean;
}

/** The fields in which two things differ; `before` is null for one that is new. The id is none of them. */
export function fieldChanges(before: JsonObject | null, after: JsonObject, secrets: SecretPaths = []): FieldChange[] {
  const [old, fresh] = [leavesOf(before ?? {}, secrets), leavesOf(after, secrets)];
  const names = [...new Set([...fresh.keys(), ...old.keys()])].filter((name) => name !== 'id');
  return names.flatMap((field) => {
    const [from, to] = [old.get(field), fresh.get(field)];
    const isSame = isDeepStrictEqual(from?.value, to?.value) || (!from && isDeepStrictEqual(to!.value, {}));
    return isSame ? [] : [{ field, from: shown(from), to: shown(to) }];
  });
}

function shown(leaf: Leaf | undefined): Json {
  if (!leaf) return null;
  return leaf.isSecret ? CHANGED : leaf.value;
}

/** Values by their dotted paths. Lists are values; one with a credential inside is a credential. */
function leavesOf(tree: JsonObject, secrets: SecretPaths): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const walk = (value: Json, path: string[]): void => {
    const secret = isSecret(path, secrets) || (Array.isArray(value) && secrets.some((one) => reachesInto(path, one)));
    if (isMap(value) && !secret && Object.keys(value).length > 0) {
      for (const [key, child] of Object.entries(value)) walk(child, [...path, key]);
    } else leaves.set(path.join('.'), { value, isSecret: secret });
  };
  for (const [key, value] of Object.entries(tree)) walk(value, [key]);
  return leaves;
}

function reachesInto(path: readonly string[], secret: string): boolean {
  const parts = secret.split('.');
  return parts.length > path.length && isSecret(path, [parts.slice(0, path.length).join('.')]);
}
