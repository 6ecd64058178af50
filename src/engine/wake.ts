/** Timers: wakes the transactions that are due. Those set on this node are woken to the millisecond, others' by polling. */
import type { NodeId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import type { Advancer } from './advance.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import type { Lines } from './lines.ts';
import { createTicks } from './ticks.ts';

/** How often the database is asked for timers that other nodes set, or that were set before a restart. */
const POLL_MS = 250;
/** Timers taken in one go. */
const CLAIM_MAX = 500;
/** How long a claimed timer is ours: should this node die, another takes it after that. */
const CLAIM_MS = 10_000;
/** Timers being worked on, over which no further ones are taken: the rows wait as well. */
const UNDER_WAY_MAX = 4_000;

/** What waking needs. */
export interface WakeTools {
  transactions: TransactionStore;
  advancer(): Advancer;
  /** What its provider's pace lets start now. */
  lines: Pick<Lines, 'startable'>;
  clock: Clock;
  log: Log;
  node(): NodeId;
}

/** The running timers. */
export interface Waker extends Loop {
  /** Somebody set a timer for this instant. */
  at(instant: Instant): void;
}

/** Starts waking. */
export function startWaking({ transactions, advancer, lines, clock, log, node }: WakeTools): Waker {
  let underWay = 0;
  const loop = startLoop('timers', log, turn);
  const ticks = createTicks(clock, loop.hurry);

  async function turn(): Promise<number> {
    const room = Math.min(CLAIM_MAX, UNDER_WAY_MAX - underWay);
    if (room <= 0) return POLL_MS;
    const due = await transactions.claimDue(clock.now(), node(), room, CLAIM_MS);
    for (const stored of await lines.startable(due)) void wake(stored);
    return due.length === room ? 0 : POLL_MS;
  }

  async function wake(stored: StoredTransaction): Promise<void> {
    underWay++;
    try {
      await advancer().tellClaimed(stored, { kind: 'timer' });
    } catch (error) {
      log.error({ transactionId: stored.transaction.id, error }, 'a timer broke off; it comes again');
    } finally {
      underWay--;
    }
  }

  return {
    ...loop,
    at: ticks.at,
    stop: async () => {
      ticks.clear();
      await loop.stop();
    },
  };
}
