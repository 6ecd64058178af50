import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testTools } from '../../tests/support/provider-tools.ts';
import { originPools } from './origin-pools.ts';

const origin = (n: number) => `http://origin-${n}.example`;
/** A little more than are kept. */
const MANY = 300;

describe('pools of origins', () => {
  test('are shared by origin and by what they may reach', async () => {
    const pools = originPools(testTools().clock);
    const [one, same, other] = [
      pools.borrow(origin(1), true),
      pools.borrow(origin(1), true),
      pools.borrow(origin(1), false),
    ];
    assert.equal(one.pool, same.pool);
    assert.notEqual(one.pool, other.pool);
    for (const { release } of [one, same, other]) release();
    await pools.close();
  });

  test('are bounded: the one that was used least recently gives way, once its calls are over', async () => {
    const pools = originPools(testTools().clock);
    const busy = pools.borrow(origin(0), true);
    const used = pools.borrow(origin(1), true);
    for (let n = 2; n < MANY; n++) {
      pools.borrow(origin(n), true).release();
      pools.borrow(origin(1), true).release();
    }
    assert.equal(busy.pool.closed, true);
    assert.notEqual(pools.borrow(origin(0), true).pool, busy.pool);
    assert.equal(used.pool.closed, false);
    busy.release();
    await pools.close();
    assert.equal(used.pool.closed, true);
  });

  test('are given up after a minute without calls, and not while one is under way', () => {
    const tools = testTools();
    const pools = originPools(tools.clock);
    const first = pools.borrow(origin(1), true);
    const second = pools.borrow(origin(1), true);
    first.release();
    tools.pass(60_000);
    assert.equal(first.pool.closed, false);
    second.release();
    tools.pass(59_999);
    const third = pools.borrow(origin(1), true);
    assert.equal(third.pool, first.pool);
    tools.pass(60_000);
    assert.equal(first.pool.closed, false);
    third.release();
    tools.pass(60_000);
    assert.equal(first.pool.closed, true);
  });
});
