/** What every store of counters promises (src/ports/stats-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Count, StatsStore } from '#ports/stats-store.ts';
import { NOW, times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

const HOUR_MS = 3_600_000;

function counted(changes: Partial<Count> = {}): Count {
  return {
    accountId: 'demo',
    hour: NOW,
    campaignId: '~a',
    channel: 'sms',
    what: 'message.accepted',
    count: 1,
    ...changes,
  };
}

/** Runs the suite. */
export function describeStatsStore(name: string, make: TwoNodes<StatsStore>): void {
  let one: StatsStore;
  let other: StatsStore;

  describe(`${name} keeps the promises of a stats store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('counts of two nodes add up, in whatever order they are given', async () => {
      const kinds = times(50, (index) =>
        counted({ what: `kind.${index % 10}`, campaignId: `~${index}`, count: index }),
      );
      await Promise.all(times(20, (index) => (index % 2 ? one.add(kinds) : other.add(kinds.toReversed()))));
      const read = new Map((await one.read('demo', NOW)).map((count) => [count.campaignId, count]));
      assert.equal(read.size, 50);
      for (const kind of kinds) assert.deepEqual(read.get(kind.campaignId), { ...kind, count: kind.count * 20 });
    });

    test('the same kind twice in one go is added up', async () => {
      await one.add([counted({ count: 2 }), counted({ count: 3 })]);
      assert.deepEqual(await other.read('demo', NOW), [counted({ count: 5 })]);
    });

    test('every word of a kind tells it apart', async () => {
      const kinds = [
        counted(),
        counted({ hour: NOW + HOUR_MS }),
        counted({ campaignId: '' }),
        counted({ channel: '' }),
        counted({ what: AWKWARD }),
      ];
      await one.add([...kinds, counted({ accountId: 'acme' })]);
      const read = await other.read('demo', NOW);
      const inOrder = (counts: Count[]) => counts.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      assert.deepEqual(inOrder(read.map((count) => ({ ...counted(), ...count }))), inOrder(kinds));
      assert.deepEqual(await other.read('acme', NOW), [counted({ accountId: 'acme' })]);
    });

    test('what is older than asked for is not read; large counts stay exact', async () => {
      await one.add([counted({ hour: NOW - HOUR_MS }), counted({ count: 4_000_000_000 })]);
      await one.add([counted({ count: 4_000_000_001 })]);
      assert.deepEqual(await other.read('demo', NOW), [counted({ count: 8_000_000_001 })]);
      assert.deepEqual(await other.read('nobody', 0), []);
    });

    test('nothing to add is nothing', async () => {
      await one.add([]);
      assert.deepEqual(await one.read('demo', 0), []);
    });
  });
}
