/** What every store of transactions promises (src/ports/transaction-store.ts). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import type { Stage } from '#domain/transaction.ts';
import type { Accepted, StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import type { AcceptanceChanges } from '../support/acceptance.ts';
import { describeTransactionList } from './transaction-list.ts';
import { describeTransactionLanes } from './transaction-lanes.ts';
import { describeTransactionSharing } from './transaction-sharing.ts';

/** Two stores on the same, empty data, as two nodes have them. */
export type TwoNodes<Store> = () => Promise<[Store, Store]>;

/** Text that a careless store would break: quotes, backslashes, braces, emoji, right-to-left, combining and control characters. */
export const AWKWARD = `"double" 'single' \\back\\slash\\ {brace} (paren) null NULL $1 %s \t\n\r\u0001 é e\u0301 日本語 العربية 👩‍👩‍👧‍👦 🇮🇳`;
/** U+0000 and half a surrogate pair, which some stores cannot hold, beside what only looks like the first. */
export const UNSTORABLE = 'a\u0000b\ud800c\\u0000';
/** What may come back instead. */
export const UNSTORABLE_READ = [UNSTORABLE, 'a\ufffdb\ufffdc\\u0000'];
const MEGABYTE = 1_048_576;
/** A journey under way, with every kind of stage in every state. */
const STAGES: Stage[] = [
  { kind: 'message', state: { name: 'done' } },
  { kind: 'wait', waitMs: 60_000, state: { name: 'waiting', until: NOW + 60_000 } },
  { kind: 'hook', when: { stage: 0, is: 'not delivered' }, state: { name: 'skipped', reason: 'condition_false' } },
  { kind: 'message', when: { stage: 0, is: 'clicked' }, state: { name: 'running' } },
  { kind: 'message', state: { name: 'pending' } },
];

/** Runs the suite. */
export function describeTransactionStore(name: string, make: TwoNodes<TransactionStore>): void {
  describe(`${name} keeps the promises of a transaction store`, () => {
    describeAccepting(make);
    describeWindows(make);
    describeSaving(make);
    describeFidelity(make);
    describeTransactionLanes(make);
    describeTransactionSharing(make);
    describeTransactionList(make);
  });
}

