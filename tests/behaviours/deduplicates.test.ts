/** Semantics §4 on two nodes that share one PostgreSQL: whatever is repeated, concurrently or later, makes one. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { openChain } from '../support/chain.ts';
import type { Chain, TransactionView } from '../support/chain.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const ATTEMPT = 'fallback_on_attempt_failure';
/** Repeats of one request that come at the same time. */
const AT_ONCE = 20;

let postgres: PostgresServer;
let nodes: [Carom, Carom];
before(async () => {
  postgres = await startPostgres();
  const options = { databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } };
  nodes = await Promise.all([startCarom(options), startCarom(options)]);
});
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await postgres.close();
});

/** A chain that both nodes know. */
async function sharedChain(
  scope: Parameters<typeof openChain>[0],
  legs: Parameters<typeof openChain>[2],
): Promise<Chain> {
  const chain = await openChain(scope, nodes[0], legs);
  const deadline = Date.now() + 5_000;
  while ((await nodes[1].call('GET', `/v1/campaigns?account=${chain.account}`)).status !== 200) {
    assert.ok(Date.now() < deadline, 'the other node does not follow');
  }
  return chain;
}

const native = (chain: Chain) => `/v1/transactions?account=${chain.account}`;
const multi = (chain: Chain) =>
  `/v2/accounts/${chain.account}/transaction?campaignIds=~a&campaignIds=~b&mode=${ATTEMPT}`;
const single = (chain: Chain) => `/v2/accounts/${chain.account}/experiments/~a/transaction`;

function nativeBody(txnId: string, changes: object = {}): object {
  return { campaignIds: ['~a', '~b'], mode: ATTEMPT, userId: 'ana', phone: '+919876543210', txnId, ...changes };
}

function vendorBody(changes: object = {}): object {
  return { userId: 'ana', overrideData: { phone: '+919876543210' }, ...changes };
}

/** How many answers are marked as repeats. */
function replays(answers: Answer[]): number {
  return answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true').length;
}

async function transactionsOf(chain: Chain): Promise<TransactionView[]> {
  return (await nodes[0].call('GET', native(chain))).body.data as TransactionView[];
}

