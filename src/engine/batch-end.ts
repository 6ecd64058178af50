/** Ends batches whose transactions have all ended, and cancels the transactions of cancelled ones. */
import type { Batch, BatchCounts } from '#domain/batch.ts';
import type { Instant } from '#domain/time.ts';
import { hasEnded } from '#domain/transaction.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Advancer } from './advance.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';

/** How often batches that may have ended are looked for. */
const POLL_MS = 500;
/** Batches looked at in one go. */
const CLAIM_MAX = 20;
/** Transactions of a cancelled batch that are cancelled together. */
const CANCEL_MAX = 200;

/** What ending needs. */
export interface EndTools {
  batches: BatchStore;
  advancer(): Advancer;
  clock: Clock;
  log: Log;
  /**
   * Called before the end is noted; should the node die in between, or this fail, it is called again, perhaps on another
   * node: whoever tells others does so once by the batch's id.
   */
  onBatchEnded(batch: Batch, counts: BatchCounts): Promise<void>;
}

/** Starts looking for ends. */
export function startEndingBatches(tools: EndTools): Loop {
  const { batches, clock, log } = tools;
  return startLoop('ends of batches', log, async () => {
    const claimed = await batches.claimEnding(clock.now(), CLAIM_MAX);
    for (const batch of claimed) await look(tools, batch, clock.now());
    return claimed.length === CLAIM_MAX ? 0 : POLL_MS;
  });
}

async function look(tools: EndTools, batch: Batch, now: Instant): Promise<void> {
  const { batches } = tools;
  const { accountId, id } = batch;
  const isOpen = batch.state === 'cancelled' ? !(await cancelMembers(tools, batch)) : await hasOpen(batches, batch);
  if (isOpen) return;
  const ended: Batch = { ...batch, state: batch.state === 'running' ? 'ended' : batch.state, endedAt: now };
  await tools.onBatchEnded(ended, await batches.counts(ended));
  await batches.end(accountId, id, now);
}

async function hasOpen(batches: BatchStore, { accountId, id }: Batch): Promise<boolean> {
  return (await batches.openMembers(accountId, id, 1)).length > 0;
}

/** True when none is left. */
async function cancelMembers({ batches, advancer }: EndTools, { accountId, id }: Batch): Promise<boolean> {
  for (;;) {
    const open = await batches.openMembers(accountId, id, CANCEL_MAX);
    if (open.length === 0) return true;
    const told = await Promise.all(open.map((each) => advancer().tell(accountId, each, { kind: 'cancelled' })));
    // Nothing that is told so goes on; should one all the same, it is looked at again later.
    if (!told.some((transaction) => transaction && hasEnded(transaction))) return false;
  }
}