function describeAccepting(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('of 50 concurrent acceptances of one txnId on two nodes, one wins and 49 are told of it', async () => {
    const given = times(50, (index) => acceptance({ txnId: 'order-7', userId: `user-${index}` }));
    const outcomes = await Promise.all(given.map((each, index) => (index % 2 ? one : other).accept(each)));
    const winner = given[outcomes.findIndex(({ kind }) => kind === 'accepted')]!.stored;
    assert.deepEqual(countKinds(outcomes), { accepted: 1, repeat: 49 });
    for (const outcome of outcomes) if (outcome.kind === 'repeat') assert.deepEqual(outcome.first, winner);
    assert.deepEqual(await one.loadByTxnId('demo', 'order-7'), winner);
  });

  test('many txnIds, each on both nodes and in opposite orders, are each accepted once', async () => {
    const txnIds = times(300, (index) => `order-${index}`);
    const accept = (store: TransactionStore) => (txnId: string) => store.accept(acceptance({ txnId }));
    const outcomes = await Promise.all([...txnIds.map(accept(one)), ...txnIds.toReversed().map(accept(other))]);
    assert.deepEqual(countKinds(outcomes), { accepted: 300, repeat: 300 });
  });

  test('a repeat is told the first one, with its request', async () => {
    const first = acceptance({ txnId: 'order-7' });
    await one.accept(first);
    const again = await other.accept(acceptance({ txnId: 'order-7', request: { token: { other: true } } }));
    assert.deepEqual(again, { kind: 'repeat', first: first.stored });
  });

  test('a repeat gets the transaction as it stands by now', async () => {
    const first = acceptance({ txnId: 'order-7' });
    await one.accept(first);
    await one.save(transition(first.stored, 'moved on', { name: 'failed', endedAt: NOW }));
    const repeat = await one.accept(acceptance({ txnId: 'order-7' }));
    assert(repeat.kind === 'repeat');
    assert.deepEqual(repeat.first, await one.load('demo', first.stored.transaction.id));
    assert.equal(repeat.first.version, 2);
  });

  test('two accounts may use the same txnId', async () => {
    const outcomes = await Promise.all(
      ['acme', 'demo'].map((accountId) => one.accept(acceptance({ accountId, txnId: 'order-7' }))),
    );
    assert.deepEqual(countKinds(outcomes), { accepted: 2 });
    assert.equal((await one.loadByTxnId('acme', 'order-7'))?.transaction.accountId, 'acme');
    assert.equal((await one.loadByTxnId('demo', 'order-7'))?.transaction.accountId, 'demo');
  });

  test('what is accepted is found by both of its names, and by no other account', async () => {
    const { stored, entries } = acceptance({ txnId: 'order-7', node: 3 });
    await one.accept({ stored, entries, window: null });
    const { id } = stored.transaction;
    assert.deepEqual(await other.load('demo', id), stored);
    assert.deepEqual(await other.loadByTxnId('demo', 'order-7'), stored);
    assert.deepEqual((await other.history('demo', id))?.timeline, entries);
    assert.equal(await other.load('acme', id), null);
    assert.equal(await other.loadByTxnId('acme', 'order-7'), null);
    assert.equal(await other.history('acme', id), null);
  });

  test('many are loaded at once, each asker getting its own', async () => {
    const all = times(200, () => acceptance());
    await Promise.all(all.map((each) => one.accept(each)));
    const unknown = acceptance().stored.transaction.id;
    const loaded = await Promise.all(all.map(({ stored }) => one.load('demo', stored.transaction.id)));
    assert.deepEqual(
      loaded,
      all.map(({ stored }) => stored),
    );
    assert.equal(await one.load('demo', unknown), null);
  });
}

function describeWindows(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });
  const inWindow = (changes: AcceptanceChanges = {}) =>
    acceptance({ window: { key: '~first ana', until: (changes.createdAt ?? NOW) + 5_000 }, ...changes });

  test('of 20 concurrent acceptances in one dedupe window on two nodes, one wins', async () => {
    const given = times(20, () => inWindow());
    const outcomes = await Promise.all(given.map((each, index) => (index % 2 ? one : other).accept(each)));
    assert.deepEqual(countKinds(outcomes), { accepted: 1, duplicate: 19 });
    const winner = given[outcomes.findIndex(({ kind }) => kind === 'accepted')]!.stored;
    for (const outcome of outcomes) if (outcome.kind === 'duplicate') assert.deepEqual(outcome.first, winner);
    const losers = given.filter(({ stored }) => stored !== winner);
    const stored = await Promise.all(losers.map((each) => one.load('demo', each.stored.transaction.id)));
    assert(stored.every((each) => each === null));
  });

  test('a window is open until its end, and not extended by what it refuses', async () => {
    await one.accept(inWindow());
    assert.equal((await one.accept(inWindow({ createdAt: NOW + 4_999 }))).kind, 'duplicate');
    assert.equal((await one.accept(inWindow({ createdAt: NOW + 5_000 }))).kind, 'accepted');
    assert.equal((await one.accept(inWindow({ createdAt: NOW + 9_999 }))).kind, 'duplicate');
  });

  test('windows are apart by key and by account, and none concerns who asks for none', async () => {
    const window = { key: '~second ana', until: NOW + 5_000 };
    const outcomes = await Promise.all(
      [inWindow(), inWindow({ accountId: 'acme' }), inWindow({ window }), acceptance()].map((each) => one.accept(each)),
    );
    assert.deepEqual(countKinds(outcomes), { accepted: 4 });
  });

  test('a txnId that is taken leaves no window behind', async () => {
    const first = acceptance({ txnId: 'order-7' });
    await one.accept(first);
    const repeat = await one.accept(inWindow({ txnId: 'order-7' }));
    assert.deepEqual(repeat, { kind: 'repeat', first: first.stored });
    assert.equal((await one.accept(inWindow())).kind, 'accepted');
  });
}

