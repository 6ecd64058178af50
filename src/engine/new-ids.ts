/** Ids made of the time and of random bytes. */
import { randomFillSync } from 'node:crypto';
import { ID_ENTROPY_BYTES, transactionId } from '#domain/ids.ts';
import type { TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';

/** A call for random bytes costs more than the rest of an id; so they are fetched for many ids at once. */
const RANDOM_POOL_BYTES = 4_096;
const pool = new Uint8Array(RANDOM_POOL_BYTES);
let poolUsed = RANDOM_POOL_BYTES;

function randomBytes(count: number): Uint8Array {
  if (poolUsed + count > RANDOM_POOL_BYTES) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += count;
  return pool.subarray(poolUsed - count, poolUsed);
}

/** A transaction's id, made now. */
export function newTransactionId(now: Instant, hash16: number): TransactionId {
  return transactionId(now, randomBytes(ID_ENTROPY_BYTES), hash16);
}

/** A UUIDv7 (RFC 9562 §5.7). */
export function newUuid(now: Instant): string {
  const [a, b, c, d] = randomBytes(4) as unknown as [number, number, number, number];
  const id = newTransactionId(now, (a << 8) | b);
  return id.slice(0, 28) + ((c << 8) | d).toString(16).padStart(4, '0') + id.slice(32);
}
