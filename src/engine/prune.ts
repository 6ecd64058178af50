/** Forgets what is past its retention. */
import type { AnswerStore } from '#ports/answer-store.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { Log } from '#ports/log.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import type { TokenStore } from '#ports/token-store.ts';
import type { TrackingStore } from '#ports/tracking-store.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import type { UploadStore } from '#ports/upload-store.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';

/** How long transactions, references and unmatched receipts are kept: 30 days (semantics §4). */
const RETENTION_MS = 30 * 86_400_000;
/** How long links in messages lead somewhere: 90 days. People read old mail, and unsubscribe from it. */
const TRACKED_RETENTION_MS = 90 * 86_400_000;
/** How long token buckets are kept that nobody asks: after an hour each is full again, unless it was deep in debt. */
const TOKENS_UNUSED_MS = 2 * 86_400_000;
/** Rows deleted in one go: small, so that the work of the moment hardly notices. */
const PRUNE_MAX = 500;
/** The pause when there was nothing left to delete. */
const IDLE_MS = 60_000;
/** The pause between two goes while there is. */
const BUSY_MS = 200;

/** Batches deleted in one go, each with its recipients. */
const PRUNE_BATCHES_MAX = 10;
/** An upload that has been silent for longer is given up: its node died, or its client stands still. */
const UPLOAD_SILENT_MAX_MS = 15 * 60_000;
/** Uploads given up in one go. */
const SWEEP_MAX = 10;
/** Files, and references to them, looked at in one go. */
const FILES_MAX = 100;

/** What is forgotten. */
export interface PrunedStores {
  answers: AnswerStore;
  batches: BatchStore;
  uploads: UploadStore;
  files: FileStore;
  transactions: TransactionStore;
  receipts: ReceiptStore;
  tracked: TrackingStore;
  tokenStore: TokenStore;
}

/** Starts forgetting. */
export function startPruning(stores: PrunedStores, clock: Clock, log: Log): Loop {
  const { transactions, receipts, tracked, batches, answers, uploads, files, tokenStore } = stores;
  return startLoop('retention', log, async () => {
    const now = clock.now();
    const before = now - RETENTION_MS;
    const deleted = await transactions.prune(before, PRUNE_MAX);
    if (deleted >= PRUNE_MAX) return BUSY_MS;
    if ((await batches.prune(before, PRUNE_BATCHES_MAX)) >= PRUNE_BATCHES_MAX) return BUSY_MS;
    await uploads.sweep(now - UPLOAD_SILENT_MAX_MS, SWEEP_MAX);
    if ((await files.sweep(now, FILES_MAX)) >= FILES_MAX) return BUSY_MS;
    if ((await answers.prune(now, PRUNE_MAX)) >= PRUNE_MAX) return BUSY_MS;
    await receipts.prune(before);
    await tracked.prune(now - TRACKED_RETENTION_MS);
    await tokenStore.prune(TOKENS_UNUSED_MS);
    return IDLE_MS;
  });
}
