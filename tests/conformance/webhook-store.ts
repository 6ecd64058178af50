/** What every store of webhook calls promises (src/ports/webhook-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { TransactionStore } from '#ports/transaction-store.ts';
import type { WebhookCall, WebhookStore } from '#ports/webhook-store.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import { ALL, CLAIM_MS, HOOK, OTHER, call, claim, idsOf, settled } from '../support/webhook-calls.ts';
import { AWKWARD, UNSTORABLE } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';
import { describeWebhookLog } from './webhook-log.ts';

/** The calls of one lane, in their order. */
function lane(count: number, changes: Partial<WebhookCall> = {}): WebhookCall[] {
  const { id } = acceptance().stored.transaction;
  return times(count, (position) => call({ lane: id, position, ...changes }));
}

/** Runs the suite. */
export function describeWebhookStore(
  name: string,
  make: TwoNodes<WebhookStore>,
  makeTransactions: TwoNodes<TransactionStore>,
): void {
  describe(`${name} keeps the promises of a store of webhook calls`, () => {
    describeClaiming(make);
    describeLanes(make);
    describeSettling(make);
    describeWebhookLog(make);
    describeOutbox(make, makeTransactions);
  });
}

function describeClaiming(make: TwoNodes<WebhookStore>): void {
  let one: WebhookStore;
  let other: WebhookStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('a call is claimed as it was stored, by one node, until the claim ends', async () => {
    const given = call({ format: 'xtremepush', body: JSON.stringify({ text: AWKWARD, n: [1, 1.0, { a: null }] }) });
    await one.add([given]);
    assert.deepEqual(await claim(other, ALL, NOW - 1), []);
    const [claimed] = await claim(other);
    const { accountId, webhookId, lane: its, id, position, format, body, giveUpAt } = given;
    const wanted = { accountId, webhookId, lane: its, id, position, format, body, giveUpAt, attempts: 1 };
    assert.deepEqual(claimed, wanted);
    assert.deepEqual(await claim(one, ALL, NOW + CLAIM_MS - 1), []);
    assert.deepEqual(await claim(one, ALL, NOW + CLAIM_MS), [{ ...wanted, attempts: 2 }]);
  });

  test('what is added twice is there once', async () => {
    const given = call();
    await Promise.all([one.add([given]), other.add([given, given])]);
    assert.deepEqual(idsOf(await claim(one)), [given.id]);
  });

  test('characters that cannot be stored do not keep a call from being stored', async () => {
    await one.add([call({ body: JSON.stringify({ text: UNSTORABLE }) })]);
    const [claimed] = await claim(one);
    assert.equal(JSON.parse(claimed!.body).text, 'a\ufffdb\ufffdc\\u0000');
  });

  test('only the webhooks that there is room for get calls, each as many as it has room, the oldest first', async () => {
    const old = times(30, () => call({ at: NOW - 1 }));
    await one.add(times(30, () => call()));
    await one.add(old);
    await one.add(times(30, () => call(OTHER)));
    await one.add(times(30, () => call({ webhookId: 'third' })));
    const rooms = [
      { ...HOOK, calls: 30 },
      { ...OTHER, calls: 7 },
    ];
    const claimed = await one.claim(rooms, NOW, CLAIM_MS, null);
    const its = (id: string) => claimed.filter(({ webhookId }) => webhookId === id);
    assert.deepEqual([its('crm').length, its('audit').length, its('third').length], [30, 7, 0]);
    if (claimed.length === 37) assert(new Set(idsOf(old)).size === 30);
  });

  test('webhooks with due calls are named once each, with one of their calls; those that wait are not', async () => {
    const due = [call(), call(OTHER), call({ accountId: 'acme' })];
    await one.add([...due, ...times(20, () => call()), call({ webhookId: 'later', at: NOW + 1 })]);
    const named = await other.due(NOW, ALL);
    const names = new Set(named.map(({ accountId, webhookId }) => `${accountId} ${webhookId}`));
    assert.deepEqual([...names].toSorted(), ['acme crm', 'demo audit', 'demo crm']);
    const audit = named.filter(({ webhookId }) => webhookId === 'audit');
    assert.deepEqual(idsOf(audit), [due[1]!.id]);
    const near = await other.claim([{ ...OTHER, calls: 5 }], NOW, CLAIM_MS, idsOf(audit));
    assert.deepEqual(idsOf(near), [due[1]!.id]);
  });

  test('two nodes claiming at once claim everything, nothing twice', async () => {
    const all = times(400, () => call());
    await one.add(all);
    const claimed: string[] = [];
    const drain = async (store: WebhookStore) => {
      for (let empty = 0; claimed.length < all.length && empty < 1_000;) {
        const page = await claim(store, 20);
        assert(page.length <= 20);
        claimed.push(...idsOf(page));
        empty = page.length === 0 ? empty + 1 : 0;
      }
    };
    await Promise.all([drain(one), drain(other)]);
    assert.deepEqual(claimed.toSorted(), idsOf(all).toSorted());
  });
}

