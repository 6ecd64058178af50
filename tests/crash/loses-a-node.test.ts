/** Semantics §10 on two nodes that share one PostgreSQL: one dies, one sleeps, and each knows what the other did. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { BY_REF, bare, openChain } from '../support/chain.ts';
import { PATH, allEnded, lastRescueAt, orderOf, proveNothingLost, startCrashVendor } from '../support/crash-scene.ts';
import type { CrashVendor } from '../support/crash-scene.ts';
import { Load } from '../support/load.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const RATE_PER_S = 100;
/** Requests accepted before and after the accident. */
const BEFORE = 160;
const AFTER = 80;
/** A dead node is noticed, and its transactions go on, within this time. */
const NOTICED_MAX_MS = 10_000;
/** Longer than silence makes a node dead. */
const SLEEP_MS = 8_000;
/** What follows a rescue: the vendor's answer, its receipt, another leg. */
const RECOVERY_MAX_MS = 20_000;
/** Changes of the configuration are followed within this time, and a busy machine's. */
const FOLLOWED_MAX_MS = 1_000 + 500;

let postgres: PostgresServer;
let nodes: [Carom, Carom];
let vendor: CrashVendor;
/** The node that is surely awake. */
let living: Carom;

const start = () => startCarom({ databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } });

before(async () => {
  postgres = await startPostgres();
  nodes = await Promise.all([start(), start()]);
  living = nodes[1];
  vendor = await startCrashVendor(() => living.url);
  await nodes[0].apply(vendor.manifest());
  // The other node's first request must find the account.
  while ((await nodes[1].call('GET', PATH)).status !== 200) await sleep(20);
});
after(async () => {
  await vendor.close();
  for (const node of nodes) node.process.kill('SIGCONT');
  await Promise.all(nodes.map((node) => node.stop()));
  await postgres.close();
});

function loadOnBoth(name: string): Load {
  const urls = nodes.map(({ url }) => url);
  return new Load({
    name,
    ratePerS: RATE_PER_S,
    key: 'operator',
    path: PATH,
    urlOf: (index) => urls[index % 2]!,
    bodyOf: orderOf,
  });
}

test('semantics §10: a node is killed under load: the other continues its transactions within 10 s', async (t) => {
  const load = loadOnBoth('killed');
  t.after(() => load.stop());
  await load.accepted(BEFORE);
  const killedAt = Date.now();
  await nodes[0].kill('SIGKILL');
  await load.accepted(BEFORE + AFTER);
  await load.stop();
  await load.repeatTheRest(nodes[1].url);
  await allEnded(nodes[1], RECOVERY_MAX_MS);
  const proof = await proveNothingLost(nodes[1], vendor, load);
  assert.equal(proof.transactions, load.outcomes.size);
  const rescuedAt = lastRescueAt(proof);
  assert.ok(rescuedAt !== null, 'no call was under way when the node died');
  const rescuedMs = rescuedAt - killedAt;
  t.diagnostic(
    `${proof.transactions} transactions, ${proof.duplicates} duplicates, last resend ${rescuedMs} ms after the kill`,
  );
  assert.ok(rescuedMs < NOTICED_MAX_MS);
  await nodes[0].stop();
  nodes[0] = await start();
});

