/**
 * A vendor's call of 10 MB for 100,000 recipients, who have profiles and are named by e-mail, in JSON and in XML: how long
 * until it is answered, what it weighs, and who is held up meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openConnection, postRequest } from '../driver/connection.ts';
import { openLoop } from '../driver/open-loop.ts';
import { ACCOUNT, CAMPAIGN, KEY } from '../driver/requests.ts';
import { cpuMs, familyCpuMs, rssMb } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const MANY = 100_000;
const PATH = '/api/v1.1/campaigns/triggers/start_batch';
/** Connections by which the profiles are made, and how long what they set off in memory may take to calm down. */
const MAKERS = 64;
const CALM_MS = 3_000;
const PROBES = 200;
const PROBE_S = 4;
const LOOK_MS = 10;
const GOAL = { answeredMs: 5_000, moreMb: 300, perSecond: 20_000 };
const GET_HEALTH = 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';

/** Makes the profiles, then the calls; none of their messages is waited for. */
export async function measureBulk(carom: Carom, add: Add): Promise<void> {
  await makeProfiles(carom);
  for (const [name, body] of [
    ['JSON, cold', asJson('cold')],
    ['JSON', asJson('warm')],
    ['XML', asXml()],
  ] as const) {
    await sleep(CALM_MS);
    const before = rssMb(carom.child.pid);
    const highest = watchMemory(carom);
    const probing = openLoop({
      port: carom.port,
      perSecond: PROBES,
      seconds: PROBE_S,
      make: () => GET_HEALTH,
      txnId: String,
    });
    const [nodeBefore, postgresBefore] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
    const ms = await call(carom, body);
    const [nodeAfter, postgresAfter] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
    const { acceptMs } = await probing;
    const most = highest();
    add(`${name}: node processor time of it`, used(nodeBefore, nodeAfter), 'ms');
    add(`${name}: PostgreSQL processor time of it`, used(postgresBefore, postgresAfter), 'ms');
    const isCold = name.endsWith('cold');
    add(`${name}: ${MANY} recipients, ${(body.length / 1e6).toFixed(1)} MB: request → answer`, ms, 'ms', {
      atMost: GOAL.answeredMs,
    });
    add(`${name}: accepted`, (MANY * 1_000) / ms, 'recipients/s', isCold ? undefined : { atLeast: GOAL.perSecond });
    add(`${name}: resident memory, the most more than before`, before && most && most - before, 'MB', {
      atMost: GOAL.moreMb,
    });
    add(
      `${name}: meanwhile and after it: /healthz, p99`,
      percentile(
        acceptMs.filter((one) => one !== null),
        0.99,
      ),
      'ms',
    );
    await cancelAll(carom);
  }
}

const used = (before: number | null, after: number | null) =>
  before === null || after === null ? null : after - before;
const emailOf = (n: number) => `member-${String(n).padStart(6, '0')}@example.org`;

function asJson(code: string): string {
  const content = (n: number) => ({ code: `${code}-${n}`, link: 'https://shop.example/o/1' });
  const data = Array.from({ length: MANY }, (_, n) => ({ email: emailOf(n), content: content(n) }));
  return JSON.stringify({ token: KEY, trigger_id: Number(CAMPAIGN.bulk), matching: 'email', data });
}

function asXml(): string {
  const row = (n: number) => `<data><email>${emailOf(n)}</email><content><code>C-${n}</code></content></data>`;
  const rows = Array.from({ length: MANY }, (_, n) => row(n)).join('');
  return `<xml><token>${KEY}</token><trigger_id>${CAMPAIGN.bulk}</trigger_id>${rows}</xml>`;
}

async function makeProfiles({ port }: Carom): Promise<void> {
  let next = 0;
  const make = async () => {
    const connection = await openConnection(port);
    for (let n = next++; n < MANY; n = next++) {
      const user = { userId: `member-${n}`, email: emailOf(n), phone: `+919${String(n).padStart(9, '0')}` };
      const { status } = await connection.send(postRequest(`/v1/accounts/${ACCOUNT}/users`, KEY, user));
      if (status >= 300) throw new Error(`a profile was refused (${status})`);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: MAKERS }, make));
}

async function call({ port }: Carom, text: string): Promise<number> {
  const connection = await openConnection(port);
  const startedAt = performance.now();
  const { status, body } = await connection.send(
    `POST ${PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  const ms = performance.now() - startedAt;
  connection.close();
  const told = body.toString().match(/profile_id[">]/g)?.length ?? 0;
  if (status !== 200 || told < MANY)
    throw new Error(`the call was answered with ${status}: ${body.toString().slice(0, 200)}`);
  return ms;
}

/** The most that was seen since. */
function watchMemory({ child }: Carom): () => number | null {
  let most: number | null = null;
  const timer = setInterval(() => {
    const now = rssMb(child.pid);
    if (now !== null) most = Math.max(most ?? 0, now);
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    return most;
  };
}

async function cancelAll(carom: Carom): Promise<void> {
  const { data } = (await carom.get('/v1/batches')) as { data: { id: string }[] };
  const connection = await openConnection(carom.port);
  for (const { id } of data) await connection.send(postRequest(`/v1/batches/${id}/cancel`, KEY, {}));
  connection.close();
}
