/** What the scopes of a key allow. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { SCOPES, allows } from './account.ts';

test('a scope allows itself, admin allows everything', () => {
  for (const wanted of SCOPES) {
    assert.ok(allows([wanted], wanted));
    assert.ok(allows(['admin'], wanted));
    assert.ok(!allows([], wanted));
  }
  assert.ok(!allows(['trigger', 'read'], 'admin'));
  assert.ok(!allows(['trigger'], 'read'));
});
