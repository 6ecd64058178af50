/** How many transactions of batches this node has in hand, and whether there may be more. */
import type { BatchId, TransactionId } from '#domain/ids.ts';
import type { Advancer } from './advance.ts';
import { bulkWindow } from './bulk-window.ts';

/** Transactions of one batch in a node's hands: enough for a provider's calls, few enough that others are not held up. */
const BATCH_IN_HAND_MAX = 250;
/** Transactions of any kind in a node's hands, over which batches wait. */
const IN_HAND_MAX = 4_000;

/** The members of batches in a node's hands. */
export interface MembersInHand {
  took(id: BatchId, transaction: TransactionId): void;
  /** Several were accepted together, in so many ms. */
  acceptanceTook(ms: number): void;
  haveRoom(id: BatchId): boolean;
  /** Forgets those that are not in hand any more. */
  forgetOthers(): void;
}

/** None yet. */
export function membersInHand(advancer: () => Pick<Advancer, 'isHeld' | 'size'>): MembersInHand {
  const taken = new Map<BatchId, Set<TransactionId>>();
  const window = bulkWindow();

  function forgetOthers(): void {
    for (const [id, its] of taken) {
      for (const transaction of its) if (!advancer().isHeld(transaction)) its.delete(transaction);
      if (its.size === 0) taken.delete(id);
    }
  }

  function isThereRoom(id: BatchId): boolean {
    let inHand = 0;
    for (const its of taken.values()) inHand += its.size;
    return inHand < window.size() && (taken.get(id)?.size ?? 0) < BATCH_IN_HAND_MAX;
  }

  return {
    took: (id, transaction) => {
      const its = taken.get(id) ?? new Set();
      taken.set(id, its.add(transaction));
    },
    acceptanceTook: window.took,
    haveRoom: (id) => {
      if (advancer().size() >= IN_HAND_MAX) return false;
      if (isThereRoom(id)) return true;
      forgetOthers();
      return isThereRoom(id);
    },
    forgetOthers,
  };
}
