import assert from 'node:assert/strict';
import test from 'node:test';
import { formatRate, parseRate } from './rate-bucket.ts';

test('rates are read and written', () => {
  for (const text of ['200/s', '100/m', '5/h']) assert.equal(formatRate(parseRate(text)!), text);
  assert.deepEqual(parseRate(' 100/min '), { count: 100, perMs: 60_000 });
  for (const text of ['', '0/s', '10', '10/d', '-1/s', '1.5/s', '10 / s']) assert.equal(parseRate(text), null, text);
});