function describeSaving(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });
  const accepted = async (changes: AcceptanceChanges = {}): Promise<StoredTransaction> => {
    const given = acceptance(changes);
    await one.accept(given);
    return given.stored;
  };

  test('of 100 concurrent saves of one version on two nodes, one wins', async () => {
    const stored = await accepted();
    const saves = times(100, (index) => (index % 2 ? one : other).save(transition(stored, `try ${index}`)));
    const outcomes = await Promise.all(saves);
    assert.equal(outcomes.filter(Boolean).length, 1);
    const { id } = stored.transaction;
    assert.equal((await one.load('demo', id))?.version, 2);
    const { timeline } = (await one.history('demo', id))!;
    assert.deepEqual(timeline.slice(1), transition(stored, `try ${outcomes.indexOf(true)}`).entries);
  });

  test('a save writes status, node, legs and messages, and adds one to the version', async () => {
    const stored = await accepted({ node: 3 });
    const messages = stored.transaction.messages.map((one) => ({ ...one, state: { name: 'delivered' as const } }));
    const legs = stored.transaction.legs.map((leg) => ({ ...leg, stages: STAGES, hasLanded: true as const }));
    const status = { name: 'succeeded', endedAt: NOW, late: false } as const;
    const transaction = { ...stored.transaction, legs, messages, status };
    const saved: StoredTransaction = { ...stored, node: null, transaction };
    assert.equal(await one.save({ stored: saved, entries: [] }), true);
    assert.deepEqual(await other.load('demo', stored.transaction.id), { ...saved, version: 2 });
  });

  test('a save of what is not there, or of another account, writes nothing', async () => {
    const stored = await accepted();
    assert.equal(await one.save(transition(acceptance().stored, 'stranger')), false);
    const foreign = { ...stored, transaction: { ...stored.transaction, accountId: 'acme' } };
    assert.equal(await one.save(transition(foreign, 'foreign')), false);
    assert.deepEqual(await one.load('demo', stored.transaction.id), stored);
  });

  test('many transactions are saved at once from two nodes in opposite orders, each once', async () => {
    const all = await Promise.all(times(200, () => accepted()));
    const save = (store: TransactionStore) => (each: StoredTransaction) => store.save(transition(each, 'raced'));
    const [ours, theirs] = await Promise.all([
      Promise.all(all.map(save(one))),
      Promise.all(all.toReversed().map(save(other))),
    ]);
    const winners = all.map((_, index) => Number(ours[index]) + Number(theirs.at(-1 - index)));
    assert(winners.every((count) => count === 1));
  });

  test('the timeline keeps every line in order', async () => {
    const stored = await accepted();
    const { id } = stored.transaction;
    for (let version = 1; version <= 20; version++) {
      const two = ['a', 'b'].map((which) => ({
        at: NOW + version,
        what: 'test.step',
        leg: null,
        message: null,
        detail: `${version}${which}`,
      }));
      assert.equal(await one.save({ stored: { ...stored, version }, entries: two }), true);
    }
    const details = (await other.history('demo', id))!.timeline.slice(1).map(({ detail }) => detail);
    assert.deepEqual(details, times(20, (index) => [`${index + 1}a`, `${index + 1}b`]).flat());
  });

  test('a timeline stops growing; what it has stays, and the transaction goes on', async () => {
    const stored = await accepted();
    const { id } = stored.transaction;
    const page = times(100, (index) => ({
      at: NOW,
      what: 'test.step',
      leg: 0,
      message: index % 3,
      detail: String(index),
    }));
    for (let version = 1; version <= 12; version++) {
      assert.equal(await one.save({ stored: { ...stored, version }, entries: page }), true);
    }
    const { timeline } = (await one.history('demo', id))!;
    assert(timeline.length >= 500 && timeline.length <= 700, `${timeline.length} lines`);
    assert.deepEqual(timeline.slice(1, 101), page);
    assert.equal((await one.load('demo', id))?.version, 13);
  });
}

