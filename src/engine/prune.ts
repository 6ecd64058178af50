/** Forgets what is past its retention. */
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';

/** How long transactions, references and unmatched receipts are kept: 30 days (semantics §4). */
const RETENTION_MS = 30 * 86_400_000;
/** Rows deleted in one go: small, so that the work of the moment hardly notices. */
const PRUNE_MAX = 500;
/** The pause when there was nothing left to delete. */
const IDLE_MS = 60_000;
/** The pause between two goes while there is. */
const BUSY_MS = 200;

/** Starts forgetting. */
export function startPruning(transactions: TransactionStore, receipts: ReceiptStore, clock: Clock, log: Log): Loop {
  return startLoop('retention', log, async () => {
    const before = clock.now() - RETENTION_MS;
    const deleted = await transactions.prune(before, PRUNE_MAX);
    if (deleted >= PRUNE_MAX) return BUSY_MS;
    await receipts.prune(before);
    return IDLE_MS;
  });
}
