import assert from 'node:assert/strict';
import test from 'node:test';
import { asGraphError, meaningOfError } from './whatsapp-cloud-errors.ts';

/** All codes of Meta's page "Error codes" (May 2026) that a send or a status can have; 200–299 stand for permissions. */
const DOCUMENTED = [
  0, 1, 2, 3, 4, 10, 33, 100, 190, 200, 250, 299, 368, 80007, 130403, 130429, 130472, 130497, 131000, 131005, 131008,
  131009, 131016, 131021, 131026, 131030, 131031, 131037, 131042, 131045, 131047, 131048, 131049, 131050, 131051,
  131052, 131053, 131056, 131057, 131063, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068,
  132069, 133000, 133004, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011, 135000, 2494100,
];

test('every documented code has a meaning of its own, whatever the HTTP status', () => {
  for (const code of DOCUMENTED) {
    const error = asGraphError({ code })!;
    const { reason, fate } = meaningOfError(error, 400);
    assert.match(reason, /^[a-z_]+$/, `${code}`);
    for (const httpStatus of [429, 500, null]) assert.deepEqual(meaningOfError(error, httpStatus), { reason, fate });
  }
});

test('an error is told from what is none', () => {
  for (const none of [null, undefined, 7, 'x', {}, { code: null }, { code: {} }, { code: 'GRAPH' }])
    assert.equal(asGraphError(none), null);
  assert.deepEqual(asGraphError({ code: '131026', message: 'm', error_data: null }), {
    code: '131026',
    text: 'm',
    isTransient: false,
  });
  assert.equal(meaningOfError(asGraphError({ code: '131026' })!, 400).reason, 'not_reachable');
});
