/** Single transactions beside a batch: how long each takes to its provider while a call of many is accepted and handed over. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openConnection, postRequest } from '../driver/connection.ts';
import { openLoop } from '../driver/open-loop.ts';
import { CAMPAIGN, KEY, vendorRequest } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

/** Recipients of the batch that runs beside. */
const MANY = 20_000;
const SINGLES_PER_S = 100;
/** The singles begin before the batch is called, and go on while it runs. */
const LEAD_MS = 500;
/** How long the rest of the batch may take after the last single. */
const DRAIN_MS = 60_000;

/** Singles alone, then the same beside a batch. The goal is for the second. */
export async function measureBulkBeside(
  carom: Carom,
  sink: Sink,
  { seconds, goalMs }: { seconds: number; goalMs: number },
  add: Add,
): Promise<void> {
  await singles(carom, sink, { name: 'warm-up', seconds: 2, isBeside: false }, () => undefined);
  await singles(carom, sink, { name: 'alone', seconds: 4, isBeside: false }, add);
  await singles(carom, sink, { name: 'cold', seconds, isBeside: true }, () => undefined);
  await singles(carom, sink, { name: 'beside a batch', seconds, isBeside: true, goalMs }, add);
}

async function singles(
  carom: Carom,
  sink: Sink,
  { name, seconds, isBeside, goalMs }: { name: string; seconds: number; isBeside: boolean; goalMs?: number },
  add: Add,
): Promise<void> {
  await sink.reset();
  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const txnId = (n: number) => `${name}-${n}`;
  const make = vendorRequest([CAMPAIGN.one]);
  const running = openLoop({ port: carom.port, perSecond: SINGLES_PER_S, seconds, make, txnId });
  await sleep(LEAD_MS);
  const postedAt = performance.now();
  const acceptedMs = isBeside ? await postBatch(carom) : null;
  const { dueAt, acceptMs } = await running;
  const { others } = machine();
  const runningStill = isBeside && sink.ended() < MANY;
  const expected = dueAt.length + (isBeside ? MANY : 0);
  const until = performance.now() + DRAIN_MS;
  while (sink.ended() < expected && performance.now() < until) await sleep(20);
  const tookMs = performance.now() - postedAt;
  const { firstAt, duplicates } = await sink.seen();
  const toProvider = dueAt.flatMap((due, n) => {
    const at = firstAt[txnId(n)];
    return at === undefined ? [] : [at - due];
  });
  if (acceptedMs !== null) {
    add(`${MANY} recipients: request → accepted`, acceptedMs, 'ms');
    add(`${MANY} recipients: request → the last receipt`, tookMs, 'ms');
  }
  add(`singles ${name}: request → provider, p50`, percentile(toProvider, 0.5), 'ms');
  add(
    `singles ${name}: request → provider, p99`,
    percentile(toProvider, 0.99),
    'ms',
    goalMs === undefined ? undefined : { atMost: goalMs },
  );
  if (isBeside) add('the batch ran beside to the end (1) or not (0)', Number(runningStill), '');
  add('share of the machine used by others', others, '');
  add('refused', acceptMs.filter((ms) => ms === null).length, '', { atMost: 0 });
  add('lost', expected - sink.ended(), '', { atMost: 0 });
  add('duplicates', duplicates, '', { atMost: 0 });
}

async function postBatch({ port }: Carom): Promise<number> {
  const recipients = Array.from({ length: MANY }, (_, n) => ({
    userId: `member-${n}`,
    phone: `+919${String(n).padStart(9, '0')}`,
    params: { code: `CODE-${n}`, points: n },
  }));
  const request = postRequest('/v1/batches', KEY, {
    campaignIds: [CAMPAIGN.batch],
    params: { token: 'spring' },
    recipients,
  });
  const connection = await openConnection(port);
  const startedAt = performance.now();
  const { status, body } = await connection.send(request);
  connection.close();
  if (status !== 202) throw new Error(`the batch was refused (${status}): ${body.toString()}`);
  return performance.now() - startedAt;
}
