/** What every store of sendouts promises (src/ports/sendout-store.ts). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import type { Recipient } from '#domain/batch.ts';
import { hash16, ID_ENTROPY_BYTES, transactionId } from '#domain/ids.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { SendoutCall, SendoutPart, SendoutStore } from '#ports/sendout-store.ts';
import { NOW, times } from '../support/acceptance.ts';
import { batchOf } from './batch-store.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** A part of a call; `total`: recipients, 0: nobody is sent anything. */
export function sendoutPart(
  version: number,
  { accountId = 'demo', campaignId = '~a', total = 3, recipients = [] as Recipient[] } = {},
): SendoutPart {
  const id = () => transactionId(NOW, randomBytes(ID_ENTROPY_BYTES), hash16(accountId));
  if (total === 0) return { campaignId, version, newId: id(), batch: null };
  const { batch, pages } = batchOf(total, { accountId, ...(recipients.length > 0 && { recipients }) });
  const made = { ...batch, id: id(), total, campaignVersions: [version] };
  return { campaignId, version, newId: id(), batch: { batch: made, pages } };
}

/** A call of these parts. */
export function sendoutCall(parts: SendoutPart[], accountId = 'demo'): SendoutCall {
  return { accountId, at: NOW, parts };
}

/** Runs the suite. */
export function describeSendoutStore(
  name: string,
  make: TwoNodes<SendoutStore>,
  makeBatches: TwoNodes<BatchStore>,
): void {
  describe(`${name} keeps the promises of a sendout store`, () => {
    let one: SendoutStore;
    let other: SendoutStore;
    let batches: BatchStore;
    beforeEach(async () => {
      [one, other] = await make();
      [batches] = await makeBatches();
    });

    const stored = (part: SendoutPart) => batches.load(part.batch!.batch.accountId, part.batch!.batch.id);

    test('the first call makes the sendouts of its versions, later ones find them, on every node', async () => {
      const [first, second] = [sendoutPart(1), sendoutPart(2)];
      assert.deepEqual(await one.accept(sendoutCall([first, second])), [
        { id: first.newId, isNew: true },
        { id: second.newId, isNew: true },
      ]);
      const third = sendoutPart(3);
      assert.deepEqual(await other.accept(sendoutCall([sendoutPart(2), third, sendoutPart(1)])), [
        { id: second.newId, isNew: false },
        { id: third.newId, isNew: true },
        { id: first.newId, isNew: false },
      ]);
    });

    test('batches are stored with them, as they were given, and handed out', async () => {
      const [first, second] = [sendoutPart(1, { total: 25 }), sendoutPart(2, { campaignId: AWKWARD })];
      await one.accept(sendoutCall([first, second]));
      for (const part of [first, second]) assert.deepEqual(await stored(part), part.batch!.batch);
      const places: string[] = [];
      for (;;) {
        const [page] = await batches.claimPages(NOW, NOW + 1_000, 1);
        if (!page) break;
        for (const [place] of page.recipients.entries()) places.push(`${page.batch.id} ${page.first + place}`);
      }
      const expected = [first, second].flatMap(({ batch: its }) =>
        times(its!.batch.total, (place) => `${its!.batch.id} ${place}`),
      );
      assert.deepEqual(places.toSorted(), expected.toSorted());
    });

    test('who sends nobody anything makes no sendout, and finds the one there is', async () => {
      const [nobody, somebody] = [sendoutPart(1, { total: 0 }), sendoutPart(2)];
      assert.deepEqual(await one.accept(sendoutCall([nobody, somebody])), [
        { id: null, isNew: false },
        { id: somebody.newId, isNew: true },
      ]);
      assert.deepEqual(await one.accept(sendoutCall([sendoutPart(2, { total: 0 })])), [
        { id: somebody.newId, isNew: false },
      ]);
      const first = sendoutPart(1);
      assert.deepEqual(await one.accept(sendoutCall([first])), [{ id: first.newId, isNew: true }]);
    });

    test('accounts and campaigns have their own', async () => {
      const mine = sendoutPart(1);
      const theirs = sendoutPart(1, { accountId: 'acme' });
      const another = sendoutPart(1, { campaignId: '~b' });
      await one.accept(sendoutCall([mine]));
      assert.deepEqual(await one.accept(sendoutCall([theirs], 'acme')), [{ id: theirs.newId, isNew: true }]);
      assert.deepEqual(await one.accept(sendoutCall([another])), [{ id: another.newId, isNew: true }]);
    });

    test('of concurrent calls on two nodes one makes each sendout, and all are told the same id', async () => {
      const calls = times(40, (index) =>
        sendoutCall(index % 3 === 0 ? [sendoutPart(2), sendoutPart(1)] : [sendoutPart(1), sendoutPart(2)]),
      );
      const found = await Promise.all(calls.map((call, index) => (index % 2 ? one : other).accept(call)));
      for (const version of [1, 2]) {
        const its = found.map((all, index) => all[calls[index]!.parts.findIndex((part) => part.version === version)]!);
        assert.equal(new Set(its.map(({ id }) => id)).size, 1);
        assert.equal(its.filter(({ isNew }) => isNew).length, 1);
      }
      for (const { parts } of calls) for (const part of parts) assert.ok(await stored(part));
    });

    test('a large call beside small ones is stored, too', async () => {
      const recipients = times(40, (index): Recipient => ({
        target: `${index}`,
        params: { text: 'x'.repeat(10_000) },
      }));
      const large = sendoutPart(1, { total: 40, recipients });
      const small = sendoutPart(1);
      const found = await Promise.all([large, small].map((part) => one.accept(sendoutCall([part]))));
      assert.equal(found.filter(([its]) => its!.isNew).length, 1);
      for (const part of [large, small]) assert.ok(await stored(part));
    });

    test('a call that cannot be written takes no other one with it', async () => {
      const good = sendoutPart(1);
      const bad = sendoutPart(2);
      bad.batch!.pages[0]!.recipients = 'no JSON';
      const results = await Promise.allSettled([good, bad].map((part) => one.accept(sendoutCall([part]))));
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected'],
      );
      assert.deepEqual(
        await one.accept(sendoutCall([sendoutPart(2, { total: 0 })])),
        [{ id: null, isNew: false }],
        'none of it',
      );
    });
  });
}
