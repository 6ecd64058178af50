/** A provider goes away under load and comes back: how soon the other one has its messages, and whether each has one taker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import type { AwayVendor } from '../driver/away-vendor.ts';
import { postRequest } from '../driver/connection.ts';
import { openLoop, sharedNow } from '../driver/open-loop.ts';
import { ACCOUNT, KEY } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const CAMPAIGN = '~failover';
/** A lost answer is sent again for up to some 11 s. */
const DRAIN_MS = 30_000;
/** The outage begins after this share of the load, and ends after that. */
const OUTAGE = { from: 0.3, to: 0.6 };
/** How long the last look for the first provider's return goes on. */
const RETURN_MS = 20_000;

/** Runs the load, takes the vendor away in the midst of it, and asks both vendors what they have. */
export async function measureFailover(
  carom: Carom,
  { away, sink }: { away: AwayVendor; sink: Sink },
  { perSecond, seconds, goalMs }: { perSecond: number; seconds: number; goalMs: number },
  add: Add,
): Promise<void> {
  await configure(carom, away.port);
  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const txnId = (n: number) => `failover-${n}`;
  const load = openLoop({ port: carom.port, perSecond, seconds, make: requestOf, txnId });
  await sleep(seconds * OUTAGE.from * 1_000);
  await away.leave();
  const goneAt = sharedNow();
  await sleep(seconds * (OUTAGE.to - OUTAGE.from) * 1_000);
  await away.comeBack();
  const backAt = sharedNow();
  const heldBefore = away.txnIds.size;
  const usedAgainMs = usedAgain(away, heldBefore, backAt);
  const { dueAt, acceptMs } = await load;
  const { others } = machine();
  const accepted = acceptMs.flatMap((ms, n) => (ms === null ? [] : [txnId(n)]));
  const totals = await completed(carom, accepted.length);
  const { firstAt, duplicates } = await sink.seen();
  const moved = dueAt.flatMap((due, n) => (due >= goneAt && due < backAt ? [(firstAt[txnId(n)] ?? NaN) - due] : []));
  const both = accepted.filter((id) => away.txnIds.has(id) && firstAt[id] !== undefined);
  const unknown = totals['message.unknown'] ?? 0;
  add(
    'first message at the other provider after the first was gone',
    Math.min(...Object.values(firstAt)) - goneAt,
    'ms',
    {
      atMost: goalMs,
    },
  );
  add('request → the other provider meanwhile, p50', percentile(moved.filter(Number.isFinite), 0.5), 'ms');
  add('request → the other provider meanwhile, p99', percentile(moved.filter(Number.isFinite), 0.99), 'ms');
  add('the first one is used again after', await usedAgainMs, 'ms');
  add('failovers', totals['message.failover'] ?? 0, '');
  add('answers lost (unknown)', unknown, '');
  add('share of the machine used by others', others, '');
  add('accepted', accepted.length, '');
  const lost = accepted.filter((id) => !away.txnIds.has(id) && firstAt[id] === undefined);
  add('lost: with neither provider', lost.length, '', { atMost: 0 });
  add('with both providers', both.length, '', { atMost: unknown });
  add('twice at the other provider', duplicates, '', { atMost: 0 });
  add('not completed', accepted.length - (totals['transaction.completed'] ?? 0), '', { atMost: 0 });
}

function requestOf(txnId: string, n: number): string {
  const phone = `+919${String(n).padStart(9, '0')}`;
  return postRequest('/v1/transactions', KEY, {
    campaignIds: [CAMPAIGN],
    mode: 'all',
    userId: `user-${n}`,
    txnId,
    phone,
  });
}

/** The campaign goes through the one that will be away, and else through the sink. */
async function configure(carom: Carom, port: number): Promise<void> {
  const json = { id: '{{ message_id }}', txn: '{{ txn_id }}' };
  const url = `http://127.0.0.1:${port}/send`;
  const away = { id: 'away', channel: 'sms', type: 'http', request: { url, json }, response: { ref: 'body.id' } };
  const through = { channel: 'sms', providers: ['away', 'delivers'], tracking: false };
  const body = {
    account: ACCOUNT,
    providers: [away],
    campaigns: [{ id: CAMPAIGN, state: 'running', ...through, body: 'Your code is 1234' }],
  };
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const request = { method: 'PUT', headers, body: JSON.stringify(body) };
  const answer = await fetch(`http://127.0.0.1:${carom.port}/v1/manifest`, request);
  if (!answer.ok) throw new Error(`the manifest of the part is refused (${answer.status}): ${await answer.text()}`);
}

/** Until the vendor gets a message that it had not before it went. */
async function usedAgain(away: AwayVendor, held: number, backAt: number): Promise<number | null> {
  while (away.txnIds.size === held) {
    if (sharedNow() - backAt > RETURN_MS) return null;
    await sleep(5);
  }
  return sharedNow() - backAt;
}

/** The counts, once as many have completed; or what they are when nothing more is to be waited for. */
async function completed(carom: Carom, count: number): Promise<Record<string, number>> {
  const until = performance.now() + DRAIN_MS;
  for (;;) {
    const { totals } = (await carom.get(`/v1/stats?account=${ACCOUNT}`)) as { totals: Record<string, number> };
    if ((totals['transaction.completed'] ?? 0) >= count || performance.now() > until) return totals;
    await sleep(200);
  }
}
