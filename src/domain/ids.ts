/**
 * Ids that say where a thing lives, so that no lookup table is needed.
 *
 * A transaction's id is a UUIDv7 (RFC 9562 §5.7) whose last 32 bits are ours:
 *
 *     tttttttt-tttt-7rrr-Vrrr-rrrr oooo hhhh
 *     └ 48 bits of ms ┘  └ 42 random ┘ │    └ hash16 of (account, txnId): names the bucket
 *                                      └ ordinal: 0 for the transaction, n for its nth message
 *
 * A message's id is its transaction's id with another ordinal: a receipt that carries our message id is routed to the
 * right bucket and row by arithmetic, whatever the number of buckets is by then.
 */
import type { Instant } from './time.ts';

/** A tenant's id: what WebEngage calls a licence code. */
export type AccountId = string;
/** A campaign's id within its account, such as `~abc123`. */
export type CampaignId = string;
/** A provider's id within its account. */
export type ProviderId = string;
/** The client's own id of a user. */
export type UserId = string;
/** UUIDv7 with ordinal 0, lower case. */
export type TransactionId = string;
/** UUIDv7 with ordinal ≥ 1, lower case. Given to providers as the idempotency key; the same for every retry. */
export type MessageId = string;
/** UUIDv7, lower case. */
export type BatchId = string;
/** UUIDv7, lower case: all batches of one version of a campaign. */
export type SendoutId = string;
/** One start of one Carom process. */
export type NodeId = number;

export const MAX_ORDINAL = 0xffff;
/** Random bytes {@link transactionId} wants. */
export const ID_ENTROPY_BYTES = 6;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** Makes a transaction id from the time, {@link ID_ENTROPY_BYTES} random bytes and the routing hash of (account, txnId). */
export function transactionId(now: Instant, entropy: Uint8Array, hash16: number): TransactionId {
  const time = hex(now, 12);
  const randA = ((entropy[0]! << 8) | entropy[1]!) & 0x0fff;
  const randB = ((entropy[2]! << 8) | entropy[3]!) & 0x3fff;
  const randC = (entropy[4]! << 8) | entropy[5]!;
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(randA, 3)}-${hex(0x8000 | randB, 4)}-${hex(randC, 4)}0000${hex(hash16, 4)}`;
}

/** The id of the transaction's message with this ordinal (1…{@link MAX_ORDINAL}). */
export function messageId(transaction: TransactionId, ordinal: number): MessageId {
  return transaction.slice(0, 28) + hex(ordinal, 4) + transaction.slice(32);
}

/** Takes a message id apart; null when the text is not one of ours. */
export function parseMessageId(text: string): { transactionId: TransactionId; ordinal: number } | null {
  const id = text.toLowerCase();
  if (!UUID.test(id)) return null;
  const ordinal = Number.parseInt(id.slice(28, 32), 16);
  return ordinal === 0 ? null : { transactionId: `${id.slice(0, 28)}0000${id.slice(32)}`, ordinal };
}

/** True when the text can be a transaction's id (a txnId of the client's may look alike: try this first, then that). */
export function isTransactionId(text: string): boolean {
  return UUID.test(text) && text.slice(28, 32) === '0000';
}

/** The routing hash that a transaction's or message's id carries. */
export function hash16OfId(id: TransactionId | MessageId): number {
  return Number.parseInt(id.slice(32), 16);
}

/** FNV-1a over the UTF-16 units of the parts, folded to 16 bits: stable for ever, it is written into ids and keys. */
export function hash16(...parts: string[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x1f, 0x01000193);
  }
  return ((hash >>> 16) ^ hash) & 0xffff;
}

/** The bucket a row lives in, of a database that has `buckets` of them. */
export function bucketOf(hash: number, buckets: number): number {
  return hash % buckets;
}
