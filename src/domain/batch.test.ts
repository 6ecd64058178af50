import assert from 'node:assert/strict';
import test from 'node:test';
import { RECIPIENTS_MAX, RECIPIENT_LENGTH_MAX, faultOfBatch, faultOfRecipient, memberRequest } from './batch.ts';
import type { BatchRequest } from './batch.ts';
import { faultOf } from './request.ts';

const NOW = Date.UTC(2026, 4, 21, 10);
const ID = '019e4a3c-8a3f-7c1e-9d2a-3f0000000012';

function requested(changes: Partial<BatchRequest> = {}): BatchRequest {
  return {
    campaignIds: ['~a', '~b'],
    mode: 'all',
    ttl: null,
    startAt: null,
    params: { city: 'Pune' },
    overrides: null,
    reference: 'spring',
    targetKind: 'user_id',
    unknownUsers: 'skip',
    ...changes,
  };
}

const member = (changes: Partial<BatchRequest>, now: number) =>
  memberRequest({ id: ID, createdAt: NOW, request: requested(changes) }, 7, 'ana', { target: 'ana' }, now);

test("a recipient's transaction has his own params and address; what all share stays with the batch", () => {
  const recipient = { target: 'ana', params: { seat: '12A' }, phone: '+49', consents: { sms: true } };
  const made = memberRequest({ id: ID, createdAt: NOW, request: requested() }, 7, 'user-1', recipient, NOW)!;
  assert.equal(faultOf(made, NOW), null);
  const { profile, ...rest } = made;
  assert.equal(profile, null);
  assert.deepEqual([rest.userId, rest.txnId, rest.ttl, rest.reference], ['user-1', `${ID}:7`, null, 'spring']);
  assert.deepEqual([rest.campaignIds, rest.params, rest.recipientParams], [['~a', '~b'], {}, { seat: '12A' }]);
  assert.deepEqual([rest.batch, rest.email, rest.phone], [{ id: ID, index: 7 }, null, '+49']);
});

test('semantics §3: the TTL counts from the acceptance, or from the start; after it there is no transaction', () => {
  assert.equal(member({ ttl: 60 }, NOW)?.ttl, 60);
  assert.equal(member({ ttl: 60 }, NOW + 20_500)?.ttl, 40);
  assert.equal(member({ ttl: 60 }, NOW + 59_999)?.ttl, 1);
  assert.equal(member({ ttl: 60 }, NOW + 60_000), null);
  const startAt = NOW + 3_600_000;
  assert.equal(member({ ttl: 60, startAt }, startAt + 10_000)?.ttl, 50);
  assert.equal(member({ ttl: 60, startAt: NOW - 3_600_000 }, NOW)?.ttl, 60, 'a start in the past is now');
});

test("a recipient's own start makes his transaction a scheduled one, whose TTL counts from then; in the past it is now", () => {
  const later = NOW + 3_600_000;
  const begun = (startAt: number, now: number, changes: Partial<BatchRequest> = { ttl: 60 }) =>
    memberRequest({ id: ID, createdAt: NOW, request: requested(changes) }, 7, 'ana', { target: 'ana', startAt }, now);
  const made = begun(later, NOW + 5_000)!;
  assert.deepEqual([made.startAt, made.ttl], [later, 60]);
  assert.equal(begun(later, later)?.startAt, null);
  assert.equal(begun(later, later + 20_000)?.ttl, 40);
  assert.equal(begun(later, later + 60_000), null);
  assert.deepEqual([begun(NOW - 1_000, NOW)?.startAt, begun(NOW - 1_000, NOW)?.ttl], [null, 60]);
  assert.equal(begun(NOW, later, { ttl: 60, startAt: later })?.ttl, 60, 'before the batch it begins with that');
});

test('what is tracked starts no campaign where the batch says so, and a push goes to the device that a recipient has', () => {
  const made = (changes: Partial<BatchRequest>, recipient: object) =>
    memberRequest(
      { id: ID, createdAt: NOW, request: requested(changes) },
      7,
      'ana',
      { target: 'ana', ...recipient },
      NOW,
    )!;
  assert.equal(made({ skipTriggers: true }, {}).skipTriggers, true);
  assert.equal(made({}, {}).skipTriggers, false);
  assert.equal(made({}, { device: 'token' }).device, 'token');
  assert.equal('device' in made({}, {}), false);
});

test('the number that a recipient’s messages are from comes with him', () => {
  const made = (recipient: object) =>
    memberRequest({ id: ID, createdAt: NOW, request: requested() }, 7, 'ana', { target: 'ana', ...recipient }, NOW);
  assert.equal(made({ from: '+16044441111' })?.from, '+16044441111');
  assert.equal(made({})?.from, null);
});

test('too many recipients, and none, are refused with what to do', () => {
  assert.equal(faultOfBatch(requested(), 1), null);
  assert.equal(faultOfBatch(requested(), RECIPIENTS_MAX), null);
  assert.match(faultOfBatch(requested(), 0)!, /recipients is empty/);
  assert.match(faultOfBatch(requested(), RECIPIENTS_MAX + 1)!, /at most 100000 .* send the others in further calls/);
  assert.match(faultOfBatch(requested({ params: { x: 'x'.repeat(200_000) } }), 1)!, /params has 200\d\d\d characters/);
});

test('a recipient who is too large, or cannot be one, is refused with what to do', () => {
  const faultOf = (target: string, more: object = {}) => faultOfRecipient({ target, ...more }, 100, 'user_id');
  assert.equal(faultOf('ana'), null);
  assert.equal(faultOf('u'.repeat(100)), null);
  assert.match(faultOf('u'.repeat(101))!, /1 to 100 characters/);
  assert.match(faultOf('')!, /1 to 100 characters/);
  assert.equal(faultOfRecipient({ target: `${'u'.repeat(200)}@x.org` }, 100, 'email'), null);
  assert.match(faultOf('ana', { email: 'nonsense' })!, /not an e-mail address/);
  assert.match(
    faultOfRecipient({ target: 'ana' }, RECIPIENT_LENGTH_MAX + 1, 'user_id')!,
    /put what all share into params/,
  );
});
