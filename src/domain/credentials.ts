/** Credentials among settings: which they are, and settings without them. */
import type { Json, JsonObject } from './request.ts';

/** Dotted paths into settings, `*` for any key: `request.headers.*`. */
export type SecretPaths = readonly string[];

/** A credential, and the keys that lead to it. */
export type Credential = [path: string[], value: Json];

/** True for a path of keys that is one of the secret paths. */
export function isSecret(path: readonly string[], secrets: SecretPaths): boolean {
  return secrets.some((secret) => {
    const parts = secret.split('.');
    return parts.length === path.length && parts.every((part, index) => part === '*' || part === path[index]);
  });
}

/** A tree in two parts: {@link putBack} makes one of them again. A null is no credential. */
export function takeOut(tree: JsonObject, secrets: SecretPaths): { rest: JsonObject; credentials: Credential[] } {
  const credentials: Credential[] = [];
  const without = (value: Json, path: string[]): Json | undefined => {
    if (value !== null && isSecret(path, secrets)) {
      credentials.push([path, value]);
      return undefined;
    }
    if (typeof value !== 'object' || value === null) return value;
    // In a list something has to hold its place.
    if (Array.isArray(value)) return value.map((one, index) => without(one, [...path, String(index)]) ?? null);
    const left = Object.entries(value).flatMap(([key, one]) => {
      const kept = without(one, [...path, key]);
      return kept === undefined ? [] : [[key, kept] as const];
    });
    return Object.fromEntries(left);
  };
  return { rest: without(tree, []) as JsonObject, credentials };
}

/** The tree that {@link takeOut} was given, but for the order of its keys. */
export function putBack(rest: JsonObject, credentials: readonly Credential[]): JsonObject {
  const tree = structuredClone(rest);
  for (const [path, value] of credentials) {
    const parent = path.slice(0, -1).reduce<Json>((node, key) => (node as JsonObject)[key]!, tree);
    // Defined, not assigned: `__proto__` is a key like any other.
    Object.defineProperty(parent, path.at(-1)!, { value, writable: true, enumerable: true, configurable: true });
  }
  return tree;
}
