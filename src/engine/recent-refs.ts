/**
 * The references of the last messages of this node, in memory: some vendors report while their answer is still being written
 * down, and a receipt that is looked for and parked meanwhile would be met only when parked ones are next looked through.
 */
import type { AccountId, MessageId, ProviderId } from '#domain/ids.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';

/** References remembered; some seconds' worth at the most that a node sends. */
const REMEMBERED_MAX = 20_000;

/** The same store, which finds what it is just being told. */
export function withRecentRefs(store: ReceiptStore): ReceiptStore {
  const recent = new Map<string, MessageId>();
  return {
    ...store,
    addRef: (accountId, providerId, ref, messageId, now) => {
      const name = nameOf(accountId, providerId, ref);
      // As in the store, a reference that is there stays as it is.
      if (!recent.has(name)) recent.set(name, messageId);
      if (recent.size > REMEMBERED_MAX) recent.delete(recent.keys().next().value!);
      return store.addRef(accountId, providerId, ref, messageId, now);
    },
    findByRef: async (accountId, providerId, ref) => {
      const name = nameOf(accountId, providerId, ref);
      // Once more afterwards: it may have become known while the store was asked.
      return recent.get(name) ?? (await store.findByRef(accountId, providerId, ref)) ?? recent.get(name) ?? null;
    },
  };
}

function nameOf(accountId: AccountId, providerId: ProviderId, ref: string): string {
  return JSON.stringify([accountId, providerId, ref]);
}