function describeLanes(make: TwoNodes<WebhookStore>): void {
  let one: WebhookStore;
  let other: WebhookStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('the calls of a lane that are due together are claimed together', async () => {
    const calls = lane(3);
    await one.add(calls.toReversed());
    assert.deepEqual(new Set((await claim(one)).map(({ position }) => position)), new Set([0, 1, 2]));
  });

  test('a later call waits while an earlier one is being made, and for its retry; then it is due', async () => {
    const [first, second] = lane(2) as [WebhookCall, WebhookCall];
    await one.add([first]);
    const [claimed] = await claim(one);
    await one.add([second]);
    assert.deepEqual(await claim(other), []);
    await one.settle(settled(claimed!, { what: 'waiting', dueAt: NOW + 5_000, status: 500, error: 'out of order' }));
    assert.deepEqual(await claim(other, ALL, NOW + 4_999), []);
    assert.deepEqual(idsOf(await claim(other, ALL, NOW + 6_000)), [first.id, second.id].toSorted());
  });

  test('a later call goes on once the earlier one is delivered, or given up', async () => {
    for (const what of ['delivered', 'failed'] as const) {
      const [first, second] = lane(2) as [WebhookCall, WebhookCall];
      await one.add([first]);
      const [claimed] = await claim(one);
      await one.add([second]);
      assert.deepEqual(await claim(one), []);
      await one.settle(settled(claimed!, { what }));
      assert.deepEqual(idsOf(await claim(one, ALL, NOW + 1)), [second.id]);
    }
  });

  test('the same lane of another webhook is not held up', async () => {
    const [first, second] = lane(2) as [WebhookCall, WebhookCall];
    await one.add([first, { ...second, ...OTHER }]);
    await claim(one, ALL, NOW, [HOOK]);
    assert.deepEqual(idsOf(await claim(one, ALL, NOW, [OTHER])), [second.id]);
  });

  test('however room cuts them, no call is claimed before an earlier one of its lane', async () => {
    const all = times(40, () => lane(4)).flat();
    await one.add(all.toSorted((a, b) => b.position - a.position));
    const done = new Map<string, number>();
    let left = all.length;
    const drain = async (store: WebhookStore, room: number) => {
      for (let turns = 0; left > 0 && turns < 2_000; turns++) {
        const page = await claim(store, room, NOW + turns * 1_000);
        for (const each of page.toSorted((a, b) => a.position - b.position)) {
          assert.equal(each.position, done.get(each.lane) ?? 0);
          done.set(each.lane, each.position + 1);
          left -= 1;
        }
        await Promise.all(page.map((each) => store.settle(settled(each, {}))));
      }
    };
    await Promise.all([drain(one, 7), drain(other, 3)]);
    assert.equal(left, 0);
  });

  test('calls that wait for a retry do not hide those that are due', async () => {
    const blocked = times(150, () => lane(3));
    await one.add(blocked.map(([first]) => first!));
    for (const each of await claim(one)) {
      await one.settle(settled(each, { what: 'waiting', dueAt: NOW + 3_600_000, status: 500 }));
    }
    await one.add(blocked.flatMap(([, ...later]) => later));
    const fresh = call({ at: NOW + 1 });
    await one.add([fresh]);
    const claimed: string[] = [];
    for (let turn = 0; turn < 20; turn++) claimed.push(...idsOf(await claim(one, 10, NOW + 2)));
    assert.deepEqual(claimed, [fresh.id]);
  });
}

