/** Counts what happens, for people: added up in memory, written once a second. */
import { isoTime } from '#domain/time.ts';
import type { TimelineEntry, Transaction } from '#domain/transaction.ts';
import type { Log } from '#ports/log.ts';
import type { Count, StatsStore } from '#ports/stats-store.ts';

const HOUR_MS = 3_600_000;
/** Kinds of counts in memory; more at once (the database has been away for long) are dropped and logged. */
const KINDS_MAX = 100_000;

/** Counters of one node. */
export interface Counts {
  /** Counts the lines that a transition added to a transaction's timeline. */
  note(transaction: Transaction, entries: TimelineEntry[]): void;
  /** Writes what was counted since the last time. What cannot be written is kept for the next time. */
  flush(): Promise<void>;
}

/** Counters at zero. */
export function counts(store: StatsStore, log: Log): Counts {
  let pending = new Map<string, Count>();

  function add(count: Count): void {
    const key = JSON.stringify([count.accountId, count.hour, count.campaignId, count.channel, count.what]);
    const known = pending.get(key);
    if (known) known.count += count.count;
    else if (pending.size < KINDS_MAX) pending.set(key, count);
    else log.warn({ hour: isoTime(count.hour) }, 'a count was dropped: too many kinds are waiting for the database');
  }

  return {
    note: ({ accountId, legs, messages }, entries) => {
      for (const { at, what, leg, message } of entries) {
        const campaignId = leg === null ? '' : legs[leg]!.campaignId;
        const channel = message === null ? '' : (messages[message]!.facts.channel ?? '');
        const isFallback = what === 'leg.triggered' && leg !== null && leg > 0;
        const hour = at - (at % HOUR_MS);
        add({ accountId, hour, campaignId, channel, what: isFallback ? 'leg.fallback' : what, count: 1 });
      }
    },
    flush: async () => {
      if (pending.size === 0) return;
      const batch = pending;
      pending = new Map();
      try {
        await store.add([...batch.values()]);
      } catch (error) {
        for (const count of batch.values()) add(count);
        throw error;
      }
    },
  };
}
