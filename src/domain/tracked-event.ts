/** The event a transaction tracks (semantics §6). */
import type { AccountId, UserId } from './ids.ts';
import type { Json, JsonObject } from './request.ts';
import type { Instant } from './time.ts';

/** A tracked fact about a user. */
export interface TrackedEvent {
  /** A UUID; a transaction's event has the transaction's id, so that tracking it twice makes one. */
  id: string;
  accountId: AccountId;
  userId: UserId;
  eventName: string;
  eventTime: Instant;
  eventData: JsonObject;
}

/**
 * Flattens the personalisation fields by one level: walks the keys in order, keeps scalars, nulls and arrays, and puts a
 * map's immediate children in the map's place (a child that is a map is kept whole). Later keys win.
 */
export function flatten(token: JsonObject): JsonObject {
  const flat: JsonObject = {};
  for (const [key, value] of Object.entries(token)) {
    if (isMap(value)) for (const [child, childValue] of Object.entries(value)) put(flat, child, childValue);
    else put(flat, key, value);
  }
  return flat;
}

/** The event's data: the flattened tokens, then phone and email where given, then txnId and, where given, ttl. */
export function eventDataOf(given: {
  token: JsonObject;
  phone: string | null;
  email: string | null;
  txnId: string;
  ttl: number | null;
}): JsonObject {
  const data = flatten(given.token);
  if (given.phone !== null) put(data, 'phone', given.phone);
  if (given.email !== null) put(data, 'email', given.email);
  put(data, 'txnId', given.txnId);
  if (given.ttl !== null) put(data, 'ttl', given.ttl);
  return data;
}

function isMap(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A plain assignment would let the key `__proto__` vanish into the prototype. */
function put(target: JsonObject, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
