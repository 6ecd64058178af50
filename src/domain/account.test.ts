/** What the scopes of a key allow, and what an account's rules say. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { SCOPES, allows, limitOf, mayWrite } from './account.ts';

test('a scope allows itself, admin allows everything', () => {
  for (const wanted of SCOPES) {
    assert.ok(allows([wanted], wanted));
    assert.ok(allows(['admin'], wanted));
    assert.ok(!allows([], wanted));
  }
  assert.ok(!allows(['trigger', 'read'], 'admin'));
  assert.ok(!allows(['trigger'], 'read'));
});

test('semantics §8: a no is a no; silence is what the account says it is', () => {
  const said = [true, undefined, false];
  const asked = (consent: Parameters<typeof mayWrite>[0]) => said.map((one) => mayWrite(consent, 'sms', one));
  assert.deepEqual(asked({}), [true, true, false]);
  assert.deepEqual(asked({ consent: { sms: 'opt_out', email: 'opt_in' } }), [true, true, false]);
  assert.deepEqual(asked({ consent: { sms: 'opt_in' } }), [true, false, false]);
});

test('semantics §9: an account’s own limit holds; without one the vendor’s does, where it has one', () => {
  const own = { count: 5, perMs: 60_000 };
  assert.deepEqual(limitOf({ limits: { connectly: own } }, 'connectly'), own);
  assert.deepEqual(limitOf({ limits: {} }, 'connectly'), { count: 200, perMs: 1_000 });
  assert.equal(limitOf({ limits: {} }, 'transaction'), undefined);
});
