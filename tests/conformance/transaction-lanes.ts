/** How transactions stand in the lines of providers and senders, and how nodes share what comes to the front. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Instant } from '#domain/time.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import type { TwoNodes } from './transaction-store.ts';

const CLAIM_MS = 10_000;
const ALL = 1_000;
/** As long as names of accounts, providers and senders may make it, and with whatever may be in them. */
const LONG_LANE = JSON.stringify(['a'.repeat(100), '"é日本"\\\n'.repeat(10), '1'.repeat(100)]);

/** Part of the suite of a transaction store. */
export function describeTransactionLanes(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });

  /** A transaction whose message waits in a line since then. */
  async function waiting(
    lane: string,
    since: Instant = NOW,
    deadline: Instant | null = null,
  ): Promise<StoredTransaction> {
    const given = acceptance({ dueAt: deadline });
    await one.accept(given);
    const stored = { ...given.stored, transaction: queued(given.stored.transaction, lane, since) };
    assert.equal(await one.save({ stored, entries: [] }), true);
    return { ...stored, version: 2 };
  }

  /** A transaction whose start is due, claimed by its timer. */
  async function starting(startAt: Instant, deadline: Instant | null = null): Promise<StoredTransaction> {
    const given = acceptance({ status: { name: 'scheduled' }, dueAt: deadline, createdAt: startAt });
    await one.accept(given);
    const claimed = await one.claimDue(startAt, 1, ALL, CLAIM_MS);
    return claimed.find(({ transaction }) => transaction.id === given.stored.transaction.id)!;
  }

  const claim = (store: TransactionStore, lane: string, limit = ALL) => store.claimLane(lane, NOW, 1, limit, CLAIM_MS);

  describe('lines', () => {
    test('what waits in a line is claimed from it once, as it is stored', async () => {
      const stored = await waiting('sms');
      await waiting('mail');
      assert.deepEqual(await claim(one, 'sms'), [stored]);
      assert.deepEqual(await claim(other, 'sms'), []);
      assert.deepEqual(await other.lanes(ALL), ['mail']);
    });

    test('each line is named once, whatever its name and however many stand in it', async () => {
      await Promise.all(times(20, () => waiting('sms')));
      await waiting(LONG_LANE);
      assert.deepEqual((await one.lanes(ALL)).toSorted(), [LONG_LANE, 'sms'].toSorted());
      assert.equal((await one.lanes(1)).length, 1);
      assert.equal((await claim(other, LONG_LANE)).length, 1);
    });

    test('nodes that claim at the same time get different ones, no more than they ask for', async () => {
      await Promise.all(times(60, () => waiting('sms')));
      const claims = await Promise.all(times(10, (index) => claim(index % 2 ? one : other, 'sms', 5)));
      const ids = claims.flat().map(({ transaction }) => transaction.id);
      assert.ok(claims.every((its) => its.length <= 5));
      assert.equal(new Set(ids).size, ids.length);
      assert.equal((await claim(one, 'sms')).length, 60 - ids.length);
    });

    test('no timer wakes what waits in a line, except for its deadline', async () => {
      await waiting('sms');
      const limited = await waiting('sms', NOW, NOW + 500);
      assert.deepEqual(await one.claimDue(NOW + 499, 1, ALL, CLAIM_MS), []);
      assert.deepEqual(await one.claimDue(NOW + 500, 1, ALL, CLAIM_MS), [limited]);
      assert.equal((await claim(one, 'sms')).length, 2);
    });

    test('a claim ends: what was not saved by then falls due, and a save puts it into the line again', async () => {
      const stored = await waiting('sms');
      await claim(one, 'sms');
      assert.deepEqual(await other.claimDue(NOW + CLAIM_MS - 1, 1, ALL, CLAIM_MS), []);
      assert.deepEqual(await other.claimDue(NOW + CLAIM_MS, 1, ALL, CLAIM_MS), [stored]);
      assert.equal(await other.save({ stored, entries: [] }), true);
      assert.equal((await claim(one, 'sms')).length, 1);
    });

    test('a save that says nothing of a line takes it out', async () => {
      const stored = await waiting('sms');
      await one.save(transition(stored, 'over', { name: 'cancelled', endedAt: NOW }));
      assert.deepEqual(await one.lanes(ALL), []);
    });

    test('what another node is sending stays in the line', async () => {
      const { version, ...stored } = await waiting('sms');
      await one.save({ stored: { ...stored, version, node: 2 }, entries: [] });
      assert.deepEqual(await claim(one, 'sms'), []);
      assert.equal((await one.claimLane('sms', NOW, 2, ALL, CLAIM_MS)).length, 1);
    });

    test('what has not started joins a line at the place of its start, and keeps its deadline', async () => {
      const late = await starting(NOW + 20, NOW + 900);
      const soon = await starting(NOW + 10);
      await one.joinLane([late, soon], 'sms');
      assert.deepEqual(await one.claimDue(NOW + 899, 1, ALL, CLAIM_MS), []);
      assert.deepEqual(
        (await claim(other, 'sms')).toSorted((a, b) => a.transaction.startAt - b.transaction.startAt),
        [soon, late],
      );
    });

    test('what was written since it was claimed does not join', async () => {
      const stale = await starting(NOW);
      await other.save(transition(stale, 'over', { name: 'cancelled', endedAt: NOW }));
      await one.joinLane([stale], 'sms');
      assert.deepEqual(await one.lanes(ALL), []);
    });
  });
}

function queued(transaction: Transaction, lane: string, since: Instant): Transaction {
  const [first, ...others] = transaction.messages;
  return { ...transaction, messages: [{ ...first!, state: { name: 'queued', notBefore: since, lane } }, ...others] };
}
