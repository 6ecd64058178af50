/** What every store of uploads promises (src/ports/upload-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Batch, Recipient } from '#domain/batch.ts';
import type { BatchStore, ClaimedPage } from '#ports/batch-store.ts';
import type { UploadPage, UploadStore } from '#ports/upload-store.ts';
import { NOW, times } from '../support/acceptance.ts';
import { batchOf } from './batch-store.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

const PAGE_SIZE = 10;
const CLAIM_MS = 1_000;

/** Rows of a file; the last of each page is a bad one where there is any. */
function pageOf(number: number, badRows: number[] = []): UploadPage {
  const first = number * PAGE_SIZE;
  const recipients = times(PAGE_SIZE, (place): Recipient => {
    const target = `user-${first + place}`;
    return badRows.includes(first + place) ? { target, fault: `line ${first + place}: ${AWKWARD}` } : { target };
  });
  return { first, size: PAGE_SIZE, recipients: JSON.stringify(recipients), badRows };
}

/** Runs the suite. */
export function describeUploadStore(
  name: string,
  make: TwoNodes<UploadStore>,
  batchesOf: () => BatchStore,
  pagesLeft: () => Promise<number>,
): void {
  let one: UploadStore;
  let other: UploadStore;

  /** An upload of so many pages, not complete. */
  async function uploaded(pages: number, key: string | null = null, at = NOW) {
    const made = batchOf(pages * PAGE_SIZE, { key });
    const { id } = made.batch;
    await one.begin(id, at);
    for (const number of times(pages, (each) => each)) assert.equal(await one.append(id, pageOf(number), at), true);
    return { batch: made.batch, key, fingerprint: made.fingerprint };
  }

  async function claimAll(): Promise<ClaimedPage[]> {
    const pages: ClaimedPage[] = [];
    for (;;) {
      const [page] = await batchesOf().claimPages(NOW, NOW + CLAIM_MS, 1);
      if (!page) return pages;
      pages.push(page);
    }
  }

  describe(`${name} keeps the promises of an upload store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('nobody works on its pages before it is complete; then they are those that were given', async () => {
      const completion = await uploaded(3);
      const { id, accountId } = completion.batch;
      assert.deepEqual(await claimAll(), []);
      assert.equal(await batchesOf().load(accountId, id), null);
      assert.deepEqual((await batchesOf().list(accountId, 10, null)).data, []);
      assert.deepEqual(await other.complete(completion), { kind: 'accepted' });
      assert.deepEqual(await batchesOf().load(accountId, id), completion.batch);
      const pages = await claimAll();
      assert.deepEqual(
        pages.flatMap(({ recipients }) => recipients.map(({ target }) => target)),
        times(30, (index) => `user-${index}`),
      );
    });

    test('rows that could not be read are refused from the beginning, each with what is wrong with it', async () => {
      const { batch, key, fingerprint } = await uploaded(1);
      await one.append(batch.id, pageOf(1, [12, 19]), NOW);
      const bad: Batch = { ...batch, total: 20, badRows: 2 };
      assert.equal((await one.complete({ batch: bad, key, fingerprint })).kind, 'accepted');
      const batches = batchesOf();
      assert.deepEqual(await batches.load(bad.accountId, bad.id), bad);
      const { refused, waiting } = await batches.counts(bad);
      assert.deepEqual([refused, waiting], [2, 18]);
      const { data, next } = await batches.results(bad, 'refused', 10, null);
      assert.equal(next, null);
      const nothing = { userId: null, result: 'refused', reason: 'bad_row', transactionId: null };
      assert.deepEqual(data, [
        { index: 12, target: 'user-12', ...nothing, detail: `line 12: ${AWKWARD}` },
        { index: 19, target: 'user-19', ...nothing, detail: `line 19: ${AWKWARD}` },
      ]);
    });

    test('pages of many uploads at once, from two nodes, are all there', async () => {
      const completions = await Promise.all(times(6, () => uploaded(1)));
      await Promise.all(
        completions.flatMap(({ batch }) =>
          times(4, (number) => (number % 2 ? one : other).append(batch.id, pageOf(number + 1), NOW)),
        ),
      );
      for (const completion of completions) {
        const batch: Batch = { ...completion.batch, total: 50 };
        assert.equal((await one.complete({ ...completion, batch })).kind, 'accepted');
        assert.equal((await batchesOf().results(batch, null, 100, null)).data.length, 50);
      }
    });

    test('of concurrent calls under one key one is accepted; the others are told which, and give theirs up', async () => {
      const completions = await Promise.all(times(4, () => uploaded(1, 'spring')));
      const outcomes = await Promise.all(completions.map((each, place) => (place % 2 ? one : other).complete(each)));
      const won = outcomes.findIndex(({ kind }) => kind === 'accepted');
      const first = completions[won]!;
      for (const [place, outcome] of outcomes.entries()) {
        if (place === won) continue;
        assert.deepEqual(outcome, { kind: 'repeat', first: first.batch, fingerprint: first.fingerprint });
        await one.discard(completions[place]!.batch.id);
      }
      assert.equal(await pagesLeft(), 1);
      assert.deepEqual(await other.named('demo', 'spring'), { first: first.batch, fingerprint: first.fingerprint });
      assert.equal(await other.named('acme', 'spring'), null);
      assert.equal(await other.named('demo', 'summer'), null);
    });

    test('what is given up is gone: it takes no page, and cannot be completed', async () => {
      const completion = await uploaded(2);
      const { id } = completion.batch;
      await other.discard(id);
      assert.equal(await pagesLeft(), 0);
      assert.equal(await one.append(id, pageOf(2), NOW), false);
      assert.deepEqual(await one.complete(completion), { kind: 'gone' });
      assert.equal(await pagesLeft(), 0);
    });

    test('what is given up while its pages are being written leaves none', async () => {
      for (let round = 0; round < 10; round++) {
        const { batch } = await uploaded(1);
        const writing = times(3, (number) => one.append(batch.id, pageOf(number + 1), NOW));
        await Promise.all([...writing, other.discard(batch.id)]);
        assert.equal(await pagesLeft(), 0);
      }
    });

    test('a batch is not given up', async () => {
      const completion = await uploaded(2);
      await one.complete(completion);
      await one.discard(completion.batch.id);
      assert.equal(await one.sweep(NOW + 1, 10), 0);
      assert.equal(await pagesLeft(), 2);
    });

    test('uploads that have been silent are swept, a limited number at a time; a page tells that one is not', async () => {
      const old = await Promise.all(times(3, () => uploaded(1, null, NOW - 10)));
      const alive = await uploaded(1, null, NOW - 10);
      await one.append(alive.batch.id, pageOf(1), NOW);
      assert.equal(await other.sweep(NOW, 2), 2);
      assert.equal(await other.sweep(NOW, 2), 1);
      assert.equal(await other.sweep(NOW, 2), 0);
      assert.equal(await pagesLeft(), 2);
      assert.deepEqual(await one.complete(old[0]!), { kind: 'gone' });
      assert.deepEqual(await one.complete({ ...alive, batch: { ...alive.batch, total: 20 } }), { kind: 'accepted' });
    });
  });
}
