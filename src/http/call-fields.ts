/** Reading the fields of a vendor's call: what is wrong is collected, so that one answer names all of it. */
import type { Json, JsonObject } from '#domain/request.ts';
import { Refusal } from './refusal.ts';
import type { BodyFault } from './refusal.ts';

/** Faults that one answer names. */
export const FAULTS_MAX = 20;

/** A value of a call, where it stands, and where its faults go. */
export interface Field {
  value: Json | undefined;
  /** Null: the whole body. */
  parent: Field | null;
  name: string | number;
  faults: BodyFault[];
}

/** The body of a call. @throws {Refusal} when it is no object. */
export function wholeBody(body: unknown): Field & { value: JsonObject } {
  if (!isMap(body)) throw new Refusal('invalid', 'the body must be a JSON object');
  return { value: body, parent: null, name: '', faults: [] };
}

/** The member of an object. A null is a field left out: vendors' clients send both. */
export function below(parent: Field, name: string): Field {
  const { value } = parent;
  return at(parent, name, isMap(value) && Object.hasOwn(value, name) ? value[name]! : null);
}

/** The member or element with this name or index. */
export function at(parent: Field, name: string | number, value: Json): Field {
  return { value: value ?? undefined, parent, name, faults: parent.faults };
}

/** Says what is wrong with the field; the message goes on from its name, as in `must be a text`. */
export function blame(field: Field, message: string): undefined {
  if (field.faults.length < FAULTS_MAX) field.faults.push({ path: pathOf(field), message });
}

function pathOf({ parent, name }: Field): (string | number)[] {
  return parent === null ? [] : [...pathOf(parent), name];
}

/** @throws {Refusal} when something was wrong. */
export function refuseFaults({ faults }: Field): void {
  const [first] = faults;
  if (first) throw new Refusal('invalid', sentence(first), { faults });
}

/** A fault as one sentence: where, and what. */
export function sentence({ path, message }: BodyFault): string {
  return [path.join('.'), message].filter((part) => part !== '').join(' ');
}

/** True for a JSON object. */
export function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object of a field. PHP writes an empty one as `[]`. */
export function mapOf(field: Field): JsonObject | undefined {
  const { value } = field;
  if (value === undefined || isMap(value)) return value;
  if (Array.isArray(value) && value.length === 0) return {};
  return blame(field, 'must be an object');
}

/** A text of a field, which may be a number. */
export function textOf(field: Field, lengthMax: number): string | undefined {
  const { value } = field;
  if (value === undefined) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') return blame(field, 'must be a text');
  const text = String(value);
  return text.length <= lengthMax
    ? text
    : blame(field, `has ${text.length} characters; at most ${lengthMax} are taken`);
}

/** A switch of a field: vendors' clients write `1`, `"1"` or `true`. */
export function switchOf(field: Field): boolean | undefined {
  const { value } = field;
  if (value === undefined) return undefined;
  if (value === true || value === 1 || value === '1') return true;
  if (value === false || value === 0 || value === '0') return false;
  return blame(field, 'must be 0 or 1');
}
