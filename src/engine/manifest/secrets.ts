/** Credentials in the settings of providers and webhooks: they are taken in, and never shown again. */
import { isSecret } from '#domain/credentials.ts';
import type { SecretPaths } from '#domain/credentials.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { isMap } from './reading.ts';
import type { Place } from './reading.ts';

/** What stands for a credential that is shown; given back, it means the stored one. */
export const KEPT = '(kept)';

/** The settings with {@link KEPT} in place of each credential. */
export function withoutSecrets(settings: JsonObject, secrets: SecretPaths): JsonObject {
  return replaced(settings, [], (value, path) =>
    value !== null && isSecret(path, secrets) ? KEPT : value,
  ) as JsonObject;
}

/** The settings with the stored credential in place of each {@link KEPT}; a fault where there is none. */
export function withSecrets(settings: Place<JsonObject>, stored: JsonObject | null, secrets: SecretPaths): JsonObject {
  const { value, path, faults } = settings;
  return replaced(value, [], (one, keys) => {
    if (one !== KEPT || !isSecret(keys, secrets)) return one;
    const kept = stored && valueAt(stored, keys);
    if (kept !== undefined && kept !== null) return kept;
    faults.add([...path, ...keys], `has no stored value to keep; give the value instead of "${KEPT}"`);
    return one;
  }) as JsonObject;
}

/** The tree with each value, from the root down, as `replace` gives it; what it replaces is not looked into. */
function replaced(value: Json, path: string[], replace: (value: Json, path: string[]) => Json): Json {
  const given = replace(value, path);
  if (given !== value || typeof value !== 'object' || value === null) return given;
  if (Array.isArray(value)) return value.map((one, index) => replaced(one, [...path, String(index)], replace));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, [...path, key], replace)]));
}

function valueAt(tree: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = tree;
  for (const key of path) {
    if (Array.isArray(value)) value = value[Number(key)];
    else value = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}
