/** What the transactions of a batch share is stored once, with the batch. Each message asks for it: so it is kept in memory. */
import type { BatchRequest } from '#domain/batch.ts';
import type { AccountId, BatchId } from '#domain/ids.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import { keptReading } from './kept-reading.ts';

/** Characters of JSON kept: some dozens of large requests, thousands of small ones. */
const KEPT_LENGTH_MAX = 8_388_608;
/** What a request without params and overrides weighs. */
const LENGTH_MIN = 1_000;

/** Shared requests by batch. */
export interface BatchRequests {
  /** Null: there is no such batch (any more). */
  of(accountId: AccountId, id: BatchId): Promise<BatchRequest | null>;
}

/** Nothing kept yet. */
export function batchRequests(store: Pick<BatchStore, 'load'>): BatchRequests {
  const kept = keptReading<BatchRequest>(KEPT_LENGTH_MAX, ({ params, overrides }) => {
    return LENGTH_MIN + JSON.stringify([params, overrides]).length;
  });
  return {
    of: (accountId, id) => kept(`${id} ${accountId}`, async () => (await store.load(accountId, id))?.request ?? null),
  };
}
