import assert from 'node:assert/strict';
import test from 'node:test';
import type { Json } from '#domain/request.ts';
import { BODY_LENGTH_MAX, sendable } from './body-weight.ts';
import { ContentError } from './http-template.ts';

const LONG = 'x'.repeat(BODY_LENGTH_MAX / 2);

test('a body is sent as it is, unless it is beyond all measure', () => {
  const fine = { text: LONG, list: [1, null, 'two', { three: true }] };
  assert.equal(sendable(fine), fine);
  assert.equal(sendable(undefined), undefined);
});

test('what is written many times counts each time', () => {
  const shared = { text: LONG };
  const keys = Object.fromEntries(Array.from({ length: 3 }, (_, n) => [LONG + String(n), 1]));
  for (const body of [[shared, shared], Array.from({ length: 1_000_000 }, () => 1), keys] satisfies Json[])
    assert.throws(() => sendable<Json>(body), ContentError);
});
