/** What every store of references and receipts promises (src/ports/receipt-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { messageId } from '#domain/ids.ts';
import type { MessageId } from '#domain/ids.ts';
import { PARKED_CLAIM_MS } from '#ports/receipt-store.ts';
import type { KeptReceipt, ParkedReceipt, PromisedReceipt, ReceiptStore } from '#ports/receipt-store.ts';
import { acceptance, NOW, times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

const CLAIM_MS = 10_000;
const ALL = 10_000;

function freshMessageId(): MessageId {
  return messageId(acceptance().stored.transaction.id, 1);
}

function parked(ref: string, changes: Partial<ParkedReceipt> = {}): ParkedReceipt {
  return { accountId: 'demo', providerId: 'sms', ref, status: 'delivered', reason: null, at: NOW, ...changes };
}

function withoutId({ id: _id, ...receipt }: KeptReceipt): ParkedReceipt {
  return receipt;
}

function promised(changes: Partial<PromisedReceipt> = {}): PromisedReceipt {
  return {
    accountId: 'demo',
    providerId: 'sms',
    messageId: freshMessageId(),
    status: 'delivered',
    dueAt: NOW,
    ...changes,
  };
}

/** Runs the suite. */
export function describeReceiptStore(name: string, make: TwoNodes<ReceiptStore>): void {
  describe(`${name} keeps the promises of a receipt store`, () => {
    describeReferences(make);
    describeRace(make);
    describePromises(make);
  });
}

function describeReferences(make: TwoNodes<ReceiptStore>): void {
  let one: ReceiptStore;
  let other: ReceiptStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('a message is found by its reference, within its account and provider', async () => {
    const id = freshMessageId();
    assert.deepEqual(await one.addRef('demo', 'sms', 'ref-1', id, NOW), []);
    assert.equal(await other.findByRef('demo', 'sms', 'ref-1'), id);
    assert.equal(await other.findByRef('demo', 'sms', 'ref-2'), null);
    assert.equal(await other.findByRef('demo', 'mail', 'ref-1'), null);
    assert.equal(await other.findByRef('acme', 'sms', 'ref-1'), null);
  });

  test('many are added and found at once, on two nodes in opposite orders', async () => {
    const refs = times(300, (index) => ({ ref: `ref-${index}`, id: freshMessageId() }));
    const add = (store: ReceiptStore) => (each: (typeof refs)[number]) =>
      store.addRef('demo', 'sms', each.ref, each.id, NOW);
    await Promise.all([...refs.map(add(one)), ...refs.toReversed().map(add(other))]);
    const found = await Promise.all(refs.map(({ ref }) => one.findByRef('demo', 'sms', ref)));
    assert.deepEqual(
      found,
      refs.map(({ id }) => id),
    );
  });

  test('parked receipts are handed out when their reference appears, all of them and once', async () => {
    const first = parked('ref-1', { status: 'sent' });
    const second = parked('ref-1', { status: 'undelivered', reason: AWKWARD, at: NOW + 1 });
    for (const receipt of [first, second, parked('ref-2'), parked('ref-1', { providerId: 'mail' })])
      await one.park(receipt);
    const handedOut = await other.addRef('demo', 'sms', 'ref-1', freshMessageId(), NOW);
    assert.deepEqual(handedOut.toSorted((a, b) => a.at - b.at).map(withoutId), [first, second]);
    assert.deepEqual(await one.addRef('demo', 'sms', 'ref-1', freshMessageId(), NOW), []);
    assert.deepEqual(await one.takeMatched(NOW, ALL), []);
  });

  test('what a receipt says about its address is parked with it', async () => {
    const receipt = parked('bounced', { status: 'undelivered', suppress: { reason: 'hard_bounce' } });
    await one.park(receipt);
    const [handedOut] = await other.addRef('demo', 'sms', 'bounced', freshMessageId(), NOW);
    assert.deepEqual(withoutId(handedOut!), receipt);
    const [again] = await one.takeMatched(NOW + PARKED_CLAIM_MS, ALL);
    assert.deepEqual(again?.receipt, handedOut);
  });

  test('awkward references are references too', async () => {
    const awkward = [AWKWARD, ' ', '', '0', 'null', 'NULL', 'a\u0000b', 'half \ud800', 'long '.repeat(1_000)];
    for (const ref of awkward) {
      const id = freshMessageId();
      await one.park(parked(ref, { reason: ref }));
      const handedOut = await one.addRef('demo', 'sms', ref, id, NOW);
      assert.equal(handedOut.length, 1, JSON.stringify(ref));
      assert.equal(await other.findByRef('demo', 'sms', ref), id);
    }
  });

  test('what is old is forgotten, and nothing else', async () => {
    const id = freshMessageId();
    for (const index of times(40, (each) => each)) {
      await one.addRef('demo', 'sms', `old-${index}`, id, NOW - 1);
      await one.park(parked(`unknown-${index}`, { at: NOW - 1 }));
    }
    await one.addRef('demo', 'sms', 'new', id, NOW);
    await one.park(parked('unknown', { at: NOW }));
    await one.prune(NOW);
    for (const index of times(40, (each) => each)) {
      assert.equal(await one.findByRef('demo', 'sms', `old-${index}`), null);
      assert.deepEqual(await one.addRef('demo', 'sms', `unknown-${index}`, id, NOW), []);
    }
    assert.equal(await one.findByRef('demo', 'sms', 'new'), id);
    assert.equal((await one.addRef('demo', 'sms', 'unknown', id, NOW)).length, 1);
  });
}

