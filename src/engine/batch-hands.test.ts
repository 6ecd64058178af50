import assert from 'node:assert/strict';
import test from 'node:test';
import { testClock } from '../../tests/support/clock.ts';
import { membersInHand } from './batch-hands.ts';

/** Hands of which the test says what they hold. */
function handsOf() {
  const clock = testClock();
  const held = new Set<string>();
  let singles = 0;
  const advancer = { isHeld: (id: string) => held.has(id), size: () => held.size, singles: () => singles };
  const hands = membersInHand(() => advancer, clock);
  /** Takes members while there is room, at most so many. */
  const fill = (batch: string, most: number): number => {
    let count = 0;
    for (; count < most && hands.haveRoom(batch); count++) {
      const id = `${batch} ${held.size}`;
      held.add(id);
      hands.took(batch, id);
    }
    return count;
  };
  const single = (count: number) => (singles = count);
  return { clock, held, hands, fill, single };
}

test('batches together fill the window, and no more until some are done', () => {
  const { held, fill } = handsOf();
  assert.equal(fill('a', 60) + fill('b', 1_000), 150);
  for (const id of [...held].slice(0, 10)) held.delete(id);
  assert.equal(fill('b', 1_000), 10);
});

test('a provider that hangs holds up its own batch, and no other', () => {
  const { clock, held, fill } = handsOf();
  let ofA = 0;
  for (let turn = 0; turn < 10; turn++) {
    ofA += fill('a', 1_000);
    clock.advance(500);
  }
  assert.equal(ofA, 250);
  assert.equal(fill('b', 1_000), 150);
  held.clear();
  assert.equal(fill('a', 1_000), 150);
});

test('slow acceptances leave fewer places while there are single transactions, and a second longer', () => {
  const { clock, held, hands, fill, single } = handsOf();
  for (let count = 0; count < 100; count++) hands.acceptanceTook(200);
  single(1);
  assert.equal(fill('a', 1_000), 20);
  single(0);
  held.clear();
  assert.equal(fill('a', 1_000), 20);
  clock.advance(1_000);
  held.clear();
  assert.equal(fill('a', 1_000), 150);
});
