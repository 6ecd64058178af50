/** Transactions scheduled for the same instant: how long after it each is at its provider, also when the node was started anew in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openConnection } from '../driver/connection.ts';
import { sharedNow } from '../driver/open-loop.ts';
import { CAMPAIGN, scheduledRequest } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

/** Connections on which they are accepted. */
const CONNECTIONS = 64;
/** How far ahead: time enough to accept them, and to start the node anew. */
const AHEAD_MS = 6_000;
const AHEAD_OF_RESTART_MS = 12_000;
/** How long the last one may take. */
const DRAIN_MS = 30_000;

/** As many as `count` at once, cold and warm, then over a restart. */
export async function measureScheduled(
  carom: Carom,
  sink: Sink,
  { count, goalMs }: { count: number; goalMs: number },
  add: Add,
): Promise<void> {
  const run = { count, goalMs, aheadMs: AHEAD_MS, restarts: false };
  await schedule(carom, sink, { ...run, name: 'cold' }, (name, value, unit) => add(`cold: ${name}`, value, unit));
  await schedule(carom, sink, { ...run, name: 'warm' }, add);
  const over = { ...run, name: 'over', aheadMs: AHEAD_OF_RESTART_MS, restarts: true };
  await schedule(carom, sink, over, (name, value, unit, goal) => add(`over a restart: ${name}`, value, unit, goal));
}

interface Run {
  name: string;
  count: number;
  goalMs: number;
  aheadMs: number;
  restarts: boolean;
}

async function schedule(
  carom: Carom,
  sink: Sink,
  { name, count, goalMs, aheadMs, restarts }: Run,
  add: Add,
): Promise<void> {
  await sink.reset();
  const startAt = Math.ceil((Date.now() + aheadMs) / 1_000) * 1_000;
  await acceptAll(carom, count, startAt, (n) => `${name}-${n}`);
  if (restarts) await carom.restart();
  const leftMs = startAt - sharedNow();
  await sleep(Math.max(0, leftMs));
  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const until = performance.now() + DRAIN_MS;
  while (sink.ended() < count && performance.now() < until) await sleep(20);
  const { others } = machine();
  const { firstAt, messages, duplicates } = await sink.seen();
  const late = Object.values(firstAt).map((at) => at - startAt);
  add('started anew or accepted before the instant', leftMs, 'ms');
  const started = await startedAt(carom, Object.keys(firstAt));
  const startedLate = started.map((at) => at - startAt);
  add(`${count} for one instant: startAt → started, p50`, percentile(startedLate, 0.5), 'ms');
  add('startAt → started, p99', percentile(startedLate, 0.99), 'ms', { atMost: goalMs });
  add('startAt → provider, p50', percentile(late, 0.5), 'ms');
  add('startAt → provider, p99', percentile(late, 0.99), 'ms');
  add('startAt → provider, the last one', percentile(late, 1), 'ms');
  add('came before startAt', late.filter((ms) => ms < 0).length, '', { atMost: 0 });
  add('share of the machine used by others', others, '');
  add('never came', count - messages, '', { atMost: 0 });
  add('duplicates', duplicates, '', { atMost: 0 });
}

/** When the first leg of each was triggered, as the API tells it. */
async function startedAt(carom: Carom, txnIds: string[]): Promise<number[]> {
  const found: number[] = [];
  for (let from = 0; from < txnIds.length; from += CONNECTIONS) {
    const views = await Promise.all(
      txnIds.slice(from, from + CONNECTIONS).map((id) => carom.get(`/v1/transactions/${id}`)),
    );
    for (const view of views) {
      const { legs } = view as { legs: { messages: { queuedAt: string }[] }[] };
      found.push(Date.parse(legs[0]!.messages[0]!.queuedAt));
    }
  }
  return found;
}

async function acceptAll(carom: Carom, count: number, startAt: number, txnId: (n: number) => string): Promise<void> {
  const make = scheduledRequest([CAMPAIGN.one], () => startAt);
  let n = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const connection = await openConnection(carom.port);
      while (n < count) {
        const number = n++;
        const { status, body } = await connection.send(make(txnId(number), number));
        if (status !== 202) throw new Error(`a scheduled transaction was refused (${status}): ${body.toString()}`);
      }
      connection.close();
    }),
  );
}
