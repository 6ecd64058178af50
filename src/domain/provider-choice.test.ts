import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { messageId, transactionId } from './ids.ts';
import { chooseProvider, providersFor } from './provider-choice.ts';

/** Knows two countries that share a code, and none else. */
const countryOf = (to: string) => (to.startsWith('+1416') ? 'CA' : to.startsWith('+1') ? 'US' : null);

const idOf = (n: number) => messageId(transactionId(1_767_225_600_000 + n, new Uint8Array(6), n & 0xffff), 1);
const ID = idOf(0);

describe('who takes a message', () => {
  test('all, in their order, where nothing more is said', () => {
    assert.deepEqual(providersFor({ providers: ['a', 'b'] }, ID, '+91', countryOf), ['a', 'b']);
  });

  test('of those with prefixes, the ones whose number it is', () => {
    const routes = { a: { prefixes: ['+91', '+44'] }, b: { prefixes: ['+4477'] } };
    const content = { providers: ['a', 'b', 'c'], routes };
    assert.deepEqual(providersFor(content, ID, '+919876543210', countryOf), ['a', 'c']);
    assert.deepEqual(providersFor(content, ID, '+447700900123', countryOf), ['a', 'b', 'c']);
    assert.deepEqual(providersFor(content, ID, '+12025550123', countryOf), ['c']);
    assert.deepEqual(providersFor({ providers: ['a', 'b'], routes }, ID, '+12025550123', countryOf), []);
  });

  test('of those with countries, the ones whose number it is, also where countries share a code', () => {
    const routes = { a: { countries: ['CA'] }, b: { countries: ['US', 'GB'], prefixes: ['+44'] } };
    const content = { providers: ['a', 'b'], routes };
    assert.deepEqual(providersFor(content, ID, '+14165550123', countryOf), ['a']);
    assert.deepEqual(providersFor(content, ID, '+12025550123', countryOf), ['b']);
    assert.deepEqual(providersFor(content, ID, '+447700900123', countryOf), ['b']);
    assert.deepEqual(providersFor(content, ID, '+919876543210', countryOf), []);
  });

  test('each by its weight, the same for the same message; reserves last, in their order', () => {
    const routes = { a: { weight: 3 }, c: { weight: 0 }, d: { weight: 0 } };
    const content = { providers: ['c', 'a', 'b', 'd'], routes };
    const orders = Array.from({ length: 4_000 }, (_, n) => providersFor(content, idOf(n), '+91', countryOf).join(''));
    assert.deepEqual([...new Set(orders)].toSorted(), ['abcd', 'bacd']);
    const share = orders.filter((order) => order.startsWith('a')).length / orders.length;
    assert.ok(Math.abs(share - 0.75) < 0.03, `a has ${share}`);
    assert.deepEqual(
      providersFor(content, idOf(7), '+91', countryOf),
      providersFor(content, idOf(7), '+91', countryOf),
    );
  });

  test('of three, each has its share of what the first refuses, too', () => {
    const content = { providers: ['a', 'b', 'c'], routes: { a: { weight: 2 }, b: { weight: 1 }, c: { weight: 1 } } };
    const orders = Array.from({ length: 8_000 }, (_, n) => providersFor(content, idOf(n), '+91', countryOf));
    const share = (first: string, second: string) =>
      orders.filter(([one, other]) => one === first && other === second).length / orders.length;
    const expected = { ab: 1 / 4, ac: 1 / 4, ba: 1 / 6, bc: 1 / 12, ca: 1 / 6, cb: 1 / 12 };
    for (const [pair, wanted] of Object.entries(expected)) {
      const seen = share(pair[0]!, pair[1]!);
      assert.ok(Math.abs(seen - wanted) < 0.025, `${pair}: ${seen}`);
    }
  });
});

describe('who is asked', () => {
  const preferred = ['a', 'b', 'c'];
  const choose = (facts: object) => chooseProvider(preferred, { attempts: 1, ...facts });

  test('the first, then those that have not refused', () => {
    assert.deepEqual(choose({}), { id: 'a', others: ['b', 'c'] });
    assert.deepEqual(choose({ passed: ['a'] }), { id: 'b', others: ['c'] });
    assert.deepEqual(choose({ passed: ['a', 'b'], via: 'c' }), { id: 'c', others: [] });
  });

  test('the one that was decided on, whoever stands before it', () => {
    assert.deepEqual(choose({ passed: ['a'], via: 'c' }), { id: 'c', others: ['b'] });
  });

  test('first of all the one whose answer was lost', () => {
    assert.deepEqual(choose({ answerLost: true }), { id: 'a', others: ['b', 'c'] });
    assert.deepEqual(choose({ answerLost: true, passed: ['a'], via: 'c' }), { id: 'c', others: ['b'] });
  });

  test('nobody, where there is nobody', () => {
    assert.equal(chooseProvider([], { attempts: 1 }), null);
  });
});