function describeRace(make: TwoNodes<ReceiptStore>): void {
  let one: ReceiptStore;
  let other: ReceiptStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('a receipt parked after its reference appeared is matched', async () => {
    const id = freshMessageId();
    await one.addRef('demo', 'sms', 'ref-1', id, NOW);
    await other.park(parked('ref-1'));
    const matched = await one.takeMatched(NOW, ALL);
    assert.deepEqual(
      matched.map(({ receipt, messageId: message }) => [withoutId(receipt), message]),
      [[parked('ref-1'), id]],
    );
    assert.deepEqual(await one.takeMatched(NOW, ALL), []);
  });

  test('what was handed out is handed out again unless it is forgotten: whoever had it may have died', async () => {
    await one.park(parked('ref-1'));
    await one.park(parked('ref-2'));
    const [kept] = await one.addRef('demo', 'sms', 'ref-1', freshMessageId(), NOW);
    await one.addRef('demo', 'sms', 'ref-2', freshMessageId(), NOW);
    await one.forgetParked(kept!);
    assert.deepEqual(await other.takeMatched(NOW + PARKED_CLAIM_MS - 1, ALL), []);
    const again = await other.takeMatched(NOW + PARKED_CLAIM_MS, ALL);
    assert.deepEqual(
      again.map(({ receipt }) => receipt.ref),
      ['ref-2'],
    );
    await other.forgetParked(again[0]!.receipt);
    assert.deepEqual(await one.takeMatched(NOW + 10 * PARKED_CLAIM_MS, ALL), []);
  });

  test('a match is found behind any number of receipts that nobody knows, and no more than asked for', async () => {
    for (const ref of times(30, (index) => `ref-${index}`)) {
      await one.addRef('demo', 'sms', ref, freshMessageId(), NOW);
      await one.park(parked(ref));
    }
    await Promise.all(times(200, (index) => one.park(parked(`unknown-${index}`))));
    const taken: string[] = [];
    for (const limit of [20, 20, 20]) {
      const page = await one.takeMatched(NOW, limit);
      assert(page.length <= limit);
      taken.push(...page.map(({ receipt }) => receipt.ref));
    }
    assert.deepEqual(taken.toSorted(), times(30, (index) => `ref-${index}`).toSorted());
  });

  test('references and receipts that race on two nodes meet, each receipt exactly once', async () => {
    const refs = times(400, (index) => ({ ref: `ref-${index}`, id: freshMessageId() }));
    const handedOut: string[] = [];
    const work = refs.flatMap(({ ref, id }, index) => [
      (index % 2 ? one : other)
        .addRef('demo', 'sms', ref, id, NOW)
        .then((receipts) => handedOut.push(...receipts.map((receipt) => receipt.ref))),
      (index % 3 ? other : one).park(parked(ref)),
    ]);
    await Promise.all(work);
    const matched = (await Promise.all([one.takeMatched(NOW, ALL), other.takeMatched(NOW, ALL)])).flat();
    for (const { receipt, messageId: id } of matched) {
      assert.equal(id, refs.find(({ ref }) => ref === receipt.ref)?.id);
      handedOut.push(receipt.ref);
    }
    assert.deepEqual(handedOut.toSorted(), refs.map(({ ref }) => ref).toSorted());
  });
}

function describePromises(make: TwoNodes<ReceiptStore>): void {
  let one: ReceiptStore;
  let other: ReceiptStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  test('a promised receipt is claimed when it is due, by one node, until it is kept', async () => {
    const receipt = promised();
    await one.promise(receipt);
    assert.deepEqual(await other.claimPromised(NOW - 1, ALL, CLAIM_MS), []);
    assert.deepEqual(await other.claimPromised(NOW, ALL, CLAIM_MS), [receipt]);
    assert.deepEqual(await one.claimPromised(NOW + CLAIM_MS - 1, ALL, CLAIM_MS), []);
    assert.equal((await one.claimPromised(NOW + CLAIM_MS, ALL, CLAIM_MS)).length, 1);
    await one.kept(receipt);
    assert.deepEqual(await one.claimPromised(NOW + 10 * CLAIM_MS, ALL, CLAIM_MS), []);
  });

  test('a message may be promised several receipts, each once', async () => {
    const sent = promised({ status: 'sent', dueAt: NOW - 1 });
    const delivered = promised({ messageId: sent.messageId });
    for (const receipt of [sent, delivered, delivered]) await one.promise(receipt);
    assert.deepEqual(await one.claimPromised(NOW, ALL, CLAIM_MS), [sent, delivered]);
    await one.kept(sent);
    assert.deepEqual(
      (await one.claimPromised(NOW + CLAIM_MS, ALL, CLAIM_MS)).map(({ status }) => status),
      ['delivered'],
    );
  });

  test('two nodes claiming at once claim everything, nothing twice, and no more than asked for', async () => {
    const all = times(300, () => promised());
    await Promise.all(all.map((receipt) => one.promise(receipt)));
    const claimed: MessageId[] = [];
    const drain = async (store: ReceiptStore) => {
      let empty = 0;
      while (claimed.length < all.length && empty < 1_000) {
        const page = await store.claimPromised(NOW, 20, CLAIM_MS);
        assert(page.length <= 20, `${page.length} of 20`);
        claimed.push(...page.map(({ messageId: id }) => id));
        empty = page.length === 0 ? empty + 1 : 0;
      }
    };
    await Promise.all([drain(one), drain(other)]);
    assert.deepEqual(claimed.toSorted(), all.map(({ messageId: id }) => id).toSorted());
    await Promise.all(all.map((receipt, index) => (index % 2 ? one : other).kept(receipt)));
    assert.deepEqual(await one.claimPromised(NOW + 10 * CLAIM_MS, ALL, CLAIM_MS), []);
  });
}