function describeFidelity(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });
  const reloaded = async (changes: AcceptanceChanges) => {
    const given = acceptance(changes);
    assert.equal((await one.accept(given)).kind, 'accepted');
    assert.deepEqual(await other.load('demo', given.stored.transaction.id), given.stored);
    return given.stored;
  };

  test("the order of a token's keys, nulls, nesting and empty things come back as they were", async () => {
    const text = `{"z":1,"a":{"y":null,"b":[null,{},[],""]},"10":"ten","__proto__":{"x":1},"":"empty","m":-0.5,"e":1e21}`;
    const stored = await reloaded({ request: { token: JSON.parse(text), params: { b: null, a: null } } });
    const token = (await other.load('demo', stored.transaction.id))?.request.token;
    // 10 comes first here too: JavaScript itself orders such keys.
    assert.equal(JSON.stringify(token), JSON.stringify(JSON.parse(text)));
  });

  test('every field of a request comes back', async () => {
    await reloaded({
      request: {
        ttl: 120,
        startAt: NOW + 1_000,
        params: { shop: 'Demo', items: [1, null] },
        recipientParams: { name: 'Ana', shop: null },
        overrides: { sms: { body: 'Hi {{ name }}' }, push: { title: 'Hi', data: { order: '7' } } },
        reference: 'order-7',
        batch: { id: randomUUID(), index: 9_999 },
        email: 'ana@example.org',
        phone: '+919999999999',
        eventName: 'ordered',
        profile: { firstName: null, attributes: { plan: null, age: 7 }, consents: { sms: false } },
      },
    });
  });

  test('awkward text comes back from every field as it was', async () => {
    const text = AWKWARD.slice(0, 80);
    const stored = await reloaded({
      txnId: text,
      userId: text,
      campaignIds: [text, `${text}2`],
      request: { token: { [AWKWARD]: AWKWARD }, email: AWKWARD, phone: AWKWARD, eventName: AWKWARD },
    });
    const line = { at: NOW, what: AWKWARD, leg: 0, message: 0, detail: AWKWARD };
    await one.save({ stored, entries: [line] });
    const { id } = stored.transaction;
    assert.deepEqual((await other.history('demo', id))!.timeline[1], line);
    assert.deepEqual((await other.loadByTxnId('demo', text))?.transaction, stored.transaction);
  });

  test('a megabyte of text comes back, also among others', async () => {
    const body = '👩 "q" \\ '.repeat(MEGABYTE / 12);
    await Promise.all([reloaded({ request: { token: { body } } }), ...times(20, () => reloaded({}))]);
  });

  test('U+0000 and half surrogate pairs harm neither the transaction nor the others', async () => {
    const given = acceptance({ request: { token: { note: UNSTORABLE } } });
    const others = times(20, () => acceptance());
    const outcomes = await Promise.all([given, ...others].map((each) => one.accept(each)));
    assert.deepEqual(countKinds(outcomes), { accepted: 21 });
    assert.equal(await one.save(transition(given.stored, UNSTORABLE)), true);
    const { id } = given.stored.transaction;
    const note = (await one.load('demo', id))?.request.token['note'];
    const detail = (await one.history('demo', id))!.timeline[1]?.detail;
    for (const read of [note, detail]) assert(UNSTORABLE_READ.includes(read as string), JSON.stringify(read));
    const page = await one.list({ accountId: 'demo', campaignId: '~first' }, 50, null);
    assert.equal(page.data.length, 21);
  });

  test('a transaction that cannot be stored is refused alone', async () => {
    const bad = acceptance({ id: `x${acceptance().stored.transaction.id.slice(1)}` });
    const given = [...times(10, () => acceptance()), bad, ...times(10, () => acceptance())];
    const outcomes = await Promise.allSettled(given.map((each) => one.accept(each)));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      given.map((each) => (each === bad ? 'rejected' : 'fulfilled')),
    );
  });
}

function countKinds(outcomes: Accepted[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
