/** What every store of suppression lists promises (src/ports/suppression-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { messageId } from '#domain/ids.ts';
import type { Suppression } from '#domain/suppression.ts';
import type { SuppressionFilter, SuppressionStore } from '#ports/suppression-store.ts';
import { acceptance, NOW, times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

let made = 0;

/** An entry of an address that no other has. */
export function suppression(changes: Partial<Suppression> = {}): Suppression {
  const address = `user-${++made}@shop.example`;
  const what = { reason: 'hard_bounce', at: NOW + made, providerId: 'mail', messageId: null } as const;
  return { accountId: 'demo', channel: 'email', address, ...what, ...changes };
}

/** Runs the suite. */
export function describeSuppressionStore(name: string, make: TwoNodes<SuppressionStore>): void {
  describe(`${name} keeps the promises of a suppression store`, () => {
    let one: SuppressionStore;
    let other: SuppressionStore;
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('what is put is there for all nodes, as it was', async () => {
      const about = messageId(acceptance().stored.transaction.id, 1);
      const entry = suppression({ accountId: AWKWARD, address: AWKWARD, providerId: AWKWARD, messageId: about });
      await one.put(entry);
      assert.deepEqual(await other.find(entry), {
        ...entry,
        address: AWKWARD.replaceAll('\0', '\ufffd').toWellFormed(),
      });
      assert.equal(await other.has(entry), true);
    });

    test('an address is suppressed in its account and on its channel alone', async () => {
      const entry = suppression();
      await one.put(entry);
      for (const change of [{ accountId: 'shop' }, { channel: 'sms' }, { address: 'x@shop.example' }] as const) {
        assert.equal(await one.has({ ...entry, ...change }), false);
        assert.equal(await one.find({ ...entry, ...change }), null);
      }
    });

    test('what was said last of an address counts, also when it is said many times at once', async () => {
      const entry = suppression();
      const later = { ...entry, reason: 'complaint', at: entry.at + 1, providerId: null } as const;
      await one.put(entry);
      await other.put(later);
      assert.deepEqual(await one.find(entry), later);
      await Promise.all(times(50, (index) => (index % 2 ? one : other).put(entry)));
      assert.deepEqual(await one.find(entry), entry);
    });

    test('many are asked for at once, and each gets its own answer', async () => {
      const entries = times(600, () => suppression());
      await Promise.all(entries.filter((_, index) => index % 3 === 0).map((entry) => one.put(entry)));
      const answers = await Promise.all(entries.map((entry) => other.has(entry)));
      assert.deepEqual(
        answers,
        entries.map((_, index) => index % 3 === 0),
      );
    });

    test('what is removed is gone, once', async () => {
      const entry = suppression();
      await one.put(entry);
      assert.equal(await other.remove(entry), true);
      assert.equal(await one.has(entry), false);
      assert.equal(await one.remove(entry), false);
    });

    test('lists are newest first, page after page, each entry once', async () => {
      const at = NOW + 7;
      const entries = times(25, (index) => suppression({ at: at + Math.floor(index / 5) }));
      entries.push(suppression({ channel: 'sms', address: '+919999999999', at, reason: 'manual' }));
      await Promise.all([...entries, suppression({ accountId: 'shop' })].map((entry) => one.put(entry)));
      const all = async (filter: SuppressionFilter) => {
        const found: Suppression[] = [];
        for (let cursor: string | null = null; ;) {
          const page = await other.list(filter, 4, cursor);
          assert.ok(page.data.length <= 4);
          found.push(...page.data);
          if (page.next === null) return found;
          cursor = page.next;
        }
      };
      const found = await all({ accountId: 'demo' });
      assert.equal(found.length, 26);
      assert.deepEqual(new Set(found.map(({ address }) => address)), new Set(entries.map(({ address }) => address)));
      assert.deepEqual(
        found.map((entry) => entry.at),
        found.map((entry) => entry.at).toSorted((a, b) => b - a),
      );
      assert.equal((await all({ accountId: 'demo', channel: 'email' })).length, 25);
      assert.deepEqual(await all({ accountId: 'demo', reason: 'manual' }), [entries[25]]);
      assert.deepEqual(await all({ accountId: 'nobody' }), []);
    });

    test('a channel that comes into use is told once to whoever follows, and to whoever begins later', async () => {
      const before = await other.used(null);
      assert.deepEqual(before.channels, []);
      await Promise.all(times(5, () => one.use({ accountId: 'demo', channel: 'sms' })));
      const news = await other.used(before.readAt);
      assert.deepEqual(news.channels, [{ accountId: 'demo', channel: 'sms' }]);
      assert.ok(news.readAt >= before.readAt);
      assert.deepEqual((await one.used(null)).channels, [{ accountId: 'demo', channel: 'sms' }]);
      assert.deepEqual((await one.used(news.readAt + 3_600_000)).channels, []);
    });
  });
}
