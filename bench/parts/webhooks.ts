/** Webhooks beside the main load: a transaction of one leg with its receipt makes three events, each told to the sink. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openLoop } from '../driver/open-loop.ts';
import { CAMPAIGN, KEY, vendorRequest } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { cpuMs, familyCpuMs, rssMb, watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const EVENTS = ['message.sent', 'message.delivered', 'transaction.ended'];
/** Before it is measured, so that the code is compiled. */
const WARM_UP_S = 2;
/** A little more than the goal: what is offered at exactly that rate is never told any faster. */
const OFFERED_SHARE = 1.05;
/** How long the last calls may take. */
const DRAIN_MS = 15_000;

/** Transactions at a rate that makes a little more than `goal` calls a second. */
export async function measureWebhooks(
  carom: Carom,
  sink: Sink,
  { seconds, goal }: { seconds: number; goal: number },
  add: Add,
): Promise<void> {
  const perSecond = Math.ceil((goal * OFFERED_SHARE) / EVENTS.length);
  const load = { port: carom.port, perSecond, make: vendorRequest([CAMPAIGN.one]) };
  await openLoop({ ...load, seconds: WARM_UP_S, txnId: (n) => `first-${n}` });
  const quietCpu = watchCpu(carom);
  const quiet = await openLoop({ ...load, seconds: seconds / 2, txnId: (n) => `quiet-${n}` });
  add('request → accepted without webhooks, p50', percentile(answered(quiet.acceptMs), 0.5), 'ms');
  const without = quietCpu(quiet.acceptMs.length);
  add('node processor time per transaction without webhooks', without.node, 'µs');
  add('PostgreSQL processor time per transaction without webhooks', without.postgres, 'µs');
  await subscribe(carom, sink);
  const warm = await openLoop({ ...load, seconds: WARM_UP_S, txnId: (n) => `warm-${n}` });
  await untilTold(sink, warm.dueAt.length * EVENTS.length);
  await sink.reset();

  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const [cpu, startedAt] = [watchCpu(carom), performance.now()];
  const { acceptMs, driverBusy } = await openLoop({ ...load, seconds, txnId: (n) => `told-${n}` });
  const tookS = (performance.now() - startedAt) / 1_000;
  const inTime = (await sink.told()).events;
  const { others } = machine();
  const wanted = answered(acceptMs).length * EVENTS.length;
  await untilTold(sink, wanted);
  const { events, duplicates, lagMs } = await sink.told();
  const spent = cpu(wanted / EVENTS.length);
  add('calls delivered while the load ran', inTime / tookS, '/s', { atLeast: goal });
  add('event → call, p50', percentile(lagMs, 0.5), 'ms');
  add('event → call, p99', percentile(lagMs, 0.99), 'ms');
  add('request → accepted with webhooks, p50', percentile(answered(acceptMs), 0.5), 'ms');
  add('request → accepted with webhooks, p99', percentile(answered(acceptMs), 0.99), 'ms');
  add('events never told', wanted - events, '', { atMost: 0 });
  add('calls made again', duplicates, '', { atMost: 0 });
  add('node processor time per transaction with webhooks', spent.node, 'µs');
  add('PostgreSQL processor time per transaction with webhooks', spent.postgres, 'µs');
  add('resident memory of the node', rssMb(carom.child.pid), 'MB');
  add('load generator busy', driverBusy, '');
  add('share of the machine used by others', others, '');
}

/** Processor time from now on, per transaction, in µs. */
function watchCpu(carom: Carom): (transactions: number) => { node: number | null; postgres: number | null } {
  const now = () => [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)] as const;
  const before = now();
  return (transactions) => {
    const after = now();
    const [node, postgres] = [0, 1].map((which) => {
      const [from, to] = [before[which as 0 | 1], after[which as 0 | 1]];
      return from === null || to === null ? null : ((to - from) * 1_000) / transactions;
    });
    return { node: node!, postgres: postgres! };
  };
}

const answered = (ms: (number | null)[]) => ms.filter((one) => one !== null);

async function subscribe(carom: Carom, sink: Sink): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${carom.port}/v1/webhooks/bench`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url: `http://127.0.0.1:${sink.port}/webhook`, events: EVENTS }),
  });
  if (!answer.ok) throw new Error(`the webhook of the bench is refused (${answer.status}): ${await answer.text()}`);
}

async function untilTold(sink: Sink, events: number): Promise<void> {
  const until = performance.now() + DRAIN_MS;
  while ((await sink.told()).events < events && performance.now() < until) await sleep(100);
}
