/** What every store of answers promises (src/ports/answer-store.ts). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import { hash16, ID_ENTROPY_BYTES, transactionId } from '#domain/ids.ts';
import type { AnsweredBatch, AnswerStore, KeptAnswer } from '#ports/answer-store.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import { NOW, times } from '../support/acceptance.ts';
import { batchOf } from './batch-store.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

const DAY_MS = 86_400_000;

/** A call under a name, with the batch it makes. */
export function answered(key: string, total: number, accountId = 'demo'): { answer: KeptAnswer; made: AnsweredBatch } {
  const { batch, pages } = batchOf(total, { accountId });
  const id = transactionId(NOW, randomBytes(ID_ENTROPY_BYTES), hash16(accountId, key));
  const answer = { accountId, key, until: NOW + DAY_MS, body: `${total} ${AWKWARD} of ${id}` };
  return { answer, made: total === 0 ? null : { batch: { ...batch, id }, pages } };
}

/** Runs the suite. */
export function describeAnswerStore(name: string, make: TwoNodes<AnswerStore>, batchesOf: () => BatchStore): void {
  let one: AnswerStore;
  let other: AnswerStore;

  async function claimed(): Promise<number> {
    for (let pages = 0; ; pages++) if ((await batchesOf().claimPages(NOW, NOW + 1_000, 1)).length === 0) return pages;
  }

  describe(`${name} keeps the promises of an answer store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('a call makes its batch and keeps its answer, for its account alone', async () => {
      const { answer, made } = answered(AWKWARD, 25);
      assert.equal(await one.find(answer, NOW), null);
      assert.equal(await one.accept(answer, made, NOW), null);
      assert.equal(await other.find(answer, NOW), answer.body);
      assert.equal(await other.find({ ...answer, accountId: 'acme' }, NOW), null);
      assert.deepEqual(await batchesOf().load('demo', made!.batch.id), made!.batch);
      assert.equal(await claimed(), 3);
      const theirs = answered(AWKWARD, 1, 'acme');
      assert.equal(await one.accept(theirs.answer, theirs.made, NOW), null);
    });

    test('one that makes nothing keeps its answer all the same', async () => {
      const { answer, made } = answered('nobody', 0);
      assert.equal(await one.accept(answer, made, NOW), null);
      assert.equal(await other.accept(answered('nobody', 3).answer, answered('nobody', 3).made, NOW), answer.body);
      assert.equal(await claimed(), 0);
    });

    test('of concurrent calls of one name on two nodes exactly one is accepted; the others get its answer', async () => {
      for (const total of [1, 12]) {
        const calls = times(10, () => answered(`call of ${total}`, total));
        const told = await Promise.all(
          calls.map(({ answer, made }, index) => (index % 2 ? one : other).accept(answer, made, NOW)),
        );
        const first = told.indexOf(null);
        assert.equal(told.lastIndexOf(null), first);
        assert.deepEqual(new Set(told), new Set([null, calls[first]!.answer.body]));
        for (const [index, { made }] of calls.entries()) {
          const batch = await batchesOf().load('demo', made!.batch.id);
          assert.equal(batch !== null, index === first);
        }
        assert.equal(await claimed(), Math.ceil(total / 10));
      }
    });

    test('after its time the name is free again, for one; before that it is not, to the millisecond', async () => {
      const [first, second] = [answered('again', 1), answered('again', 1)];
      const { until } = first.answer;
      second.answer.until = until + DAY_MS;
      assert.equal(await one.accept(first.answer, first.made, NOW), null);
      assert.equal(await one.accept(second.answer, second.made, until - 1), first.answer.body);
      assert.equal(await one.find(first.answer, until), null);
      const told = await Promise.all([one, other].map((store) => store.accept(second.answer, second.made, until)));
      assert.deepEqual(new Set(told), new Set([null, second.answer.body]));
      assert.equal(await other.find(first.answer, until), second.answer.body);
    });

    test('answers are deleted when their time is over, some at a time', async () => {
      for (const key of ['a', 'b', 'c']) await one.accept(answered(key, 0).answer, null, NOW);
      const late = answered('d', 0).answer;
      await one.accept({ ...late, until: late.until + 1 }, null, NOW);
      assert.equal(await one.prune(late.until - 1, 10), 0);
      assert.equal(await one.prune(late.until, 2), 2);
      assert.equal(await one.prune(late.until, 10), 1);
      assert.equal(await one.find(late, late.until), late.body);
    });
  });
}
