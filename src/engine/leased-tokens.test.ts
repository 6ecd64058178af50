/** Semantics §9: several nodes on one bucket, in a simulated time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { testClock } from '../../tests/support/clock.ts';
import { memoryTokenStore } from '../../tests/support/memory-token-store.ts';
import { LEASE_MS } from '#domain/shared-bucket.ts';
import { leasedTokens } from './leased-tokens.ts';
import type { LeasedTokens } from './leased-tokens.ts';

const STEP_MS = 10;
const TICK_MS = 250;

/** Nodes that share a bucket, and what they have taken. */
function worldOf(rate: { count: number; perMs: number }, nodes: number) {
  const clock = testClock();
  const store = memoryTokenStore(clock);
  const full = { ...rate, burst: rate.count };
  const all = Array.from({ length: nodes }, (_, node) => {
    const tools = { tokens: store, clock, node: () => node, onActive: () => undefined };
    return { tokens: leasedTokens(tools, 'it', full), taken: 0, refused: 0 };
  });
  const startedAt = clock.now();

  /** Lets each node be asked so often a second, for so long. */
  async function run(ms: number, perSecond: number[]): Promise<void> {
    const due = perSecond.map(() => 0);
    const until = clock.now() + ms;
    while (clock.now() < until) {
      clock.advance(STEP_MS);
      const tries = all.flatMap((node, index) => {
        due[index] = due[index]! + (perSecond[index]! * STEP_MS) / 1_000;
        const now = Math.floor(due[index]);
        due[index] = due[index] - now;
        return Array.from({ length: now }, () => tryOne(node));
      });
      await Promise.all(tries);
      if ((clock.now() - startedAt) % TICK_MS === 0) await Promise.all(all.map(({ tokens }) => tokens.tick()));
    }
  }

  async function tryOne(node: { tokens: LeasedTokens; taken: number; refused: number }): Promise<void> {
    if (await node.tokens.take()) node.taken++;
    else node.refused++;
  }

  return {
    clock,
    store,
    all,
    run,
    taken: () => all.reduce((sum, { taken }) => sum + taken, 0),
    most: () => rate.count + ((clock.now() - startedAt) * rate.count) / rate.perMs,
  };
}

describe('semantics §9: a bucket that nodes lease from', () => {
  test('gives all nodes together what the limit allows, to within a tenth, however the requests are spread', async () => {
    const rates = fc.record({ count: fc.integer({ min: 20, max: 2_000 }), perMs: fc.constantFrom(1_000, 60_000) });
    const shares = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rates, shares, fc.constantFrom(1.2, 3), async (rate, spread, over) => {
        const weights = spread.every((one) => one === 0) ? [1] : spread;
        const world = worldOf(rate, weights.length);
        const sum = weights.reduce((a, b) => a + b, 0);
        // The bucket is full at first: as much as twice the rate, and more, is wanted in the time.
        const wanted = (2 * over * rate.count * 1_000) / rate.perMs;
        const perSecond = weights.map((weight) => (Math.max(wanted, 40) * weight) / sum);
        await world.run(4_000, perSecond);
        const asked = world.taken() + world.all.reduce((all, { refused }) => all + refused, 0);
        const most = world.most();
        assert.ok(world.taken() <= most + 1e-6, `${world.taken()} of ${most}`);
        assert.ok(world.taken() >= Math.min(asked, most) * 0.9 - 2, `only ${world.taken()} of ${most}`);
      }),
      { numRuns: 40 },
    );
  });

  test('is asked some dozen times a second by each node, however many requests there are', async () => {
    const world = worldOf({ count: 1_000, perMs: 1_000 }, 2);
    await world.run(4_000, [2_900, 2_900]);
    assert.ok(world.taken() > 4_500);
    assert.ok(world.store.asks <= 4 * 2 * 60, `${world.store.asks} asks`);
  });

  test('a node that nobody asks gives back what it holds', async () => {
    const world = worldOf({ count: 100, perMs: 3_600_000 }, 2);
    await world.run(500, [100, 0]);
    await world.run(2_000, [0, 0]);
    const before = world.taken();
    await world.run(1_000, [0, 200]);
    assert.equal(before + world.all[1]!.taken, 100);
  });

  test('what a dead node held is there again when its lease is over', async () => {
    const world = worldOf({ count: 100, perMs: 3_600_000 }, 2);
    const [dead, living] = world.all.map(({ tokens }) => tokens);
    await Promise.all(Array.from({ length: 10 }, () => dead!.take()));
    world.clock.advance(LEASE_MS);
    let taken = 0;
    while (await living!.take()) taken++;
    // What it had used and not told is given out again.
    assert.ok(taken >= 90 && taken <= 100, String(taken));
  });

  test('a node whose lease is over takes nothing from it', async () => {
    const world = worldOf({ count: 1_000, perMs: 3_600_000 }, 1);
    await world.run(1_000, [400]);
    const { tokens } = world.all[0]!;
    assert.equal(tokens.tryTake(), true);
    world.clock.advance(LEASE_MS);
    assert.equal(tokens.tryTake(), false);
  });

  test('while the bucket cannot be asked, what is held can be taken, and all that was used is told later', async () => {
    const world = worldOf({ count: 1_000, perMs: 3_600_000 }, 1);
    await world.run(500, [400]);
    const before = world.taken();
    world.store.fault = new Error('away');
    await assert.rejects(world.run(3_000, [400]), /away/);
    world.store.fault = null;
    world.clock.advance(1_000);
    const { tokens, taken } = world.all[0]!;
    assert.ok(taken > before);
    await tokens.look();
    assert.equal(tokens.standing().remaining, 1_000 - taken);
  });

  test('debts are told, and leave nothing to others', async () => {
    const world = worldOf({ count: 10, perMs: 3_600_000 }, 2);
    const [one, other] = world.all.map(({ tokens }) => tokens);
    assert.equal(await one!.take(), true);
    one!.use(11);
    await one!.close();
    assert.equal(await other!.take(), false);
    assert.deepEqual(other!.standing(), { remaining: 0, retryAfterMs: 3 * 360_000 });
  });
});
