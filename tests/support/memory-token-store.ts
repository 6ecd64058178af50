/** Token buckets in memory, and how often they were asked. */
import { exchange } from '#domain/shared-bucket.ts';
import type { SharedBucket } from '#domain/shared-bucket.ts';
import type { Clock } from '#ports/clock.ts';
import type { TokenStore } from '#ports/token-store.ts';

/** The store, and what is in it. */
export interface MemoryTokenStore extends TokenStore {
  buckets: Map<string, SharedBucket>;
  asks: number;
  /** When set, thrown by each call. */
  fault: Error | null;
}

/** An empty store. An ask is settled at once and answered in the next turn, as if it had gone somewhere. */
export function memoryTokenStore(clock: Clock): MemoryTokenStore {
  const store: MemoryTokenStore = {
    buckets: new Map(),
    asks: 0,
    fault: null,
    exchange: async (name, ask) => {
      store.asks += 1;
      if (store.fault) throw store.fault;
      const { shared, grant } = exchange(store.buckets.get(name) ?? null, ask, clock.now());
      store.buckets.set(name, shared);
      await Promise.resolve();
      return grant;
    },
    prune: async () => undefined,
  };
  return store;
}
