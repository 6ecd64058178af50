/** Doing a transaction again: a new one with the same request. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const PHONE = '+919876543210';
const DAY_MS = 86_400_000;

let carom: Carom;
let vendor: HttpVendor;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  const json = { text: '{{ body }}', txn: '{{ txn_id }}' };
  const request = { url: `${vendor.url}/send`, json };
  const sms = { state: 'running', channel: 'sms', provider: 'sms', body: '{{ code }}{{ shared }}{{ token.x }}' };
  await carom.apply({
    account: 'shop',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read', 'admin'] }],
    providers: [{ id: 'sms', channel: 'sms', type: 'http', request }],
    campaigns: ['~a', '~b'].map((id) => ({ id, ...sms })),
  });
});
after(() => Promise.all([carom.stop(), vendor.close()]));

function api(method: string, path: string, body?: unknown): Promise<Answer> {
  return carom.call(method, `/v1/${path}`, { key: 'shop-key', body });
}

async function ended(changes: object = {}) {
  const request = { campaignIds: ['~a'], mode: 'all', userId: 'ana', phone: PHONE, ...changes };
  const { body } = await api('POST', 'transactions', request);
  return carom.ended('shop', body.id);
}

const textOf = (txnId: string): string | undefined =>
  vendor.calls.map(({ body }) => JSON.parse(body)).find(({ txn }) => txn === txnId)?.text;

test('a replay is a new transaction that sends the same', async () => {
  const first = await ended({ params: { code: 'C1' }, token: { x: 'X' }, ttl: 60, txnId: 'first/1' });
  const { status, body } = await api('POST', `transactions/${encodeURIComponent('first/1')}/replay`);
  assert.deepEqual([status, body.state, body.ttl, body.userId], [202, 'running', 60, 'ana']);
  assert.notEqual(body.id, first.id);
  assert.notEqual(body.txnId, first.txnId);
  await carom.ended('shop', body.id);
  assert.deepEqual([textOf(body.txnId), textOf('first/1')], ['C1X', 'C1X']);
  assert.deepEqual((await api('GET', `transactions/${first.id}`)).body, first);
});

test('a replay may be given its txnId, and is then made once', async () => {
  const { id } = await ended();
  const first = await api('POST', `transactions/${id}/replay`, { txnId: 'again' });
  const repeat = await api('POST', `transactions/${id}/replay`, { txnId: 'again' });
  assert.deepEqual([first.body.txnId, repeat.body.id, repeat.status], ['again', first.body.id, 202]);
  assert.equal(repeat.headers.get('idempotent-replayed'), 'true');
  const other = await ended({ userId: 'bea' });
  const reused = await api('POST', `transactions/${other.id}/replay`, { txnId: 'again' });
  assert.deepEqual([reused.status, reused.body.code], [409, 'txn_id_reused']);
});

test('what was scheduled is replayed at once; what has not ended cannot be', async () => {
  const startAt = new Date(Date.now() + DAY_MS).toISOString();
  const { body } = await api('POST', 'transactions', {
    campaignIds: ['~a'],
    mode: 'all',
    userId: 'ana',
    phone: PHONE,
    startAt,
  });
  const early = await api('POST', `transactions/${body.id}/replay`);
  assert.deepEqual([early.status, early.body.code], [409, 'conflict']);
  assert.match(early.body.detail, /cancel it first/);
  await api('POST', `transactions/${body.id}/cancel`);
  const replayed = await api('POST', `transactions/${body.id}/replay`);
  assert.equal((await carom.ended('shop', replayed.body.id)).state, 'completed');
});

test('a recipient of a batch is replayed with what all recipients shared, outside the batch', async () => {
  const recipients = [{ userId: 'cat', phone: PHONE, params: { code: 'own ' } }];
  const { body: batch } = await api('POST', 'batches', { campaignIds: ['~a'], params: { shared: 'all' }, recipients });
  const member = `${batch.id}:0`;
  await eventually(
    async () => (await api('GET', `batches/${batch.id}`)).body,
    ({ endedAt }) => endedAt !== null,
  );
  const { body } = await api('POST', `transactions/${member}/replay`);
  await carom.ended('shop', body.id);
  assert.deepEqual([textOf(member), textOf(body.txnId)], ['own all', 'own all']);
  const { counts } = (await api('GET', `batches/${batch.id}`)).body;
  assert.deepEqual([counts.total, counts.completed], [1, 1]);
});

test('the event and the profile update are done again', async () => {
  const { id } = await ended({ userId: 'dan', track: { eventName: 'e' }, profile: { firstName: 'D' } });
  const { body } = await api('POST', `transactions/${id}/replay`);
  await carom.ended('shop', body.id);
  await eventually(
    async () => (await api('GET', 'events?userId=dan')).body.data,
    ({ length }) => length === 2,
  );
});

test('its campaigns have to run, and its body to be known', async () => {
  const { id } = await ended({ campaignIds: ['~b'] });
  await api('POST', 'campaigns/~b/pause');
  assert.equal((await api('POST', `transactions/${id}/replay`)).body.code, 'campaign_not_running');
  const bad = await api('POST', `transactions/${id}/replay`, { userId: 'eve' });
  assert.deepEqual([bad.status, bad.body.code], [400, 'invalid']);
  assert.equal((await api('POST', 'transactions/nothing/replay')).status, 404);
});
