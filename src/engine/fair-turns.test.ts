import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TURN_MS, fairTurns } from './fair-turns.ts';
import type { FairTurns } from './fair-turns.ts';

/** A thread whose work takes as long as it says, and whose turns end when the test says. */
function scene(): {
  turns: FairTurns;
  done: string[];
  work(name: string, ms: number): () => string;
  endTurn(): boolean;
  idle(ms: number): void;
  pausesMs: number[];
} {
  let nowMs = 0;
  const ends: (() => void)[] = [];
  const pausesMs: number[] = [];
  const done: string[] = [];
  return {
    turns: fairTurns(
      () => nowMs,
      (callback, ms) => {
        ends.push(callback);
        pausesMs.push(ms);
      },
    ),
    done,
    pausesMs,
    idle: (ms) => {
      nowMs += ms;
    },
    work: (name, ms) => () => {
      nowMs += ms;
      done.push(name);
      return name;
    },
    endTurn: () => {
      const callback = ends.shift();
      callback?.();
      return callback !== undefined;
    },
  };
}

describe('fair turns', () => {
  test('do at once what takes little, without a promise', () => {
    const { turns, work, endTurn } = scene();
    for (let n = 0; n < 5; n++) assert.equal(turns.run('shop', work(`${n}`, 1)), `${n}`);
    assert.equal(endTurn(), false);
  });

  test('do at once what takes less than half of the time, however often', () => {
    const { turns, work, idle, endTurn } = scene();
    for (let n = 0; n < 50; n++) {
      assert.equal(turns.run('shop', work(`${n}`, TURN_MS - 1)), `${n}`);
      idle(TURN_MS - 1);
    }
    assert.equal(endTurn(), false);
  });

  test('pause for as long as the work took', () => {
    const { turns, work, endTurn, pausesMs } = scene();
    for (const ms of [TURN_MS, 30, 20, 1]) void turns.run('shop', work('', ms));
    while (endTurn());
    assert.deepEqual(pausesMs, [TURN_MS, 30, 20]);
  });

  test('let the thread go once its time is up, and go on in order', async () => {
    const { turns, done, work, endTurn } = scene();
    const half = TURN_MS / 2;
    const results = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => turns.run('shop', work(name, half)));
    assert.deepEqual(done, ['a', 'b']);
    assert(endTurn());
    assert.deepEqual(done, ['a', 'b', 'c', 'd']);
    const late = turns.run('shop', work('late', 1));
    assert(endTurn());
    assert.deepEqual(done, ['a', 'b', 'c', 'd', 'e', 'f']);
    assert(endTurn());
    const names = await Promise.all([...results, late].map(async (name) => name));
    assert.deepEqual(names, ['a', 'b', 'c', 'd', 'e', 'f', 'late']);
    assert.equal(endTurn(), false);
  });

  test('what takes longer than a turn is alone in it', () => {
    const { turns, done, work, endTurn } = scene();
    for (const name of ['a', 'b', 'c']) void turns.run('shop', work(name, 3 * TURN_MS));
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      assert.deepEqual(done, expected);
      endTurn();
    }
  });

  test('tenants take turns', () => {
    const { turns, done, work, endTurn } = scene();
    for (const name of ['a1', 'a2', 'a3', 'a4']) void turns.run('a', work(name, TURN_MS));
    for (const name of ['b1', 'b2']) void turns.run('b', work(name, TURN_MS));
    void turns.run('c', work('c1', TURN_MS));
    while (endTurn());
    assert.deepEqual(done, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  test('a fault is its caller’s, at once and later; others go on', async () => {
    const { turns, work, endTurn } = scene();
    const fails = (): never => {
      work('fault', TURN_MS)();
      throw new Error('mine');
    };
    assert.throws(() => turns.run('shop', fails), /mine/);
    const later = assert.rejects(Promise.resolve(turns.run('shop', fails)), /mine/);
    const other = turns.run('shop', work('other', 1));
    while (endTurn());
    await later;
    assert.equal(await other, 'other');
  });

  test('serve input and output between turns', async () => {
    const turns = fairTurns();
    const busy = (): void => {
      const until = performance.now() + TURN_MS;
      while (performance.now() < until);
    };
    const results = Array.from({ length: 5 }, () => turns.run('shop', busy));
    const over = new AbortController();
    let served = 0;
    const others = (async () => {
      for (; !over.signal.aborted; served++) await nextTurn();
    })();
    await Promise.all(results.map(async (result) => result));
    over.abort();
    await others;
    assert(served >= 4, `${served} turns of others`);
  });
});
