/** From acceptance to the end: HTTP provider, receipt, end; and whether all of it came out right. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { WARM_UP_MS, closedLoop } from '../driver/closed-loop.ts';
import { ACCOUNT, vendorRequest } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { cpuMs, familyCpuMs, watchMachine } from '../driver/usage.ts';
import type { Add } from '../report.ts';

const CONNECTIONS = 128;
/** Transactions accepted and not ended, at most: the load follows what ends, not what is accepted. */
const UNDER_WAY_MAX = 1_024;
/** How often a connection without room looks whether the time is over. */
const ROOM_LOOK_MS = 250;
/** How long the last ones may take to end, and the counts to be written. */
const DRAIN_MS = 20_000;
const UNENDED = ['running', 'failed', 'expired', 'unconfirmed'];

/** A run's settings. */
export interface ThroughputOptions {
  /** Unique among the runs on one database. */
  name: string;
  campaigns: string[];
  seconds: number;
  /** Transactions per second that should end. */
  goal: number;
}

/** Runs, waits for the last end, and compares what was accepted with what the sink and the node say. */
export async function measureThroughput(carom: Carom, sink: Sink, options: ThroughputOptions, add: Add): Promise<void> {
  const { name, campaigns, seconds, goal } = options;
  await sink.reset();
  const succeededBefore = await succeeded(carom);
  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const [nodeBefore, postgresBefore] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
  let asked = 0;
  const samples: { at: number; ended: number }[] = [];
  const sampling = setInterval(() => samples.push({ at: performance.now(), ended: sink.ended() }), 100);
  const startedAt = performance.now();
  const loop = await closedLoop({
    port: carom.port,
    connections: CONNECTIONS,
    seconds,
    make: vendorRequest(campaigns),
    txnId: (n) => `${name}-${n}`,
    room: () => {
      // Told of an end, or, should none come any more, after a while all the same.
      if (asked - sink.ended() >= UNDER_WAY_MAX) return Promise.race([sink.changed(), sleep(ROOM_LOOK_MS)]);
      asked++;
      return null;
    },
  });
  clearInterval(sampling);
  const { others } = machine();
  const drained = await drain(sink, loop.accepted);
  const cpu = (before: number | null, after: number | null) =>
    before === null || after === null ? null : ((after - before) * 1_000) / loop.accepted;
  const warm = samples.filter(({ at }) => at >= startedAt + WARM_UP_MS);
  const [first, last] = [warm[0]!, warm.at(-1)!];
  const seen = await sink.seen();
  add('transactions ended', ((last.ended - first.ended) * 1_000) / (last.at - first.at), '/s', { atLeast: goal });
  add('node processor time per transaction', cpu(nodeBefore, cpuMs(carom.child.pid)), 'µs');
  add('PostgreSQL processor time per transaction', cpu(postgresBefore, familyCpuMs(carom.postgresPid)), 'µs');
  add('load generator busy', loop.driverBusy, '');
  add('share of the machine used by others', others, '');
  add('accepted', loop.accepted, '');
  add('lost: accepted, and no message came', loop.accepted - seen.transactions, '', { atMost: 0 });
  add('duplicates: messages that came again', seen.duplicates, '', { atMost: 0 });
  add('not ended', drained, '', { atMost: 0 });
  add('accepted less those the node counts as succeeded', await uncounted(carom, succeededBefore, loop.accepted), '', {
    atMost: 0,
  });
  add('transactions listed in another state', await listedElsewhere(carom), '', { atMost: 0 });
  const refused = Object.values(loop.refused).reduce((sum, count) => sum + count, 0);
  add('refused', refused, '', { atMost: 0 });
}

/** Waits for the last end; the number that did not come. */
async function drain(sink: Sink, accepted: number): Promise<number> {
  const until = performance.now() + DRAIN_MS;
  while (sink.ended() < accepted && performance.now() < until) await sleep(20);
  return accepted - sink.ended();
}

async function succeeded(carom: Carom): Promise<number> {
  const { totals } = (await carom.get(`/v1/stats?account=${ACCOUNT}`)) as { totals: Record<string, number> };
  return totals['transaction.succeeded'] ?? 0;
}

/** How many of the accepted ones the node does not count as succeeded, yet: it writes its counts once a second. */
export async function uncounted(carom: Carom, before: number, accepted: number): Promise<number> {
  const until = performance.now() + DRAIN_MS;
  for (;;) {
    const missing = accepted - ((await succeeded(carom)) - before);
    if (missing <= 0 || performance.now() > until) return missing;
    await sleep(200);
  }
}

/** How many transactions (up to a page) the node lists in a state that none should be in. */
async function listedElsewhere(carom: Carom): Promise<number> {
  const pages = await Promise.all(UNENDED.map((state) => carom.get(`/v1/transactions?state=${state}&limit=200`)));
  return pages.reduce((sum, { data }) => sum + (data as unknown[]).length, 0);
}
