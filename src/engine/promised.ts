/** The sandbox vendor's clock: turns promised receipts into receipts when they fall due. */
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { ReceiptSchedule } from '#ports/provider.ts';
import type { PromisedReceipt, ReceiptStore } from '#ports/receipt-store.ts';
import type { Advancer } from './advance.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import { createTicks } from './ticks.ts';
import { tellReceipt } from './take-receipt.ts';

/** How often promises of other nodes, or from before a restart, are looked for. */
const POLL_MS = 1_000;
/** Promises taken in one go. */
const CLAIM_MAX = 1_000;
/** How long a claimed promise is ours. */
const CLAIM_MS = 10_000;

/** What keeping promises needs. */
export interface PromiseTools {
  receipts: ReceiptStore;
  advancer(): Advancer;
  clock: Clock;
  log: Log;
}

/** A schedule, and the loop that keeps it. */
export function startKeepingPromises({ receipts, advancer, clock, log }: PromiseTools): Loop & ReceiptSchedule {
  const loop = startLoop('promised receipts', log, turn);
  const ticks = createTicks(clock, loop.hurry);

  async function turn(): Promise<number> {
    const due = await receipts.claimPromised(clock.now(), CLAIM_MAX, CLAIM_MS);
    await Promise.all(due.map(keep));
    return due.length === CLAIM_MAX ? 0 : POLL_MS;
  }

  async function keep(receipt: PromisedReceipt): Promise<void> {
    const { accountId, messageId, status } = receipt;
    await tellReceipt(advancer(), accountId, messageId, status, status === 'undelivered' ? 'sandbox' : null);
    await receipts.kept(receipt);
  }

  return {
    ...loop,
    schedule: async (accountId, providerId, messageId, status, delayMs) => {
      const dueAt = clock.now() + delayMs;
      await receipts.promise({ accountId, providerId, messageId, status, dueAt });
      ticks.at(dueAt);
    },
    stop: async () => {
      ticks.clear();
      await loop.stop();
    },
  };
}
