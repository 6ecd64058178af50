/** Semantics §9: the token bucket, its debt included. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { formatRate, parseRate, take, use } from './rate-bucket.ts';

const TEN_A_SECOND = { count: 10, perMs: 1_000 };
const NOW = 1_767_225_600_000;

/** Takes one token at a time until one is refused. */
function takeAll(fullAt: number, now: number): { taken: number; fullAt: number; retryAfterMs: number } {
  let [taken, at] = [0, fullAt];
  for (;;) {
    const answer = take(TEN_A_SECOND, at, now, 1);
    if (!answer.allowed) return { taken, fullAt: at, retryAfterMs: answer.retryAfterMs };
    [taken, at] = [taken + 1, answer.fullAt];
  }
}

describe('semantics §9: rate bucket', () => {
  test('a full bucket gives one period’s worth, then refuses and says for how long', () => {
    const { taken, fullAt, retryAfterMs } = takeAll(0, NOW);
    assert.deepEqual([taken, fullAt, retryAfterMs], [10, NOW + 1_000, 100]);
  });

  test('what remains is counted down', () => {
    assert.equal(take(TEN_A_SECOND, 0, NOW, 1).remaining, 9);
    assert.equal(take(TEN_A_SECOND, NOW + 900, NOW, 1).remaining, 0);
  });

  test('a refusal uses nothing up, and waiting as told helps', () => {
    const refused = take(TEN_A_SECOND, NOW + 1_000, NOW, 1);
    assert.deepEqual(refused, { allowed: false, fullAt: NOW + 1_000, remaining: 0, retryAfterMs: 100 });
    assert.equal(take(TEN_A_SECOND, refused.fullAt, NOW + 99, 1).allowed, false);
    assert.equal(take(TEN_A_SECOND, refused.fullAt, NOW + 100, 1).allowed, true);
  });

  test('it refills with time, never over its brim', () => {
    assert.equal(takeAll(NOW + 1_000, NOW + 500).taken, 5);
    assert.equal(takeAll(NOW + 1_000, NOW + 3_600_000).taken, 10);
  });

  test('a costly request needs one token and leaves a debt', () => {
    const taken = take(TEN_A_SECOND, NOW + 900, NOW, 5);
    assert.deepEqual([taken.allowed, taken.fullAt, taken.remaining], [true, NOW + 1_400, 0]);
    assert.equal(take(TEN_A_SECOND, taken.fullAt, NOW + 499, 1).allowed, false);
    assert.equal(take(TEN_A_SECOND, taken.fullAt, NOW + 500, 1).allowed, true);
  });

  test('fallback legs are never refused: the bucket goes into debt, and pays it back', () => {
    let fullAt = takeAll(0, NOW).fullAt;
    for (let legs = 0; legs < 20; legs++) fullAt = use(TEN_A_SECOND, fullAt, NOW, 1);
    assert.equal(fullAt, NOW + 3_000);
    assert.deepEqual(take(TEN_A_SECOND, fullAt, NOW, 1), { allowed: false, fullAt, remaining: 0, retryAfterMs: 2_100 });
    assert.equal(take(TEN_A_SECOND, fullAt, NOW + 2_100, 1).allowed, true);
  });

  test('a clock that goes back neither refills nor empties it', () => {
    const { fullAt } = take(TEN_A_SECOND, 0, NOW, 1);
    assert.equal(take(TEN_A_SECOND, fullAt, NOW - 100, 1).fullAt, fullAt + 100);
  });

  test('over any stretch of time no more than burst + rate × time is allowed', () => {
    const gaps = fc.array(fc.nat(400), { minLength: 1, maxLength: 200 });
    const rates = fc.record({ count: fc.integer({ min: 1, max: 700 }), perMs: fc.constantFrom(1_000, 60_000) });
    fc.assert(
      fc.property(rates, gaps, (rate, waits) => {
        let [now, fullAt, allowed] = [NOW, 0, 0];
        for (const wait of waits) {
          now += wait;
          const taken = take(rate, fullAt, now, 1);
          if (taken.allowed) allowed += 1;
          ({ fullAt } = taken);
        }
        assert.ok(allowed <= rate.count + ((now - NOW) * rate.count) / rate.perMs + 1e-6);
      }),
    );
  });

  test('rates are read and written', () => {
    for (const text of ['200/s', '100/m', '5/h']) assert.equal(formatRate(parseRate(text)!), text);
    assert.deepEqual(parseRate(' 100/min '), { count: 100, perMs: 60_000 });
    for (const text of ['', '0/s', '10', '10/d', '-1/s', '1.5/s', '10 / s']) assert.equal(parseRate(text), null, text);
  });
});