test('semantics §10: a node sleeps for 8 s under load: no transaction is stuck, events once', async (t) => {
  const load = loadOnBoth('asleep');
  t.after(() => load.stop());
  await load.accepted(BEFORE);
  const frozenAt = Date.now();
  nodes[0].process.kill('SIGSTOP');
  // Its silence is what the other one judges it by; the sleeper cannot signal anything.
  await sleep(SLEEP_MS);
  nodes[0].process.kill('SIGCONT');
  await load.accepted(BEFORE + AFTER);
  await load.stop();
  await load.repeatTheRest(nodes[0].url);
  await allEnded(nodes[1], RECOVERY_MAX_MS);
  const proof = await proveNothingLost(nodes[0], vendor, load);
  assert.equal(proof.transactions, load.outcomes.size);
  const rescuedMs = (lastRescueAt(proof) ?? frozenAt) - frozenAt;
  t.diagnostic(
    `${proof.transactions} transactions, ${proof.duplicates} duplicates, last resend ${rescuedMs} ms after it fell asleep`,
  );
  assert.ok(rescuedMs < NOTICED_MAX_MS + SLEEP_MS);
  const rows = await postgres.query<{ open: number }>(
    'select count(*)::int as open from transactions where node_id is not null',
  );
  assert.deepEqual(rows, [{ open: 0 }], 'no lease is left, of whatever node');
});

test('a campaign changed on one node is followed on the other within 1 s', async (t) => {
  const chain = await openChain(t, nodes[0], { a: {}, b: {} });
  const path = `/v1/transactions?account=${chain.account}`;
  const body = { campaignIds: ['~a'], mode: 'all', userId: 'ana', phone: '+919876543210' };
  const followed = async (status: number): Promise<number> => {
    const since = Date.now();
    while ((await nodes[1].call('POST', path, { body })).status !== status) {
      assert.ok(Date.now() - since < 10_000, `no ${status} from the other node`);
      await sleep(10);
    }
    return Date.now() - since;
  };
  const tookMs = [await followed(202)];
  for (const [verb, status] of [
    ['pause', 412],
    ['start', 202],
    ['end', 412],
  ] as const) {
    await chain.tell('a', verb);
    tookMs.push(await followed(status));
  }
  t.diagnostic(`followed within ${tookMs.join(', ')} ms`);
  for (const ms of tookMs) assert.ok(ms < FOLLOWED_MAX_MS, `${ms} ms`);
});

test('a campaign paused on one node is skipped by the other’s chains: campaign_not_running', async (t) => {
  const chain = await openChain(t, nodes[0], { a: {}, b: {}, c: {} });
  const id = await chain.trigger('fallback_on_delivery_failure');
  const a = await chain.handover('a');
  await chain.tell('b', 'pause');
  // The receipt comes to the other node as soon as that has followed.
  const campaign = `/v1/campaigns/~b?account=${chain.account}`;
  while ((await nodes[1].call('GET', campaign)).body.state !== 'paused') await sleep(10);
  await chain.report({ ...a, receiptUrl: onNode(nodes[1], a.receiptUrl) }, 'undelivered');
  const c = await chain.handover('c');
  await chain.report(c, 'delivered');
  assert.equal((await chain.ended(id)).state, 'succeeded');
  assert.equal(chain.called, 'a c');
});

test('semantics §2: a receipt for a message that node A sent works at node B, by our id and by the vendor’s reference', async (t) => {
  const chain = await openChain(t, nodes[0], { a: {}, b: { provider: BY_REF } });
  const id = await chain.trigger('fallback_on_delivery_failure');
  const a = await chain.handover('a');
  const url = onNode(nodes[1], a.receiptUrl);
  // Node B learns of the provider and its secret like of every change.
  while ((await chain.callBack(url, { status: 'sent' })).status === 404) await sleep(10);
  await chain.report({ ...a, receiptUrl: url }, 'undelivered');
  const b = await chain.handover('b');
  // Node B has started the second leg: it is its own receipt address that the vendor got.
  assert.ok(b.receiptUrl.startsWith(nodes[1].url));
  const url0 = onNode(nodes[0], bare(b));
  const answer = await chain.callBack(url0, { id: `ref-${b.messageId}`, status: 'delivered' });
  assert.equal(answer.status, 200);
  const view = await chain.ended(id);
  assert.equal(view.state, 'succeeded');
  assert.equal(chain.called, 'a b');
});

/** The same address on another node. */
function onNode(node: Carom, receiptUrl: string): string {
  const { pathname, search } = new URL(receiptUrl);
  return node.url + pathname + search;
}
