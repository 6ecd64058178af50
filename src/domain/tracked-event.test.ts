/** Semantics §6: the data of a transaction's event. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { eventDataOf, flatten } from './tracked-event.ts';
import type { JsonObject } from './request.ts';

const NONE = { phone: null, email: null, txnId: 't1', ttl: null };

describe('semantics §6: flattening', () => {
  const CASES: [name: string, token: JsonObject, flat: JsonObject][] = [
    [
      'the example of §6',
      { a: 1, addr: { city: 'Pune', geo: { lat: 1 } }, city: 'X', tags: ['p'] },
      { a: 1, city: 'X', geo: { lat: 1 }, tags: ['p'] },
    ],
    ['a later map wins over an earlier key', { city: 'X', addr: { city: 'Pune' } }, { city: 'Pune' }],
    [
      'scalars, nulls and arrays stay',
      { s: 'x', n: null, b: false, l: [{ a: 1 }] },
      { s: 'x', n: null, b: false, l: [{ a: 1 }] },
    ],
    ['an empty map leaves nothing', { addr: {} }, {}],
    ['one level only', { a: { b: { c: { d: 1 } } } }, { b: { c: { d: 1 } } }],
    ['a map’s child may have its name', { a: { a: 1 } }, { a: 1 }],
  ];
  for (const [name, token, flat] of CASES) test(name, () => assert.deepEqual(flatten(token), flat));

  test('the keys keep their order', () => {
    assert.deepEqual(Object.keys(flatten({ z: 1, m: { y: 1, x: 1 }, a: 1 })), ['z', 'y', 'x', 'a']);
  });

  test('__proto__ is a key like any other', () => {
    const token = JSON.parse('{"__proto__":7,"m":{"__proto__":[1],"constructor":2}}') as JsonObject;
    const flat = flatten(token);
    assert.equal(JSON.stringify(flat), '{"__proto__":[1],"constructor":2}');
    assert.equal(Object.getPrototypeOf(flat), Object.prototype);
    const map = flatten(JSON.parse('{"__proto__":{"polluted":true}}') as JsonObject);
    assert.deepEqual(Object.keys(map), ['polluted']);
    assert.equal(({} as JsonObject).polluted, undefined);
  });

  test('the token is not changed', () => {
    const token = { addr: { geo: { lat: 1 } } };
    flatten(token);
    assert.deepEqual(token, { addr: { geo: { lat: 1 } } });
  });
});

describe('semantics §6: event data', () => {
  test('phone and email win over tokens, txnId and ttl over all', () => {
    const token = { phone: 1, email: 2, txnId: 3, ttl: 4, user: { email: 5 } };
    assert.deepEqual(eventDataOf({ token, phone: '+1', email: 'a@b', txnId: 't1', ttl: 60 }), {
      phone: '+1',
      email: 'a@b',
      txnId: 't1',
      ttl: 60,
    });
  });

  test('what was not given leaves the tokens alone', () => {
    assert.deepEqual(eventDataOf({ ...NONE, token: { phone: 1, ttl: 4 } }), { phone: 1, ttl: 4, txnId: 't1' });
  });
});
