/** Tracked messages in memory, and how often they were written. */
import type { TrackedMessage, TrackingStore } from '#ports/tracking-store.ts';

/** The store, and what is in it. */
export interface MemoryTrackingStore extends TrackingStore {
  kept: TrackedMessage[];
  /** When set, thrown by the next call of `keep`. */
  fault: Error | null;
}

/** An empty store. */
export function memoryTrackingStore(): MemoryTrackingStore {
  const store: MemoryTrackingStore = {
    kept: [],
    fault: null,
    secret: async () => Buffer.alloc(32, 1),
    keep: async (message) => {
      const { fault } = store;
      store.fault = null;
      if (fault) throw fault;
      store.kept.push(message);
    },
    find: async (key, link) => {
      const found = store.kept.findLast((message) => message.key === key);
      if (!found) return null;
      const { accountId, messageId, userId, channel, urls } = found;
      return { accountId, messageId, userId, channel, url: urls[link] ?? null };
    },
    prune: async () => undefined,
  };
  return store;
}
