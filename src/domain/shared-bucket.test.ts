/** Semantics §9: the token bucket, its debt included, and its leases to nodes. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { LEASE_MS, exchange } from './shared-bucket.ts';
import type { Ask, Grant, SharedBucket } from './shared-bucket.ts';

const TEN_A_SECOND = { count: 10, perMs: 1_000, burst: 10 };
const NOW = 1_767_225_600_000;

/** A bucket that asks go to. */
function bucketOf(rate = TEN_A_SECOND) {
  let shared: SharedBucket | null = null;
  return {
    get state() {
      return shared;
    },
    ask: (ask: Partial<Ask>, now = NOW): Grant => {
      const given = { node: 1, rate, used: 0, usedAgoMs: 0, want: 0, leaves: false, ...ask };
      const settled = exchange(shared, given, now);
      shared = settled.shared;
      return settled.grant;
    },
  };
}

describe('semantics §9: a shared bucket', () => {
  test('gives one period’s worth at once, then says for how long there is nothing', () => {
    const bucket = bucketOf();
    assert.deepEqual(bucket.ask({ want: 40 }), { tokens: 10, free: 0, nextInMs: 100, sharers: 1 });
    assert.deepEqual(bucket.ask({ used: 10, want: 1 }), { tokens: 0, free: 0, nextInMs: 100, sharers: 1 });
    assert.equal(bucket.ask({ want: 1 }, NOW + 99).tokens, 0);
    assert.equal(bucket.ask({ want: 1 }, NOW + 100).tokens, 1);
  });

  test('refills with time, never over its brim', () => {
    const bucket = bucketOf();
    bucket.ask({ used: 10 });
    assert.equal(bucket.ask({ want: 40 }, NOW + 500).tokens, 5);
    bucket.ask({ leaves: true }, NOW + 500);
    assert.equal(bucket.ask({ want: 40 }, NOW + 3_600_000).tokens, 10);
  });

  test('what is used without being there is a debt, and is paid back', () => {
    const bucket = bucketOf();
    assert.deepEqual(bucket.ask({ used: 30, want: 1 }), { tokens: 0, free: -20, nextInMs: 2_100, sharers: 1 });
    assert.equal(bucket.ask({ want: 1 }, NOW + 2_099).tokens, 0);
    assert.equal(bucket.ask({ want: 1 }, NOW + 2_100).tokens, 1);
  });

  test('counts what was used from when it was used', () => {
    const bucket = bucketOf();
    assert.equal(bucket.ask({ used: 10, usedAgoMs: 400, want: 10 }).tokens, 4);
  });

  test('sets a node’s lease aside from others, until the node has told or the lease is over', () => {
    const bucket = bucketOf();
    bucket.ask({ node: 1, want: 8 });
    assert.deepEqual(bucket.ask({ node: 2, want: 8 }), { tokens: 2, free: 0, nextInMs: 100, sharers: 2 });
    bucket.ask({ node: 1, used: 3, leaves: true });
    assert.equal(bucket.ask({ node: 2, want: 8 }).tokens, 7);
    const dead = bucketOf();
    dead.ask({ node: 1, want: 10 });
    assert.equal(dead.ask({ node: 2, want: 10 }, NOW + LEASE_MS - 1).tokens, 0);
    assert.deepEqual(dead.ask({ node: 2, want: 10 }, NOW + LEASE_MS), {
      tokens: 10,
      free: 0,
      nextInMs: 100,
      sharers: 1,
    });
  });

  test('what a node holds is its own when it asks again', () => {
    const bucket = bucketOf();
    bucket.ask({ want: 6 });
    assert.equal(bucket.ask({ used: 2, want: 8 }).tokens, 8);
    assert.deepEqual(bucket.state!.leases, [{ node: 1, tokens: 8, until: NOW + LEASE_MS }]);
  });

  test('under a new rate, what was used up stays so, at most as much as the new bucket holds', () => {
    const bucket = bucketOf();
    bucket.ask({ used: 8 });
    assert.equal(bucket.ask({ want: 1_000, rate: { count: 1_000, perMs: 1_000, burst: 1_000 } }).tokens, 992);
    const [full, small] = [bucketOf(), { count: 5, perMs: 1_000, burst: 5 }];
    full.ask({ used: 10 });
    assert.deepEqual(full.ask({ want: 1, rate: small }), { tokens: 0, free: 0, nextInMs: 200, sharers: 1 });
  });

  test('a clock that goes back neither refills nor empties it', () => {
    const bucket = bucketOf();
    bucket.ask({ used: 1 });
    const { fullAt } = bucket.state!;
    bucket.ask({ used: 1 }, NOW - 100);
    assert.equal(bucket.state!.fullAt, fullAt + 100);
  });
});

/** One moment of a node: it takes what it holds, up to `takes`, then asks, or dies with what it holds. */
const moments = fc.array(
  fc.record({
    waitMs: fc.nat(400),
    node: fc.nat(3),
    takes: fc.nat(60),
    want: fc.nat(60),
    what: fc.constantFrom('ask', 'ask', 'ask', 'ask', 'nothing', 'dies'),
  }),
  { minLength: 1, maxLength: 200 },
);
const rates = fc.record({
  count: fc.integer({ min: 1, max: 700 }),
  perMs: fc.constantFrom(1_000, 60_000),
  burst: fc.integer({ min: 1, max: 700 }),
});

test('semantics §9: nodes that take what they hold get no more than burst + rate × time, whatever they do; deaths cost a lease each', () => {
  fc.assert(
    fc.property(rates, moments, (rate, history) => {
      const bucket = bucketOf(rate);
      const nodes = new Map<number, { held: number; used: number; usedAt: number; until: number }>();
      let [now, taken, mayBeTwice] = [NOW, 0, 0];
      for (const { waitMs, node, takes, want, what } of history) {
        now += waitMs;
        const its = nodes.get(node) ?? { held: 0, used: 0, usedAt: now, until: 0 };
        nodes.set(node, its);
        const use = now < its.until ? Math.min(takes, its.held) : 0;
        if (use > 0) its.usedAt = now;
        [its.held, its.used, taken] = [its.held - use, its.used + use, taken + use];
        if (what === 'nothing') continue;
        if (what === 'dies') {
          // What it has used and not told is given out again: so much, and no more, is over the limit.
          mayBeTwice += its.used;
          nodes.delete(node);
          continue;
        }
        // One that is silent for longer than its lease is like one that has died, until it tells.
        if (now >= its.until) mayBeTwice += its.used;
        const { tokens } = bucket.ask({ node, used: its.used, usedAgoMs: now - its.usedAt, want }, now);
        nodes.set(node, { held: tokens, used: 0, usedAt: now, until: now + LEASE_MS });
      }
      for (const { used, until } of nodes.values()) if (now >= until) mayBeTwice += used;
      const most = rate.burst + ((now - NOW) * rate.count) / rate.perMs;
      assert.ok(taken <= most + mayBeTwice + 1e-6, `${taken} of ${most} (${mayBeTwice} untold)`);
    }),
  );
});

test('semantics §9: what nobody uses any more is all there again after a lease and a period', () => {
  fc.assert(
    fc.property(rates, moments, (rate, history) => {
      const bucket = bucketOf(rate);
      let now = NOW;
      for (const { waitMs, node, want } of history) bucket.ask({ node, want }, (now += waitMs));
      const later = now + Math.max(LEASE_MS, (rate.burst * rate.perMs) / rate.count);
      assert.equal(bucket.ask({ node: 9, want: 1_000 }, later).tokens, rate.burst);
    }),
  );
});
