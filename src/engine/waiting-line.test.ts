import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { waitingLine } from './waiting-line.ts';

test('those who wait are taken out in their order, without those who were turned away', () => {
  const steps = fc.array(fc.oneof(fc.constant('push'), fc.constant('shift'), fc.nat(5_000)), { maxLength: 5_000 });
  fc.assert(
    fc.property(steps, (all) => {
      const line = waitingLine();
      let expected: number[] = [];
      const turnAways: (() => void)[] = [];
      const told: [number, boolean][] = [];
      for (const step of all) {
        if (step === 'push') {
          const number = turnAways.length;
          turnAways.push(line.push((comesIn) => told.push([number, comesIn])));
          expected.push(number);
        } else if (step === 'shift') {
          if (line.length() === 0) continue;
          line.shift()(true);
          assert.deepEqual(told.pop(), [expected.shift(), true]);
        } else if (turnAways.length > 0) {
          const number = step % turnAways.length;
          turnAways[number]!();
          const wasThere = expected.includes(number);
          assert.deepEqual(told.splice(0), wasThere ? [[number, false]] : []);
          expected = expected.filter((other) => other !== number);
        }
        assert.equal(line.length(), expected.length);
      }
    }),
    { numRuns: 50 },
  );
});

test('a long line that is emptied from the front stays cheap', () => {
  const line = waitingLine();
  let sum = 0;
  for (let n = 0; n < 200_000; n++) line.push(() => sum++);
  const startedAt = performance.now();
  while (line.length() > 0) line.shift()(true);
  assert.equal(sum, 200_000);
  assert.ok(performance.now() - startedAt < 5_000);
});