function describeSettling(make: TwoNodes<WebhookStore>): void {
  let one: WebhookStore;
  let other: WebhookStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('what became of a call stands in the log, with the attempts made', async () => {
    const given = call();
    await one.add([given]);
    const waiting = await other.find(given);
    assert.deepEqual([waiting!.state, waiting!.attempts, waiting!.triedAt], ['waiting', 0, null]);
    const [claimed] = await claim(one);
    const error = `answered 500: ${AWKWARD}`;
    await one.settle(settled(claimed!, { what: 'waiting', dueAt: NOW + 5, status: 500, error, at: NOW + 1 }));
    const { lane: transactionId, id, type, at, body, accountId, webhookId } = given;
    const name = { accountId, webhookId, id, type, transactionId, at, body };
    const tried = { ...name, state: 'waiting', attempts: 1, triedAt: NOW + 1, dueAt: NOW + 5, status: 500, error };
    assert.deepEqual(await other.find(given), tried);
    const [again] = await claim(one, ALL, NOW + 5);
    await one.settle(settled(again!, { at: NOW + 6 }));
    const delivered = { state: 'delivered', attempts: 2, triedAt: NOW + 6, dueAt: null, status: 200, error: null };
    assert.deepEqual(await other.find(given), { ...name, ...delivered });
    assert.deepEqual(await claim(one, ALL, NOW + CLAIM_MS * 10), []);
  });

  test('a call that is put back counts no attempt', async () => {
    await one.add([call()]);
    const [claimed] = await claim(one);
    await one.settle(settled(claimed!, { what: 'put_back', dueAt: NOW + 9, status: null }));
    assert.deepEqual(await claim(one, ALL, NOW + 8), []);
    assert.equal((await claim(one, ALL, NOW + 9))[0]!.attempts, 1);
  });

  test('what came late, after another node had delivered it, changes nothing', async () => {
    await one.add([call()]);
    const [slow] = await claim(one);
    const [quick] = await claim(other, ALL, NOW + CLAIM_MS);
    await other.settle(settled(quick!, {}));
    await one.settle(settled(slow!, { what: 'waiting', dueAt: NOW, status: null, error: 'timeout' }));
    assert.equal((await one.find(quick!))!.state, 'delivered');
    assert.deepEqual(await claim(one, ALL, NOW + CLAIM_MS * 10), []);
  });

  test('many are settled at once, on two nodes and in opposite orders', async () => {
    const all = times(300, () => call());
    await one.add(all);
    const claimed = await claim(one);
    assert.equal(claimed.length, 300);
    await Promise.all([
      ...claimed.map((each) => one.settle(settled(each, {}))),
      ...claimed.toReversed().map((each) => other.settle(settled(each, {}))),
    ]);
    assert.equal(await one.waiting(ALL), 0);
  });

  test('waiting calls are counted, as far as one wants to know', async () => {
    await one.add(times(30, () => call()));
    assert.equal(await one.waiting(ALL), 30);
    assert.equal(await one.waiting(10), 10);
  });

  test('when a webhook was last reached is known to the minute, on every node', async () => {
    assert.equal(await one.lastDelivered(HOOK), null);
    await one.noteDelivered(HOOK, NOW);
    await other.noteDelivered(HOOK, NOW + 1_000);
    assert.equal(await other.lastDelivered(HOOK), NOW);
    await other.noteDelivered(HOOK, NOW + 61_000);
    assert.equal(await one.lastDelivered(HOOK), NOW + 61_000);
    assert.equal(await one.lastDelivered(OTHER), null);
  });
}

function describeOutbox(make: TwoNodes<WebhookStore>, makeTransactions: TwoNodes<TransactionStore>): void {
  let one: WebhookStore;
  let transactions: [TransactionStore, TransactionStore];
  beforeEach(async () => {
    transactions = await makeTransactions();
    [one] = await make();
  });
  const callsOf = (id: string, count: number, body = '{"a":1}') =>
    times(count, (position) => call({ lane: id, position, id: `${id}_${position}`, body }));

  test('a transition’s calls are stored with it', async () => {
    const [store] = transactions;
    const all = times(60, () => acceptance());
    await Promise.all(all.map((each) => store.accept(each)));
    const body = JSON.stringify({ [AWKWARD]: AWKWARD, n: 1 });
    const saved = all.map(({ stored }, index) =>
      store.save({ ...transition(stored, 'told'), calls: callsOf(stored.transaction.id, index % 3, body) }),
    );
    assert.ok((await Promise.all(saved)).every(Boolean));
    const claimed = await claim(one);
    const wanted = all.flatMap(({ stored }, index) => callsOf(stored.transaction.id, index % 3));
    assert.deepEqual(idsOf(claimed).toSorted(), idsOf(wanted).toSorted());
    assert.ok(claimed.every((each) => each.body === body));
    assert.equal((await store.history('demo', all[0]!.stored.transaction.id))!.timeline.at(-1)!.detail, 'told');
  });

  test('of transitions that race, only the calls of those that won are there', async () => {
    const all = times(50, () => acceptance());
    await Promise.all(all.map((each) => transactions[0].accept(each)));
    const tries = all.flatMap(({ stored }) =>
      transactions.map(async (store, node) => {
        const { id } = stored.transaction;
        const calls = [call({ lane: id, id: `${id}_by-${node}` })];
        return (await store.save({ ...transition(stored, `by ${node}`), calls })) ? calls : [];
      }),
    );
    const won = (await Promise.all(tries)).flat();
    assert.equal(won.length, all.length);
    assert.deepEqual(idsOf(await claim(one)).toSorted(), idsOf(won).toSorted());
  });
}