describe('semantics §4', { concurrency: true }, () => {
  const spreads = {
    'ONE node': () => nodes[0],
    'TWO nodes': (index: number) => nodes[index % 2]!,
  };
  for (const [where, nodeFor] of Object.entries(spreads)) {
    test(`concurrent identical requests on ${where} make one`, async (t) => {
      const chain = await sharedChain(t, { a: {}, b: {} });
      const body = nativeBody(`order-${randomUUID()}`, {
        track: { eventName: 'ordered' },
        profile: { firstName: 'Ana' },
      });
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) => nodeFor(index).call('POST', native(chain), { body })),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
      assert.equal(new Set(answers.map((answer) => JSON.stringify(answer.body))).size, 1, 'the first one’s answer');
      assert.equal(replays(answers), AT_ONCE - 1);
      const view = await chain.ended(answers[0]!.body.id);
      assert.equal(view.state, 'succeeded');
      assert.equal((await transactionsOf(chain)).length, 1);
      assert.equal(chain.called, 'a');
      const events = await nodes[0].call('GET', `/v1/events?account=${chain.account}&eventName=ordered`);
      assert.equal(events.body.data.length, 1);
    });

    test(`the multi-campaign dialect: concurrent identical requests on ${where} make one`, async (t) => {
      const chain = await sharedChain(t, { a: {}, b: {} });
      const body = vendorBody({ txnId: `order-${randomUUID()}`, ttl: 300 });
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) => nodeFor(index).call('POST', multi(chain), { body })),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      assert.equal(new Set(answers.map((answer) => JSON.stringify(answer.body))).size, 1);
      assert.equal(replays(answers), AT_ONCE - 1);
      const [transaction] = await transactionsOf(chain);
      await chain.ended(transaction!.id);
      assert.equal((await transactionsOf(chain)).length, 1);
      assert.equal(chain.called, 'a');
    });

    test(`dedupe.ttl: concurrent requests for the same campaign and user on ${where} make one`, async (t) => {
      const chain = await sharedChain(t, { a: {} });
      const body = vendorBody({ dedupe: { ttl: 60 } });
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) => nodeFor(index).call('POST', single(chain), { body })),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      assert.equal(new Set(answers.map((answer) => answer.body.response.data.txnId)).size, 1);
      assert.equal(replays(answers), AT_ONCE - 1);
      const [transaction] = await transactionsOf(chain);
      await chain.ended(transaction!.id);
      assert.equal((await transactionsOf(chain)).length, 1);
      assert.equal(chain.called, 'a');
    });
  }

  test('a repeat on the other node, after the end, executes nothing and gets the first one’s answer', async (t) => {
    const chain = await sharedChain(t, { a: {}, b: {} });
    const body = nativeBody('again', { track: { eventName: 'ordered' } });
    const first = await nodes[0].call('POST', native(chain), { body });
    assert.equal(first.headers.get('idempotent-replayed'), null);
    await chain.ended(first.body.id);
    const repeat = await nodes[1].call('POST', native(chain), { body });
    assert.equal(repeat.status, 202);
    assert.equal(repeat.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(repeat.body, first.body);
    assert.equal((await transactionsOf(chain)).length, 1);
    assert.equal(chain.called, 'a');
  });

  test('the order of keys makes no other request', async (t) => {
    const chain = await sharedChain(t, { a: {}, b: {} });
    await nodes[0].call('POST', native(chain), { body: nativeBody('keys', { token: { x: 1, y: { p: 1, q: 2 } } }) });
    const repeat = await nodes[1].call('POST', native(chain), {
      body: { token: { y: { q: 2, p: 1 }, x: 1 }, ...nativeBody('keys') },
    });
    assert.equal(repeat.status, 202);
    assert.equal(repeat.headers.get('idempotent-replayed'), 'true');
  });

  test('/v1: a repeat whose body differs is a 409 txn_id_reused; the dialect replays it', async (t) => {
    const chain = await sharedChain(t, { a: {}, b: {} });
    await nodes[0].call('POST', native(chain), { body: nativeBody('reused') });
    for (const node of nodes) {
      const other = await node.call('POST', native(chain), { body: nativeBody('reused', { userId: 'ben' }) });
      assert.equal(other.status, 409);
      assert.equal(other.body.code, 'txn_id_reused');
      const dialect = await node.call('POST', multi(chain), { body: vendorBody({ txnId: 'reused', userId: 'ben' }) });
      assert.equal(dialect.status, 200);
      assert.equal(dialect.headers.get('idempotent-replayed'), 'true');
      assert.equal(dialect.body.response.data.userId, 'ana');
    }
    assert.equal((await transactionsOf(chain)).length, 1);
  });

  test('a repeat after its campaign was paused still gets the first one’s answer', async (t) => {
    const chain = await sharedChain(t, { a: {}, b: {} });
    const own = await nodes[0].call('POST', native(chain), { body: nativeBody('own') });
    const vendor = await nodes[0].call('POST', multi(chain), { body: vendorBody({ txnId: 'vendor' }) });
    await chain.tell('a', 'pause');
    for (const node of nodes) {
      const again = await node.call('POST', native(chain), { body: nativeBody('own') });
      assert.equal(again.status, 202);
      assert.deepEqual(again.body, own.body);
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      const dialect = await node.call('POST', multi(chain), { body: vendorBody({ txnId: 'vendor' }) });
      assert.equal(dialect.status, 200);
      assert.deepEqual(dialect.body, vendor.body);
      assert.equal(dialect.headers.get('idempotent-replayed'), 'true');
    }
    const fresh = await nodes[0].call('POST', native(chain), { body: nativeBody('fresh') });
    assert.equal(fresh.status, 412);
  });

  test('unique per account: another account’s txnId is another', async (t) => {
    const mine = await sharedChain(t, { a: {}, b: {} });
    const theirs = await sharedChain(t, { a: {}, b: {} });
    const [one, other] = [
      await nodes[0].call('POST', native(mine), { body: nativeBody('shared') }),
      await nodes[1].call('POST', native(theirs), { body: nativeBody('shared') }),
    ];
    assert.notEqual(one.body.id, other.body.id);
    assert.equal(other.headers.get('idempotent-replayed'), null);
  });

  test('without txnId the server makes a UUIDv7 and returns it; every request is a new one', async (t) => {
    const chain = await sharedChain(t, { a: {}, b: {} });
    const body = nativeBody('', { txnId: undefined });
    const answers = await Promise.all(nodes.map((node) => node.call('POST', native(chain), { body })));
    const txnIds = answers.map((answer) => String(answer.body.txnId));
    for (const txnId of txnIds)
      assert.match(txnId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(new Set(txnIds).size, 2);
  });

  test('dedupe.ttl: a fixed window from the first request; another user or campaign is not in it', async (t) => {
    const chain = await sharedChain(t, { a: {}, b: {} });
    const post = (path: string, changes: object = {}) =>
      nodes[1].call('POST', path, { body: vendorBody({ dedupe: { ttl: 5 }, ...changes }) });
    const openedAt = Date.now();
    const first = await post(single(chain));
    const txnId = first.body.response.data.txnId as string;
    const others = [await post(single(chain), { userId: 'ben' }), await post(single(chain).replace('~a', '~b'))];
    assert.equal(replays([first, ...others]), 0);
    // Asked all the time: a window that each duplicate moved on would never close.
    let duplicates = 0;
    for (;;) {
      const again = await post(single(chain), { txnId: `other-${duplicates}` });
      if (again.body.response.data.txnId !== txnId) break;
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.ok(Date.now() - openedAt < 7_000, 'the window does not close');
      duplicates++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(Date.now() - openedAt >= 4_990, `${Date.now() - openedAt} ms`);
    assert.ok(duplicates > 0);
    assert.equal((await transactionsOf(chain)).length, 4);
  });

  test('dedupe.ttl: 5 to 1800 s, anything else is a 400', async (t) => {
    const chain = await sharedChain(t, { a: {} });
    for (const ttl of [4, 1_801, 5.5, 0]) {
      const answer = await nodes[0].call('POST', single(chain), { body: vendorBody({ dedupe: { ttl } }) });
      assert.equal(answer.status, 400, `ttl ${ttl}`);
    }
    assert.equal((await transactionsOf(chain)).length, 0);
  });
});
