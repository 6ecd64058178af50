/** The list of transactions: newest first, narrowed, page by page. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { StoredTransaction, TransactionFilter, TransactionStore } from '#ports/transaction-store.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import type { AcceptanceChanges } from '../support/acceptance.ts';
import type { TwoNodes } from './transaction-store.ts';

const ALL = 200;

/** Part of the suite of a transaction store. */
export function describeTransactionList(make: TwoNodes<TransactionStore>): void {
  let one: TransactionStore;
  let other: TransactionStore;
  beforeEach(async () => {
    [one, other] = await make();
  });
  const accepted = async (changes: AcceptanceChanges): Promise<StoredTransaction> => {
    const given = acceptance(changes);
    await one.accept(given);
    return given.stored;
  };
  const txnIds = async (filter: TransactionFilter) =>
    (await other.list(filter, ALL, null)).data.map(({ transaction }) => transaction.txnId);

  describe('the list', () => {
    test('is newest first, whole, and of one account', async () => {
      const all = await Promise.all(times(40, (index) => accepted({ createdAt: NOW + ((index * 7) % 40) })));
      await accepted({ accountId: 'acme' });
      const newestFirst = all.toSorted((a, b) => b.transaction.createdAt - a.transaction.createdAt);
      assert.deepEqual(await other.list({ accountId: 'demo' }, ALL, null), { data: newestFirst, next: null });
      assert.deepEqual(await other.list({ accountId: 'nobody' }, ALL, null), { data: [], next: null });
    });

    test('is narrowed by state, user, campaign and time, and by all of them', async () => {
      const ana = await accepted({ txnId: 'ana', userId: 'ana', campaignIds: ['~x', '~y'], createdAt: NOW });
      await accepted({ txnId: 'bob', userId: 'bob', campaignIds: ['~y'], createdAt: NOW + 1 });
      await accepted({ txnId: 'eve', userId: 'eve', campaignIds: ['~z'], createdAt: NOW + 2 });
      await one.save(transition(ana, 'over', { name: 'failed', endedAt: NOW }));
      assert.deepEqual(await txnIds({ accountId: 'demo', state: 'failed' }), ['ana']);
      assert.deepEqual(await txnIds({ accountId: 'demo', state: 'running' }), ['eve', 'bob']);
      assert.deepEqual(await txnIds({ accountId: 'demo', userId: 'bob' }), ['bob']);
      assert.deepEqual(await txnIds({ accountId: 'demo', campaignId: '~y' }), ['bob', 'ana']);
      assert.deepEqual(await txnIds({ accountId: 'demo', campaignId: 'y' }), []);
      assert.deepEqual(await txnIds({ accountId: 'demo', since: NOW + 1 }), ['eve', 'bob']);
      const narrow = { accountId: 'demo', state: 'failed', userId: 'ana', campaignId: '~x', since: NOW };
      assert.deepEqual(await txnIds(narrow), ['ana']);
      assert.deepEqual(await txnIds({ ...narrow, campaignId: '~z' }), []);
    });

    test('goes on from page to page, whatever is accepted meanwhile', async () => {
      const old = await Promise.all(times(25, (index) => accepted({ createdAt: NOW + index })));
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await other.list({ accountId: 'demo' }, 10, cursor);
        seen.push(...page.data.map(({ transaction }) => transaction.id));
        cursor = page.next;
        await accepted({ createdAt: NOW + 1_000 });
      } while (cursor !== null);
      assert.deepEqual(seen, old.map(({ transaction }) => transaction.id).toReversed());
    });

    test('has no next page after exactly one', async () => {
      await Promise.all(times(10, (index) => accepted({ createdAt: NOW + index })));
      assert.equal((await other.list({ accountId: 'demo' }, 10, null)).next, null);
      assert.notEqual((await other.list({ accountId: 'demo' }, 9, null)).next, null);
    });
  });
}
