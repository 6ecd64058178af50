/** Semantics §8: what a template sees, and what wins. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { renderContext } from './render-context.ts';
import type { ProfileFields } from './profile.ts';
import type { JsonObject } from './request.ts';

function contextOf(
  fields: ProfileFields | null,
  params: JsonObject = {},
  { token = {}, own = {} }: { token?: JsonObject; own?: JsonObject } = {},
): JsonObject {
  const profile = fields && { accountId: 'demo', userId: 'u1', fields };
  const transaction = { id: 'id-1', txnId: 'order-1', userId: 'u1' };
  return renderContext(transaction, { token, recipientParams: own }, params, profile);
}

describe('semantics §8: render context', () => {
  test('params win over fields, fields over attributes', () => {
    const fields = { firstName: 'Ada', attributes: { firstName: 'attribute', city: 'Pune', points: 3 } };
    assert.equal(contextOf(fields).firstName, 'Ada');
    assert.equal(contextOf(fields, { firstName: 'Grace' }).firstName, 'Grace');
    assert.equal(contextOf(fields, { city: 'Berlin' }).city, 'Berlin');
    assert.equal(contextOf(fields, { city: null }).city, null);
    assert.equal(contextOf(fields).points, 3);
  });

  test("the recipient's own params win over the shared ones, one by one", () => {
    const context = contextOf({ firstName: 'Ada' }, { code: 'ALL', match: 'final' }, { own: { code: 'MINE' } });
    assert.deepEqual([context.code, context.match, context.firstName], ['MINE', 'final', 'Ada']);
  });

  test('the namespace user is the profile, whatever the params say', () => {
    const { user } = contextOf({ firstName: 'Ada', attributes: { city: 'Pune' } }, { firstName: 'Grace', user: 'x' });
    assert.deepEqual(user, { user_id: 'u1', userId: 'u1', city: 'Pune', firstName: 'Ada', first_name: 'Ada' });
  });

  test('fields are there in both writings', () => {
    const { birthDate, birth_date, timeZone, time_zone } = contextOf({
      birthDate: '1990-05-21',
      timeZone: 'Asia/Kolkata',
    });
    assert.deepEqual(
      [birthDate, birth_date, timeZone, time_zone],
      ['1990-05-21', '1990-05-21', 'Asia/Kolkata', 'Asia/Kolkata'],
    );
  });

  test('params are there under apicontent and variables too, unless the client gave these himself', () => {
    const { apicontent, variables } = contextOf(null, { a: 1, b: 1 }, { own: { b: 2 } });
    assert.deepEqual({ apicontent, variables }, { apicontent: { a: 1, b: 2 }, variables: { a: 1, b: 2 } });
    assert.deepEqual(contextOf(null, { apicontent: { x: 1 } }).apicontent, { x: 1 });
  });

  test('token and txn are namespaces of their own', () => {
    const context = contextOf(null, { token: 'x', txn: 'y' }, { token: { code: 7 } });
    assert.deepEqual(context.token, { code: 7 });
    assert.deepEqual(context.txn, { id: 'id-1', txn_id: 'order-1', user_id: 'u1' });
    assert.equal(context.code, undefined);
  });

  test('without a profile the user still has an id', () => {
    assert.deepEqual(contextOf(null).user, { user_id: 'u1', userId: 'u1' });
  });
});
