/** How nodes share the work that no request brings: timers, what dead nodes left, and what may be forgotten. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { hash16OfId } from '#domain/ids.ts';
import type { NodeId, TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import type { AcceptanceChanges } from '../support/acceptance.ts';
import type { TwoNodes } from './transaction-store.ts';

const OURS: NodeId = 1;
const THEIRS: NodeId = 2;
const CLAIM_MS = 10_000;
const ALL = 1_000;
/** A store may keep transactions in this many places, by the hash in their ids, or in a divisor of it. */
const PLACES = 8;

/** Part of the suite of a transaction store. */
export function describeTransactionSharing(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });
  const accepted = async (changes: AcceptanceChanges): Promise<StoredTransaction> => {
    const given = acceptance(changes);
    assert.equal((await one.accept(given)).kind, 'accepted');
    return given.stored;
  };
  const claim = (store: TransactionStore, now: Instant, node = OURS, limit = ALL) =>
    store.claimDue(now, node, limit, CLAIM_MS);

  describe('timers', () => {
    test('what is due is claimed once, as it is stored; what is not, stays', async () => {
      const due = await accepted({ dueAt: NOW });
      await accepted({ dueAt: NOW + 1 });
      await accepted({ dueAt: null });
      assert.deepEqual(await claim(one, NOW), [due]);
      assert.deepEqual(await claim(other, NOW, THEIRS), []);
    });

    test('a claim ends: what was not saved by then is claimed again', async () => {
      const due = await accepted({ dueAt: NOW });
      assert.equal((await claim(one, NOW)).length, 1);
      assert.deepEqual(await claim(other, NOW + CLAIM_MS - 1, THEIRS), []);
      assert.deepEqual(await claim(other, NOW + CLAIM_MS, THEIRS), [due]);
    });

    test('a save sets the timer anew, or takes it away', async () => {
      const again = await accepted({ dueAt: NOW });
      const ended = await accepted({ dueAt: NOW });
      const later = { ...again, transaction: { ...again.transaction, deadline: NOW + 500 } };
      await one.save({ stored: later, entries: [] });
      await one.save(transition(ended, 'over', { name: 'expired', endedAt: NOW }));
      assert.deepEqual(await claim(one, NOW + 499), []);
      assert.deepEqual(idsOf(await claim(one, NOW + 500)), [again.transaction.id]);
      assert.deepEqual(await claim(one, NOW + 9_999), []);
    });

    test('of one place the soonest come first, as many as asked for', async () => {
      const here = times(1_000, (index) => acceptance({ dueAt: NOW - ((index * 7) % 1_000) }))
        .filter(({ stored }) => hash16OfId(stored.transaction.id) % PLACES === 0)
        .slice(0, 30);
      await Promise.all(here.map((given) => one.accept(given)));
      const claimed: Instant[] = [];
      for (const size of [7, 7, 7, 7, 2, 0]) {
        const page = await claim(one, NOW, OURS, 7);
        assert.equal(page.length, size);
        claimed.push(...page.map(({ transaction }) => transaction.deadline!));
      }
      const due = here.map(({ stored }) => stored.transaction.deadline!);
      assert.deepEqual(
        claimed,
        due.toSorted((a, b) => a - b),
      );
    });

    test('where there is more than the limit in one place, no other place is forgotten', async () => {
      const waiting = await Promise.all(times(60, () => accepted({ dueAt: NOW })));
      const missing = new Set(idsOf(waiting));
      // Each claimed one is due again at once, as under an overload that never ends.
      for (let calls = 0; missing.size > 0 && calls < 200; calls++) {
        for (const { transaction } of await one.claimDue(NOW + calls, OURS, 10, 1)) missing.delete(transaction.id);
      }
      assert.equal(missing.size, 0);
    });

    test("another node's sends are left to it, our own are not", async () => {
      const ours = await accepted({ dueAt: NOW, node: OURS });
      const theirs = await accepted({ dueAt: NOW, node: THEIRS });
      assert.deepEqual(await claim(one, NOW), [ours]);
      assert.deepEqual(await claim(other, NOW, THEIRS), [theirs]);
    });

    test('two nodes claiming at once claim everything, and nothing twice', async () => {
      const waiting = await Promise.all(times(500, (index) => accepted({ dueAt: NOW - index })));
      const claimed: TransactionId[] = [];
      const drain = async (store: TransactionStore, node: NodeId) => {
        let empty = 0;
        // A node may find nothing while the other holds the rest for an instant.
        while (claimed.length < waiting.length && empty < 1_000) {
          const page = idsOf(await claim(store, NOW, node, 13));
          claimed.push(...page);
          empty = page.length === 0 ? empty + 1 : 0;
        }
      };
      await Promise.all([drain(one, OURS), drain(one, OURS), drain(other, THEIRS), drain(other, THEIRS)]);
      assert.deepEqual(claimed.toSorted(), idsOf(waiting).toSorted());
    });
  });

  describe('leases', () => {
    test("a dead node's are taken over page by page, and its own saves are then refused", async () => {
      const left = await Promise.all(times(25, () => accepted({ node: THEIRS })));
      await accepted({ node: OURS });
      await accepted({ node: null });
      const taken: StoredTransaction[] = [];
      for (let calls = 0; calls < 3; calls++) taken.push(...(await one.takeOver(THEIRS, OURS, 10)));
      assert.deepEqual(await one.takeOver(THEIRS, OURS, 10), []);
      assert.deepEqual(
        taken.toSorted(byId),
        left.map((stored) => ({ ...stored, node: OURS, version: 2 })).toSorted(byId),
      );
      assert.equal(await other.save(transition(left[0]!, 'I am alive')), false);
      assert.equal(await one.save(transition(taken[0]!, 'rescued')), true);
    });

    test('two rescuers take everything, and nothing twice', async () => {
      const left = await Promise.all(times(300, () => accepted({ node: THEIRS })));
      const taken: TransactionId[] = [];
      const rescue = async (store: TransactionStore, node: NodeId) => {
        let empty = 0;
        while (taken.length < left.length && empty < 1_000) {
          const page = idsOf(await store.takeOver(THEIRS, node, 11));
          taken.push(...page);
          empty = page.length === 0 ? empty + 1 : 0;
        }
      };
      await Promise.all([rescue(one, OURS), rescue(other, 3)]);
      assert.deepEqual(taken.toSorted(), idsOf(left).toSorted());
      const held = [...(await one.leasedTo(OURS, ALL)), ...(await one.leasedTo(3, ALL))];
      assert.deepEqual(held.map(({ id }) => id).toSorted(), idsOf(left).toSorted());
    });

    test('the leases of a node are told, up to a limit', async () => {
      const ours = await Promise.all(times(12, () => accepted({ node: OURS })));
      await accepted({ node: THEIRS });
      const named = ours.map(({ transaction: { accountId, id } }) => ({ accountId, id }));
      const byName = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      assert.deepEqual((await other.leasedTo(OURS, ALL)).toSorted(byName), named.toSorted(byName));
      assert.equal((await other.leasedTo(OURS, 5)).length, 5);
      await one.save({ stored: { ...ours[0]!, node: null }, entries: [] });
      assert.equal((await other.leasedTo(OURS, ALL)).length, 11);
    });
  });

  describe('retention', () => {
    const ended = async (endedAt: Instant) => {
      const stored = await accepted({});
      await one.save(transition(stored, 'over', { name: 'failed', endedAt }));
      return stored.transaction;
    };

    test('what ended before the instant goes, up to the limit in all; the rest stays', async () => {
      const old = await Promise.all(times(30, (index) => ended(NOW - 1 - index)));
      const kept = await ended(NOW);
      const running = (await accepted({})).transaction;
      const counts: number[] = [];
      for (let calls = 0; calls < 5; calls++) counts.push(await one.prune(NOW, 12));
      assert.deepEqual(counts, [12, 12, 6, 0, 0]);
      assert.equal(await one.load('demo', old[0]!.id), null);
      assert.equal(await one.loadByTxnId('demo', old[0]!.txnId), null);
      for (const { id } of [kept, running]) assert.notEqual(await one.load('demo', id), null);
    });

    test('a txnId may be used again once its transaction is forgotten', async () => {
      const { txnId } = await ended(NOW - 1);
      assert.equal((await one.accept(acceptance({ txnId }))).kind, 'repeat');
      await one.prune(NOW, ALL);
      assert.equal((await one.accept(acceptance({ txnId }))).kind, 'accepted');
    });
  });
}

function idsOf(stored: StoredTransaction[]): TransactionId[] {
  return stored.map(({ transaction }) => transaction.id);
}

function byId(a: StoredTransaction, b: StoredTransaction): number {
  return a.transaction.id < b.transaction.id ? -1 : 1;
}
