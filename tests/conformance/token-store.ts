/** What every store of token buckets promises (src/ports/token-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Ask, Grant } from '#domain/shared-bucket.ts';
import type { TokenStore } from '#ports/token-store.ts';
import { times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** So slow that no token comes back during a test. */
const RATE = { count: 100, perMs: 360_000_000, burst: 100 };

/** Runs the suite. `age` makes the store believe that the bucket was asked so long ago, and its leases are as much older. */
export function describeTokenStore(
  name: string,
  make: TwoNodes<TokenStore>,
  age: (bucket: string, ageMs: number) => Promise<void>,
): void {
  let one: TokenStore;
  let other: TokenStore;

  const ask = (store: TokenStore, bucket: string, changes: Partial<Ask>): Promise<Grant> =>
    store.exchange(bucket, { node: 1, rate: RATE, used: 0, usedAgoMs: 0, want: 0, leaves: false, ...changes });
  const whole = ({ tokens, free }: Grant) => [tokens, Math.round(free)];

  describe(`${name} keeps the promises of a token store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('what one node holds or has used, another does not get', async () => {
      assert.deepEqual(whole(await ask(one, 'limit', { want: 60 })), [60, 40]);
      assert.deepEqual(whole(await ask(other, 'limit', { node: 2, want: 60 })), [40, 0]);
      assert.deepEqual(whole(await ask(one, 'limit', { used: 10, leaves: true })), [0, 50]);
      const { sharers } = await ask(other, 'limit', { node: 2, want: 40 });
      assert.equal(sharers, 1);
    });

    test('each name is a bucket of its own, whatever it looks like', async () => {
      const names = ['a', 'A', '', AWKWARD.slice(0, 100), '["a","b"]'];
      await Promise.all(names.map((bucket, index) => ask(one, bucket, { used: index })));
      const free = await Promise.all(names.map(async (bucket) => whole(await ask(other, bucket, {}))[1]));
      assert.deepEqual(free, [100, 99, 98, 97, 96]);
    });

    test('asks at the same time, of one node and of several, are each counted once', async () => {
      const asks = times(60, (index) => ask(index % 2 ? one : other, 'busy', { node: index % 7, used: 1 }));
      await Promise.all(asks);
      assert.deepEqual(whole(await ask(one, 'busy', {})), [0, 40]);
    });

    test('nodes that take a bucket they both want to themselves do not both get it', async () => {
      const grants = await Promise.all(times(10, (node) => ask(node % 2 ? one : other, 'all', { node, want: 100 })));
      assert.equal(
        grants.reduce((sum, { tokens }) => sum + tokens, 0),
        100,
      );
    });

    test('a lease that was not renewed comes back', async () => {
      await ask(one, 'dead', { want: 100 });
      assert.equal((await ask(other, 'dead', { node: 2, want: 10 })).tokens, 0);
      await age('dead', 60_000);
      assert.equal((await ask(other, 'dead', { node: 2, want: 10 })).tokens, 10);
    });

    test('a bucket that nobody has asked for long is forgotten, another is not', async () => {
      await ask(one, 'old', { used: 50 });
      await ask(one, 'new', { used: 50 });
      await age('old', 60_000);
      await other.prune(30_000);
      assert.equal((await ask(one, 'old', { want: 100 })).tokens, 100);
      assert.equal((await ask(one, 'new', { want: 100 })).tokens, 50);
    });
  });
}
