/** Whether the node serves others while it renders templates that were made to keep it busy. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openConnection, postRequest } from '../driver/connection.ts';
import { CAMPAIGN, KEY } from '../driver/requests.ts';
import { cpuMs, watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const RECIPIENTS = 10_000;
const PROBES = 100;
/** Ordinary transactions a second, meanwhile. */
const OTHERS = 20;
const COLD_S = 4;

/** Each keeps to one bound, and comes as near to it as it can. */
const BOMBS: Record<string, string> = {
  '~turns': '{% for i in 1..9999 %}{% for j in 1..9999 %}{{ i * j }}{% endfor %}{% endfor %}',
  '~texts': "{% for i in 1..9999 %}{% set x = text|replace({'a': 'bc'})|e('js')|upper %}{% endfor %}",
  '~doubling': '{% set a = [1] %}{% for i in 1..60 %}{% set a = [a, a] %}{% endfor %}{{ a|json_encode }}',
  '~sorting': '{% for i in 1..99 %}{% set x = range(1, 9999)|map(n => (n * 7919) % 9999)|sort %}{% endfor %}',
  '~dates':
    "{% for i in 1..9999 %}{% set x = date('now', 'Europe/Paris')|date_modify('next monday')|date('r') %}{% endfor %}",
};

/** Sends the bombs as batches, and asks meanwhile. */
export async function measureBombs(
  carom: Carom,
  { seconds, goalMs }: { seconds: number; goalMs: number },
  add: Add,
): Promise<void> {
  for (const [id, body] of Object.entries(BOMBS)) await putCampaign(carom, id, body);
  await steadily(2, OTHERS, (n) => createOther(carom, `early-${n}`));
  const batches = await Promise.all(Object.keys(BOMBS).map((id) => postBatch(carom, id)));
  // The code is cold, and the batches are taken apart.
  const cold = await ask(carom, COLD_S, 'cold');
  add('/healthz in the first seconds, p99', percentile(cold.healthMs, 0.99), 'ms');
  const machine = watchMachine([carom.child.pid, carom.postgresPid]);
  const [nodeBefore, endedBefore] = [cpuMs(carom.child.pid), await endedOf(carom, batches)];
  const { healthMs, acceptMs } = await ask(carom, seconds, 'other');
  const nodeAfter = cpuMs(carom.child.pid);
  add('bombs rendered meanwhile', ((await endedOf(carom, batches)) - endedBefore) / seconds, '/s');
  add('/healthz meanwhile, p50', percentile(healthMs, 0.5), 'ms');
  add('/healthz meanwhile, p99', percentile(healthMs, 0.99), 'ms', { atMost: goalMs });
  add('/healthz meanwhile, longest', percentile(healthMs, 1), 'ms');
  add('other transactions: request → accepted, p50', percentile(acceptMs, 0.5), 'ms');
  add('other transactions: request → accepted, p99', percentile(acceptMs, 0.99), 'ms');
  add('share of a processor the node took', share(nodeBefore, nodeAfter, seconds), '');
  add('share of the machine used by others', machine().others, '');
}

async function ask(carom: Carom, seconds: number, name: string): Promise<{ healthMs: number[]; acceptMs: number[] }> {
  const [healthMs, acceptMs] = await Promise.all([
    steadily(seconds, PROBES, () => get(carom, '/healthz')),
    steadily(seconds, OTHERS, (n) => createOther(carom, `${name}-${n}`)),
  ]);
  return { healthMs, acceptMs };
}

/**
 * Asks at fixed instants, whatever became of the earlier ones, over few connections: many that are opened at once would
 * each wait for a turn of the node's event loop.
 * @returns how long each answer took, in ms, from when the question was due.
 */
async function steadily(seconds: number, perSecond: number, ask: (n: number) => Promise<void>): Promise<number[]> {
  const startAt = performance.now();
  const asking = Array.from({ length: seconds * perSecond }, async (_, n) => {
    const dueAt = startAt + (n * 1_000) / perSecond;
    await sleep(Math.max(0, dueAt - performance.now()));
    await ask(n);
    return performance.now() - dueAt;
  });
  return Promise.all(asking);
}

async function get({ port }: Carom, path: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  await answer.arrayBuffer();
}

async function createOther({ port }: Carom, txnId: string): Promise<void> {
  const mode = 'fallback_on_delivery_failure';
  const body = { campaignIds: [CAMPAIGN.one], mode, userId: txnId, txnId, phone: '+919000000000' };
  const answer = await fetch(`http://127.0.0.1:${port}/v1/transactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`an ordinary transaction was refused (${answer.status}): ${await answer.text()}`);
}

function share(before: number | null, after: number | null, seconds: number): number | null {
  return before === null || after === null ? null : (after - before) / (seconds * 1_000);
}

async function putCampaign({ port }: Carom, id: string, body: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/campaigns/${encodeURIComponent(id)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'running', channel: 'sms', provider: 'delivers', body }),
  });
  if (!answer.ok) throw new Error(`the bomb ${id} is refused (${answer.status}): ${await answer.text()}`);
}

async function postBatch(carom: Carom, campaignId: string): Promise<string> {
  const count = RECIPIENTS / Object.keys(BOMBS).length;
  const recipients = Array.from({ length: count }, (_, n) => ({
    userId: `victim-${n}`,
    phone: `+919${String(n).padStart(9, '0')}`,
  }));
  const request = postRequest('/v1/batches', KEY, {
    campaignIds: [campaignId],
    params: { text: 'aé<'.repeat(40_000) },
    recipients,
  });
  const connection = await openConnection(carom.port);
  const { status, body } = await connection.send(request);
  connection.close();
  if (status !== 202) throw new Error(`the batch was refused (${status}): ${body.toString()}`);
  return (JSON.parse(body.toString()) as { id: string }).id;
}

/** Recipients whose transaction has ended, of all batches. */
async function endedOf(carom: Carom, ids: string[]): Promise<number> {
  const batches = await Promise.all(ids.map((id) => carom.get(`/v1/batches/${id}`)));
  const counts = batches.map((batch) => batch['counts'] as { total: number; waiting: number; running: number });
  return counts.reduce((sum, { total, waiting, running }) => sum + total - waiting - running, 0);
}
