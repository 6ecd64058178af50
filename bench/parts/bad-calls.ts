/** Whether the node answers others while somebody sends it calls that are far too large, or broken at their end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { CAMPAIGN, KEY } from '../driver/requests.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const PATH = '/api/external/execute/campaign';
/** How often somebody asks whether the node is alive. */
const PROBE_MS = 5;
const USERS_TOO_MANY = 200_000;

/** Sends bad calls one after another, for this long, and times `/healthz` meanwhile. */
export async function measureBadCalls(
  { port }: Carom,
  { seconds, goalMs }: { seconds: number; goalMs: number },
  add: Add,
): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  const bodies = badBodies();
  const until = performance.now() + seconds * 1_000;
  const work = { calls: 0, taken: 0 };
  const sending = sendUntil(url, bodies, until, work);
  const tookMs: number[] = [];
  const probes: Promise<void>[] = [];
  while (performance.now() < until) {
    probes.push(probe(url, tookMs));
    await sleep(PROBE_MS);
  }
  await Promise.all([sending, ...probes]);
  add('bad calls', work.calls / seconds, '/s');
  add('bad calls that were taken', work.taken, '', { atMost: 0 });
  add('/healthz meanwhile, p50', percentile(tookMs, 0.5), 'ms');
  add('/healthz meanwhile, p99', percentile(tookMs, 0.99), 'ms', { atMost: goalMs });
  add('/healthz meanwhile, longest', percentile(tookMs, 1), 'ms');
}

async function sendUntil(
  url: string,
  bodies: Buffer[],
  until: number,
  work: { calls: number; taken: number },
): Promise<void> {
  while (performance.now() < until) {
    const body = bodies[work.calls++ % bodies.length]!;
    const answer = await fetch(url + PATH, { method: 'POST', body });
    if (answer.ok) work.taken++;
    await answer.arrayBuffer();
  }
}

async function probe(url: string, tookMs: number[]): Promise<void> {
  const since = performance.now();
  const answer = await fetch(`${url}/healthz`);
  await answer.arrayBuffer();
  tookMs.push(performance.now() - since);
}

/** Each is refused for another reason, and none before it was read to its end. */
function badBodies(): Buffer[] {
  const users = Array.from({ length: USERS_TOO_MANY }, (_, n) => `user_${n}`);
  const own = users.slice(0, USERS_TOO_MANY / 2 + 1).map((id) => [id, { code: id, name: 'Ana' }] as const);
  const call = { apptoken: KEY, id: CAMPAIGN.one, target_by: 'user_id' };
  const bodies = [
    JSON.stringify({ ...call, target: users }),
    JSON.stringify({ ...call, target_with_params: Object.fromEntries(own) }),
    JSON.stringify({ ...call, target: 'user_1' }),
    JSON.stringify({ ...call, target: users.slice(0, 100), params: { text: 'x'.repeat(1_000_000) } }),
    JSON.stringify({ ...call, target: users }).replace(/\]\}$/, ''),
  ];
  return bodies.map((body) => Buffer.from(body));
}
