/** What every store of nodes promises (src/ports/node-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { NodeStore } from '#ports/node-store.ts';
import { times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** Longer than a test. */
const HOUR_MS = 3_600_000;

/** Runs the suite. `silence` makes the database believe that the node has been silent for so long. */
export function describeNodeStore(
  name: string,
  make: TwoNodes<NodeStore>,
  silence: (node: number, silentMs: number) => Promise<void>,
): void {
  let one: NodeStore;
  let other: NodeStore;

  describe(`${name} keeps the promises of a node store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('no id is given twice, not even after its node has left', async () => {
      const ids = await Promise.all(times(20, (index) => (index % 2 ? one : other).join('same name')));
      await one.leave(ids[0]!);
      ids.push(await one.join(AWKWARD));
      assert.equal(new Set(ids).size, 21);
    });

    test('a node that beats is not dead; one that is silent is, until it beats or leaves', async () => {
      const [living, silent, gone] = [await one.join('a'), await one.join('b'), await one.join('c')];
      assert.deepEqual(await other.dead(HOUR_MS), []);
      for (const node of [living, silent, gone]) await silence(node, HOUR_MS + 60_000);
      assert.deepEqual(await other.dead(HOUR_MS), [living, silent, gone]);
      assert.equal(await one.beat(living), true);
      await other.leave(gone);
      assert.deepEqual(await other.dead(HOUR_MS), [silent]);
      assert.deepEqual(await other.dead(2 * HOUR_MS), []);
    });

    test('a node that was removed learns it at its next beat', async () => {
      const node = await one.join('a');
      await other.leave(node);
      assert.equal(await one.beat(node), false);
      assert.deepEqual(await other.dead(0), []);
      await other.leave(node);
    });
  });
}
