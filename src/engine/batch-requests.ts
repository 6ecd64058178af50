/** What the transactions of a batch share is stored once, with the batch. Each message asks for it: so it is kept in memory. */
import type { BatchRequest } from '#domain/batch.ts';
import type { AccountId, BatchId } from '#domain/ids.ts';
import type { BatchStore } from '#ports/batch-store.ts';

/** Characters of JSON kept: some dozens of large requests, thousands of small ones. */
const KEPT_LENGTH_MAX = 8_388_608;
/** What a request without params and overrides weighs. */
const LENGTH_MIN = 1_000;

/** Shared requests by batch. */
export interface BatchRequests {
  /** Null: there is no such batch (any more). */
  of(accountId: AccountId, id: BatchId): Promise<BatchRequest | null>;
}

/** Nothing kept yet. Those asked for least recently go first. */
export function batchRequests(store: Pick<BatchStore, 'load'>): BatchRequests {
  const kept = new Map<string, { request: BatchRequest; length: number }>();
  const reading = new Map<string, Promise<BatchRequest | null>>();
  let length = 0;

  function keep(name: string, request: BatchRequest): void {
    const its = LENGTH_MIN + JSON.stringify([request.params, request.overrides]).length;
    kept.set(name, { request, length: its });
    length += its;
    for (const [oldest, { length: freed }] of kept) {
      if (length <= KEPT_LENGTH_MAX) return;
      kept.delete(oldest);
      length -= freed;
    }
  }

  async function read(name: string, accountId: AccountId, id: BatchId): Promise<BatchRequest | null> {
    const batch = await store.load(accountId, id);
    if (batch) keep(name, batch.request);
    return batch?.request ?? null;
  }

  return {
    of: (accountId, id) => {
      const name = `${id} ${accountId}`;
      const known = kept.get(name);
      if (known) {
        kept.delete(name);
        kept.set(name, known);
        return Promise.resolve(known.request);
      }
      const underWay = reading.get(name);
      if (underWay) return underWay;
      const wanted = read(name, accountId, id).finally(() => reading.delete(name));
      reading.set(name, wanted);
      return wanted;
    },
  };
}
