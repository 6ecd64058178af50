/** Who comes through a gate, and in which order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testClock } from '../../tests/support/clock.ts';
import { createGate } from './gate.ts';

/** A gate with so many tokens, and a record of who came in. */
function limited(tokens: number, waitingMax: number) {
  const clock = testClock();
  const gate = createGate();
  const purse = { tokens };
  const tryTake = () => purse.tokens > 0 && purse.tokens-- > 0;
  gate.setLimits({ clock, tryTake, giveBack: () => purse.tokens++, waitingMax: () => waitingMax });
  gate.widen(100);
  const came: string[] = [];
  const enter = (name: string, isBulk = false) =>
    void gate.enter(isBulk).then((comesIn) => came.push(comesIn ? name : `${name} away`));
  /** Lets so many tokens come. */
  const bring = async (count: number) => {
    purse.tokens += count;
    gate.admit();
    await Promise.resolve();
  };
  return { gate, clock, came, enter, bring, purse };
}

describe('a gate without limits', () => {
  test('lets as many in as it is wide, and all others wait their turn', async () => {
    const gate = createGate();
    gate.widen(2);
    const came: number[] = [];
    for (let n = 0; n < 5; n++) void gate.enter(n % 2 === 0).then((comesIn) => comesIn && came.push(n));
    await Promise.resolve();
    assert.deepEqual(came, [0, 1]);
    gate.leave();
    gate.widen(3);
    await Promise.resolve();
    // The single transaction first, then the batch's.
    assert.deepEqual(came, [0, 1, 3, 2]);
    assert.equal(gate.room(true), Infinity);
    gate.close();
    gate.leave();
    await Promise.resolve();
    assert.deepEqual(came.at(-1), 4);
  });
});

describe('a gate with limits', () => {
  test('lets singles in before those of batches, of which one in ten comes all the same', async () => {
    const { came, enter, bring } = limited(0, 100);
    for (let n = 0; n < 4; n++) enter(`b${n}`, true);
    for (let n = 0; n < 25; n++) enter(`s${n}`);
    await bring(29);
    assert.deepEqual(came.slice(0, 11).join(' '), 's0 s1 s2 s3 s4 s5 s6 s7 s8 b0 s9');
    assert.deepEqual(came.slice(18).join(' '), 's17 b1 s18 s19 s20 s21 s22 s23 s24 b2 b3');
  });

  test('keeps few waiting: singles behind singles, batches behind all, but one', async () => {
    const { gate, came, enter } = limited(0, 3);
    assert.deepEqual([gate.room(false), gate.room(true)], [2, 2]);
    for (const name of ['b0', 'b1', 'b2', 'b3']) enter(name, true);
    await Promise.resolve();
    assert.deepEqual(came, ['b3 away']);
    for (const name of ['s0', 's1', 's2', 's3']) enter(name);
    await Promise.resolve();
    assert.deepEqual(came, ['b3 away', 's3 away']);
    assert.deepEqual([gate.room(false), gate.room(true)], [0, 0]);
  });

  test('always has room for one of a batch, so that its turn can come', () => {
    const { gate, enter } = limited(0, 4);
    for (const name of ['s0', 's1', 's2', 's3']) enter(name);
    assert.deepEqual([gate.room(false), gate.room(true)], [0, 1]);
    gate.announce(1, true);
    assert.equal(gate.room(true), 0);
  });

  test('counts those on their way until they are there, or have not come for long', () => {
    const { gate, clock, enter } = limited(0, 20);
    gate.announce(8, false);
    assert.equal(gate.room(false), 2);
    enter('s0');
    assert.equal(gate.room(false), 2);
    clock.advance(1_000);
    assert.equal(gate.room(false), 9);
  });

  test('turns away who has waited for two seconds', async () => {
    const { clock, came, enter, bring } = limited(0, 10);
    enter('early');
    clock.advance(1_000);
    enter('late');
    clock.advance(1_000);
    await bring(1);
    assert.deepEqual(came, ['early away', 'late']);
  });

  test('gives the token of a call that was not made to the next one', async () => {
    const { gate, came, enter, purse } = limited(1, 10);
    enter('first');
    enter('second');
    await Promise.resolve();
    assert.deepEqual(came, ['first']);
    gate.leave(true);
    await Promise.resolve();
    assert.deepEqual(came, ['first', 'second']);
    gate.leave();
    assert.equal(purse.tokens, 0);
  });

  test('turns all away when it closes, and those who come after', async () => {
    const { gate, came, enter } = limited(0, 10);
    enter('one');
    enter('two', true);
    gate.close();
    enter('three');
    await Promise.resolve();
    assert.deepEqual(came.toSorted(), ['one away', 'three away', 'two away']);
  });

  test('takes no token while it is full of calls', async () => {
    const { gate, purse, enter } = limited(5, 10);
    gate.widen(1);
    enter('a');
    enter('b');
    assert.equal(purse.tokens, 4);
    assert.equal(gate.demand(), 0);
    gate.widen(2);
    assert.equal(purse.tokens, 3);
  });
});
