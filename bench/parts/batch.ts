/** One call for many: how long until it is accepted, until all of them are at the provider, and who is held up meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openConnection, postRequest } from '../driver/connection.ts';
import { openLoop, sharedNow } from '../driver/open-loop.ts';
import { CAMPAIGN, KEY } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { cpuMs, familyCpuMs, rssMb, watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const MANY = 10_000;
const VERY_MANY = 100_000;
/** How long the largest call may take to be handed over. */
const DRAIN_MS = 60_000;
/** Probes of `/healthz` a second, while a call is accepted and handed over. */
const PROBES = 200;
const PROBE_S = 5;
const AHEAD_MS = 3_600_000;
const GOAL = { acceptMs: 1_000, handedOverMs: 6_000, healthMs: 50, veryManyMs: 5_000 };
const GET_HEALTH = 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';

/** Accepts and hands over 10,000 recipients, twice (the first time the code is cold), then accepts 100,000. */
export async function measureBatch(carom: Carom, sink: Sink, add: Add): Promise<void> {
  await handOver(carom, sink, (name, value, unit) => add(`cold: ${name}`, value, unit));
  await handOver(carom, sink, add);
  const rssBefore = rssMb(carom.child.pid);
  const probing = probeHealth(carom, 3);
  const { ms } = await post(carom, VERY_MANY, { startAt: new Date(Date.now() + AHEAD_MS).toISOString() });
  add(`${VERY_MANY} recipients: request → accepted`, ms, 'ms', { atMost: GOAL.veryManyMs });
  add('meanwhile: /healthz, p99', percentile(await probing, 0.99), 'ms');
  const rss = rssMb(carom.child.pid);
  add('resident memory more than before', rss === null || rssBefore === null ? null : rss - rssBefore, 'MB');
}

async function handOver(carom: Carom, sink: Sink, add: Add): Promise<void> {
  await sink.reset();
  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const [nodeBefore, postgresBefore] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
  const probing = probeHealth(carom, PROBE_S);
  const { id, startedAt, ms } = await post(carom, MANY, {});
  const until = performance.now() + DRAIN_MS;
  while (sink.ended() < MANY && performance.now() < until) await sleep(20);
  const { others } = machine();
  const each = (before: number | null, after: number | null) =>
    before === null || after === null ? null : ((after - before) * 1_000) / MANY;
  const { firstAt, messages, duplicates } = await sink.seen();
  const arrivals = Object.entries(firstAt).filter(([txnId]) => txnId.startsWith(id));
  const last = arrivals.reduce((latest, [, at]) => Math.max(latest, at), startedAt);
  add(`${MANY} recipients: request → accepted`, ms, 'ms', { atMost: GOAL.acceptMs });
  add('request → the last one at the provider', last - startedAt, 'ms', { atMost: GOAL.handedOverMs });
  add('meanwhile: /healthz, p50', percentile(await probing, 0.5), 'ms');
  add('meanwhile: /healthz, p99', percentile(await probing, 0.99), 'ms', { atMost: GOAL.healthMs });
  add('node processor time per recipient', each(nodeBefore, cpuMs(carom.child.pid)), 'µs');
  add('PostgreSQL processor time per recipient', each(postgresBefore, familyCpuMs(carom.postgresPid)), 'µs');
  add('share of the machine used by others', others, '');
  add('recipients whose message did not come', MANY - arrivals.length, '', { atMost: 0 });
  add('messages that came again, or are nobody’s', duplicates + messages - arrivals.length, '', { atMost: 0 });
}

async function post(carom: Carom, count: number, more: object): Promise<{ id: string; startedAt: number; ms: number }> {
  const recipients = Array.from({ length: count }, (_, n) => ({
    userId: `member-${n}`,
    phone: `+919${String(n).padStart(9, '0')}`,
    params: { code: `CODE-${n}`, points: n },
  }));
  const shared = { token: 'spring', link: 'https://shop.example/o/1' };
  const request = postRequest('/v1/batches', KEY, {
    campaignIds: [CAMPAIGN.batch],
    params: shared,
    recipients,
    ...more,
  });
  const connection = await openConnection(carom.port);
  const startedAt = sharedNow();
  const { status, body } = await connection.send(request);
  const ms = sharedNow() - startedAt;
  connection.close();
  if (status !== 202) throw new Error(`the batch was refused (${status}): ${body.toString()}`);
  return { id: (JSON.parse(body.toString()) as { id: string }).id, startedAt, ms };
}

/** How long each probe of `/healthz` took, in ms, from when it was due. */
export async function probeHealth({ port }: Carom, seconds: number): Promise<number[]> {
  const options = { port, perSecond: PROBES, seconds, make: () => GET_HEALTH, txnId: String };
  const { acceptMs } = await openLoop(options);
  return acceptMs.filter((ms) => ms !== null);
}
