/** What every store of batches promises (src/ports/batch-store.ts). */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import { memberTxnId } from '#domain/batch.ts';
import type { Batch, Recipient } from '#domain/batch.ts';
import { hash16, ID_ENTROPY_BYTES, transactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { TransactionStatus } from '#domain/transaction.ts';
import { RECHECK_MIN_MS } from '#ports/batch-store.ts';
import type { BatchAcceptance, BatchPage, BatchStore, ClaimedPage } from '#ports/batch-store.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import { acceptance, NOW, times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

const PAGE_SIZE = 10;
const CLAIM_MS = 1_000;

interface Given {
  accountId?: string;
  key?: string | null;
  createdAt?: Instant;
  startAt?: Instant | null;
  recipients?: Recipient[];
}

/** A batch of so many recipients as an engine would accept it. */
export function batchOf(total: number, given: Given = {}): BatchAcceptance {
  const { accountId = 'demo', key = null, createdAt = NOW, startAt = null } = given;
  const recipients = given.recipients ?? times(total, (index): Recipient => ({ target: `user-${index}` }));
  const id = transactionId(createdAt, randomBytes(ID_ENTROPY_BYTES), hash16(accountId, key ?? randomUUID()));
  const pages = times(Math.ceil(recipients.length / PAGE_SIZE), (page): BatchPage => {
    const some = recipients.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    return { first: page * PAGE_SIZE, size: some.length, recipients: JSON.stringify(some) };
  });
  const batch: Batch = {
    accountId,
    id,
    createdAt,
    request: {
      campaignIds: ['~a'],
      mode: 'all',
      ttl: null,
      startAt,
      params: { from: AWKWARD },
      overrides: null,
      reference: null,
      targetKind: 'user_id',
      unknownUsers: 'send',
    },
    campaignVersions: [3],
    total: recipients.length,
    state: 'running',
    endedAt: null,
  };
  return { batch, pages, key, fingerprint: `of ${JSON.stringify(recipients)}` };
}

/** Runs the suite. */
export function describeBatchStore(
  name: string,
  make: TwoNodes<BatchStore>,
  transactionsOf: () => TransactionStore,
): void {
  let one: BatchStore;
  let other: BatchStore;

  async function accepted(total: number, given?: Given): Promise<Batch> {
    const made = batchOf(total, given);
    assert.deepEqual(await one.accept(made), { kind: 'accepted' });
    return made.batch;
  }

  const claim = async (store: BatchStore, now = NOW, except: string[] = []): Promise<ClaimedPage | null> =>
    (await store.claimPages(now, now + CLAIM_MS, 1, except))[0] ?? null;

  /** All that can be claimed now, from both nodes in turn. */
  async function claimAll(now = NOW): Promise<ClaimedPage[]> {
    const pages: ClaimedPage[] = [];
    for (;;) {
      const page = await claim(pages.length % 2 ? one : other, now);
      if (page === null) return pages;
      pages.push(page);
    }
  }

  async function expand(batch: Batch): Promise<void> {
    for (const page of await claimAll()) await one.settlePage(page, { refused: [] });
    assert.equal(await claim(one, NOW + CLAIM_MS), null);
    assert((await one.load(batch.accountId, batch.id))!.endedAt === null);
  }

  /** The transaction of a recipient. */
  async function member(batch: Batch, index: number, status: TransactionStatus = { name: 'running' }): Promise<string> {
    const request = { batch: { id: batch.id, index } };
    const { accountId } = batch;
    const made = acceptance({
      accountId,
      txnId: memberTxnId(batch.id, index),
      userId: `user-${index}`,
      status,
      request,
    });
    assert.equal((await transactionsOf().accept(made)).kind, 'accepted');
    return made.stored.transaction.id;
  }

  describe(`${name} keeps the promises of a batch store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('what was accepted is there as it was given, for its account alone', async () => {
      const batch = await accepted(25);
      assert.deepEqual(await other.load('demo', batch.id), batch);
      assert.equal(await other.load('acme', batch.id), null);
      assert.equal(await other.load('demo', batchOf(1).batch.id), null);
    });

    test('a transaction of a batch keeps its place in it', async () => {
      const batch = await accepted(3);
      const stored = await transactionsOf().load('demo', await member(batch, 2));
      assert.deepEqual(stored!.request.batch, { id: batch.id, index: 2 });
    });

    test('of concurrent calls under one key exactly one is accepted; the others are told which', async () => {
      const given = times(6, () => batchOf(12, { key: AWKWARD }));
      const answers = await Promise.all(given.map((each, index) => (index % 2 ? one : other).accept(each)));
      const first = given[answers.findIndex(({ kind }) => kind === 'accepted')]!;
      const repeats = answers.filter(({ kind }) => kind === 'repeat');
      assert.equal(repeats.length, 5);
      for (const repeat of repeats)
        assert.deepEqual(repeat, { kind: 'repeat', first: first.batch, fingerprint: first.fingerprint });
      assert.equal((await claimAll()).length, 2);
      assert.equal((await one.accept(batchOf(1, { key: AWKWARD, accountId: 'acme' }))).kind, 'accepted');
      for (const each of [batchOf(1), batchOf(1)]) assert.equal((await one.accept(each)).kind, 'accepted');
    });

    test('each page is claimed once, in order, with what was given; again only after its claim is over', async () => {
      const recipients = times(25, (index) => ({ target: `${index}`, params: { note: AWKWARD, index } }));
      const batch = await accepted(25, { recipients });
      const pages = await claimAll();
      assert.deepEqual(
        pages.map(({ first }) => first),
        [0, 10, 20],
      );
      assert.deepEqual(
        pages.flatMap((page) => page.recipients),
        recipients,
      );
      assert.deepEqual(pages[0]!.batch, batch);
      await one.settlePage(pages[1]!, { refused: [] });
      assert.deepEqual(
        (await claimAll(NOW + CLAIM_MS)).map(({ first }) => first),
        [0, 20],
      );
    });

    test('many nodes that claim at once get different pages', async () => {
      await accepted(200);
      const claims = await Promise.all(times(20, (index) => claim(index % 2 ? one : other)));
      const pages = [...claims, ...(await claimAll(NOW + 500))].filter((page) => page !== null);
      assert.deepEqual(
        pages.map(({ first }) => first).toSorted((a, b) => a - b),
        times(20, (index) => index * PAGE_SIZE),
      );
    });

    test('batches are served in turn', async () => {
      const large = await accepted(100);
      const small = await accepted(20, { createdAt: NOW + 1 });
      const turns: string[] = [];
      // From an instant at which none has just become due: of two that were served or due at the same one, either may be next.
      for (let at = NOW + 2; at < NOW + 6; at++) turns.push((await claim(one, at))!.batch.id);
      assert.notEqual(turns[0], turns[1]);
      assert.deepEqual(turns.toSorted(), [large.id, large.id, small.id, small.id].toSorted());
    });

    test('several batches give one page each, at once, up to the limit', async () => {
      const batches = [await accepted(25), await accepted(5), await accepted(5), await accepted(5)];
      const all: ClaimedPage[] = [];
      for (let idle = 0; idle < 2;) {
        const stores = [one, other].map((store) => store.claimPages(NOW, NOW + CLAIM_MS, 2));
        const taken = await Promise.all(stores);
        for (const pages of taken) {
          assert.ok(pages.length <= 2);
          assert.equal(new Set(pages.map(({ batch }) => batch.id)).size, pages.length);
        }
        idle = taken.flat().length === 0 ? idle + 1 : 0;
        all.push(...taken.flat());
      }
      assert.equal(new Set(all.map(({ batch }) => batch.id)).size, batches.length);
      assert.deepEqual([all.length, new Set(all.map(({ batch, first }) => `${batch.id} ${first}`)).size], [6, 6]);
    });

    test('a batch that is excepted is not asked', async () => {
      const [large, small] = [await accepted(100), await accepted(20)];
      const claims = times(3, () => claim(one, NOW, [large.id]));
      const ids = (await Promise.all(claims)).map((page) => page?.batch.id);
      assert.deepEqual(new Set(ids), new Set([small.id, undefined]));
      assert.equal(await claim(one, NOW + 500, [large.id, small.id]), null);
      assert.equal((await claim(one, NOW + 500, [small.id]))?.batch.id, large.id);
    });

    test('a page that is prolonged stays claimed; one that is released can be had at once', async () => {
      await accepted(5);
      const page = (await claim(one))!;
      assert.equal(await one.renewPage(page, NOW + 3 * CLAIM_MS), true);
      assert.equal(await claim(other, NOW + 2 * CLAIM_MS), null);
      await one.releasePage(page, NOW + 2 * CLAIM_MS);
      assert.deepEqual((await claim(other, NOW + 3 * CLAIM_MS))?.first, 0);
    });

    test('a batch is not touched before its start', async () => {
      await accepted(5, { startAt: NOW + 5_000 });
      assert.equal(await claim(one, NOW + 4_999), null);
      assert.notEqual(await claim(one, NOW + 5_000), null);
    });

    test('a paused batch gives no page, and its holder is told; resumed it goes on', async () => {
      const batch = await accepted(20);
      const page = (await claim(one))!;
      assert.equal((await other.turn('demo', batch.id, 'pause', NOW))?.state, 'paused');
      assert.equal(await one.renewPage(page, NOW + CLAIM_MS), false);
      assert.deepEqual(await claimAll(NOW + 10 * CLAIM_MS), []);
      assert.equal((await other.turn('demo', batch.id, 'resume', NOW))?.state, 'running');
      assert.equal((await claimAll(NOW + 10 * CLAIM_MS)).length, 2);
      assert.equal(await one.turn('acme', batch.id, 'pause', NOW), null);
    });

    test('a verb that cannot be done changes nothing', async () => {
      const batch = await accepted(5);
      assert.equal((await one.turn('demo', batch.id, 'resume', NOW))?.state, 'running');
      await expand(batch);
      assert.equal((await one.turn('demo', batch.id, 'pause', NOW))?.state, 'running');
      assert.equal(await one.end('demo', batch.id, NOW), true);
      for (const verb of ['pause', 'resume', 'cancel'] as const)
        assert.equal((await one.turn('demo', batch.id, verb, NOW))?.state, 'ended');
    });

    test('a batch is asked for its end when all pages are settled, again and again, by one node at a time', async () => {
      const batch = await accepted(20);
      const [first, second] = await claimAll();
      await one.settlePage(first!, { refused: [] });
      assert.deepEqual(await one.claimEnding(NOW + 1, 10), []);
      await other.settlePage(second!, { refused: [] });
      assert.equal(await claim(one, NOW + 500), null);
      const claims = await Promise.all(times(4, (index) => (index % 2 ? one : other).claimEnding(NOW + 500, 10)));
      assert.deepEqual(claims.flat(), [batch]);
      assert.deepEqual(await one.claimEnding(NOW + 500 + RECHECK_MIN_MS - 1, 10), []);
      assert.deepEqual(await one.claimEnding(NOW + 500 + RECHECK_MIN_MS, 10), [batch]);
    });

    test('its end is noted once, and not before it could be', async () => {
      const batch = await accepted(20);
      assert.equal(await one.end('demo', batch.id, NOW), false);
      await expand(batch);
      assert.equal(await one.open(), 1);
      const ends = await Promise.all(times(6, (index) => (index % 2 ? one : other).end('demo', batch.id, NOW + 7)));
      assert.equal(ends.filter(Boolean).length, 1);
      assert.deepEqual(await other.load('demo', batch.id), { ...batch, state: 'ended', endedAt: NOW + 7 });
      assert.deepEqual(await one.claimEnding(NOW + 1e9, 10), []);
      assert.equal(await one.open(), 0);
    });

    test('a cancelled batch gives no page and ends when nobody holds one', async () => {
      const batch = await accepted(20);
      const page = (await claim(one))!;
      assert.equal((await other.turn('demo', batch.id, 'cancel', NOW))?.state, 'cancelled');
      assert.deepEqual(await claimAll(NOW + CLAIM_MS), []);
      assert.deepEqual(await one.claimEnding(NOW, 10), []);
      await one.releasePage(page, NOW);
      assert.deepEqual(
        (await one.claimEnding(NOW, 10)).map(({ id }) => id),
        [batch.id],
      );
      assert.equal(await one.end('demo', batch.id, NOW), true);
      const { state, endedAt } = (await one.load('demo', batch.id))!;
      assert.deepEqual({ state, endedAt }, { state: 'cancelled', endedAt: NOW });
    });

    test('counts and results say what became of each, in every state', async () => {
      const batch = await accepted(30);
      const [first, second] = await claimAll();
      const running = await member(batch, 0);
      const failed = await member(batch, 1, { name: 'failed', endedAt: NOW });
      const early = await member(batch, 10);
      await one.settlePage(first!, { refused: [{ index: 2, reason: 'unknown_user' }] });
      assert.equal(second!.first, 10);
      const counts = await other.counts(batch);
      assert.deepEqual(counts, {
        total: 30,
        waiting: 26,
        refused: 1,
        running: 2,
        completed: 0,
        succeeded: 0,
        failed: 1,
        expired: 0,
        unconfirmed: 0,
        cancelled: 0,
      });
      const all = await other.results(batch, null, 12, null);
      const [zero, one_, two, three] = all.data;
      const at = (index: number, changes: object) => ({
        index,
        target: `user-${index}`,
        userId: null,
        result: 'waiting',
        reason: null,
        transactionId: null,
        ...changes,
      });
      assert.deepEqual(zero, at(0, { userId: 'user-0', result: 'running', transactionId: running }));
      assert.deepEqual(one_, at(1, { userId: 'user-1', result: 'failed', transactionId: failed }));
      assert.deepEqual(two, at(2, { result: 'refused', reason: 'unknown_user' }));
      assert.deepEqual(three, at(3, { result: 'forgotten' }));
      assert.deepEqual(all.data[10], at(10, { userId: 'user-10', result: 'running', transactionId: early }));
      assert.deepEqual(all.data[11], at(11, {}));
      assert.equal(all.next, '11');
      const rest = await other.results(batch, null, 200, all.next);
      assert.deepEqual(
        rest.data.map(({ index }) => index),
        times(18, (index) => index + 12),
      );
      assert.equal(rest.next, null);
    });

    test('results are narrowed to what it became of them', async () => {
      const batch = await accepted(60);
      const pages = await claimAll();
      for (const page of pages.slice(0, 4)) {
        await one.settlePage(page, { refused: [{ index: page.first + 3, reason: 'unknown_user' }] });
      }
      for (const index of [4, 14, 15, 34, 44, 45]) await member(batch, index, { name: 'failed', endedAt: NOW });
      const indexes = async (result: string, limit: number, cursor: string | null = null) => {
        const { data, next } = await other.results(batch, result, limit, cursor);
        assert(data.every((each) => each.result === result && each.target === `user-${each.index}`));
        return [data.map(({ index }) => index), next];
      };
      assert.deepEqual(await indexes('refused', 3), [[3, 13, 23], '23']);
      assert.deepEqual(await indexes('refused', 3, '23'), [[33], null]);
      assert.deepEqual(await indexes('failed', 4), [[4, 14, 15, 34], '34']);
      assert.deepEqual(await indexes('failed', 4, '34'), [[44, 45], null]);
      assert.deepEqual(await indexes('waiting', 5), [[40, 41, 42, 43, 46], '46']);
      assert.deepEqual(await indexes('waiting', 50, '46'), [[47, 48, 49, ...times(10, (index) => index + 50)], null]);
      assert.deepEqual(await indexes('succeeded', 5), [[], null]);
    });

    test('of a cancelled batch, those without a transaction are cancelled, too', async () => {
      const batch = await accepted(25);
      await member(batch, 0, { name: 'succeeded', endedAt: NOW, late: false });
      await member(batch, 1, { name: 'cancelled', endedAt: NOW });
      const cancelled = (await one.turn('demo', batch.id, 'cancel', NOW))!;
      const { succeeded, cancelled: count, waiting } = await other.counts(cancelled);
      assert.deepEqual([succeeded, count, waiting], [1, 24, 0]);
      const { data, next } = await other.results(cancelled, 'cancelled', 20, null);
      assert.deepEqual([data[0]?.index, data.at(-1)?.index, next], [1, 20, '20']);
    });

    test('transactions that have not ended are found, of this batch alone', async () => {
      const [batch, another] = [await accepted(40), await accepted(40)];
      const open = await Promise.all(times(20, (index) => member(batch, index)));
      await member(batch, 20, { name: 'failed', endedAt: NOW });
      await member(another, 0);
      assert.deepEqual((await other.openMembers('demo', batch.id, 100)).toSorted(), open.toSorted());
      assert.equal((await other.openMembers('demo', batch.id, 7)).length, 7);
    });

    test('lists go page by page, newest first, of one account', async () => {
      const ids = [];
      for (const index of times(7, Number)) ids.unshift((await accepted(1, { createdAt: NOW + index * 1_000 })).id);
      await accepted(1, { accountId: 'acme' });
      const first = await other.list('demo', 3, null);
      const second = await other.list('demo', 3, first.next);
      const third = await other.list('demo', 3, second.next);
      assert.deepEqual(
        [first, second, third].flatMap(({ data }) => data.map(({ id }) => id)),
        ids,
      );
      assert.equal(third.next, null);
    });

    test('what ended long ago is deleted, a limited number at a time', async () => {
      const batches = [await accepted(20), await accepted(20), await accepted(20)];
      for (const batch of batches) await expand(batch);
      for (const [index, { id }] of batches.entries()) await one.end('demo', id, NOW + index);
      assert.equal(await one.prune(NOW + 2, 1), 1);
      assert.equal(await other.prune(NOW + 2, 5), 1);
      assert.equal(await other.prune(NOW + 2, 5), 0);
      assert.equal(await other.load('demo', batches[0]!.id), null);
      assert.notEqual(await other.load('demo', batches[2]!.id), null);
      assert.deepEqual((await other.results(batches[0]!, null, 5, null)).data, []);
    });
  });
}
