/** How many transactions of batches this node has in hand, and whether there may be more. */
import type { BatchId, TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { Advancer } from './advance.ts';
import { bulkWindow } from './bulk-window.ts';

/** Transactions of one batch in a node's hands: enough for a provider's calls, few enough that others are not held up. */
const BATCH_IN_HAND_MAX = 250;
/** Transactions of any kind in a node's hands, over which batches wait. */
const IN_HAND_MAX = 4_000;
/** What has been in hand for longer waits for its provider, not for this machine: one that hangs holds up no other's batch. */
const YOUNG_MS = 500;
/** After one single transaction another is to be expected for so long. */
const SINGLES_MS = 1_000;

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
export function membersInHand(
  advancer: () => Pick<Advancer, 'isHeld' | 'singles' | 'size'>,
  clock: Clock,
): MembersInHand {
  const taken = new Map<BatchId, Set<TransactionId>>();
  const window = bulkWindow();
  /** Those that may be waiting for this machine, oldest first. */
  let young: { transaction: TransactionId; until: Instant }[] = [];
  let singlesUntil: Instant = 0;

  function forgetOthers(): void {
    for (const [id, its] of taken) {
      for (const transaction of its) if (!advancer().isHeld(transaction)) its.delete(transaction);
      if (its.size === 0) taken.delete(id);
    }
    const now = clock.now();
    young = young.filter(({ transaction, until }) => now < until && advancer().isHeld(transaction));
  }

  function isThereRoom(id: BatchId): boolean {
    const now = clock.now();
    if (advancer().singles() > 0) singlesUntil = now + SINGLES_MS;
    return young.length < window.size(now < singlesUntil) && (taken.get(id)?.size ?? 0) < BATCH_IN_HAND_MAX;
  }

  return {
    took: (id, transaction) => {
      const its = taken.get(id) ?? new Set();
      taken.set(id, its.add(transaction));
      young.push({ transaction, until: clock.now() + YOUNG_MS });
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
