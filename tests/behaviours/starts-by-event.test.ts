/** Campaigns that start by themselves when an event is tracked, by whichever API it is. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { times } from '../support/acceptance.ts';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const PHONE = '+919876543210';

let carom: Carom;
let vendor: HttpVendor;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  await carom.apply(account('shop', { campaigns: [...CAMPAIGNS, campaign('~paused', 'paid', { state: 'paused' })] }));
  await carom.apply(account('other', { campaigns: [campaign('~paid-sms', 'paid')] }));
});
after(() => Promise.all([carom.stop(), vendor.close()]));

/** A campaign as a manifest has it. */
function campaign(id: string, event: string | null, more: object = {}): object {
  const body = 'Hi {{ first_name }}, {{ order_id }} of {{ token.total.amount }} is paid';
  return { id, state: 'running', ...(event && { on: { event } }), channel: 'sms', provider: 'sms', body, ...more };
}

const CAMPAIGNS = [
  campaign('~paid-sms', 'paid'),
  campaign('~left-sms', 'left'),
  campaign('~left-too', 'left', { body: 'Too bad' }),
  campaign('~marker', 'marker'),
  campaign('~asked', null),
];

function account(name: string, more: object): object {
  const json = { text: '{{ body }}', txn: '{{ txn_id }}', to: '{{ to }}' };
  return {
    account: name,
    keys: [{ id: 'main', key: `${name}-key`, scopes: ['trigger', 'read', 'admin'] }],
    providers: [{ id: 'sms', channel: 'sms', type: 'http', request: { url: `${vendor.url}/send`, json } }],
    ...more,
  };
}

function api(method: string, path: string, body?: unknown, key = 'shop-key'): Promise<Answer> {
  return carom.call(method, path, { key, body });
}

/** A user with a telephone number. */
async function user(userId: string, more: object = {}): Promise<string> {
  const { status } = await api('PUT', `/v1/profiles/${userId}`, { firstName: 'Asha', phone: PHONE, ...more });
  assert.ok(status < 300, String(status));
  return userId;
}

async function track(userId: string, eventName: string, more: object = {}): Promise<{ id: string }> {
  const { status, body } = await api('POST', '/v1/events', { userId, eventName, ...more });
  assert.equal(status, 202, JSON.stringify(body));
  return body;
}

async function transactionsOf(userId: string, key?: string): Promise<{ id: string; txnId: string }[]> {
  return (await api('GET', `/v1/transactions?userId=${userId}`, undefined, key)).body.data;
}

/** An event that starts something has been looked at: so have all that were tracked before it. */
async function afterAllOfThat(): Promise<void> {
  const { id } = await track(await user('marker'), 'marker');
  await carom.ended('shop', `${id}:~marker`);
}

describe('an event', () => {
  test('starts the campaign that waits for it, for its user, with its data as token and params', async () => {
    await user('ana');
    const { id } = await track('ana', 'paid', { eventData: { order_id: 'O-1', total: { amount: 12 } } });
    const view = await carom.ended('shop', `${id}:~paid-sms`);
    assert.deepEqual([view.state, view.mode, view.userId], ['completed', 'all', 'ana']);
    assert.deepEqual(
      view.legs.map((leg: { campaignId: string }) => leg.campaignId),
      ['~paid-sms'],
    );
    const sent = vendor.calls.map(({ body }) => JSON.parse(body)).find(({ txn }) => txn === view.txnId);
    assert.deepEqual(sent, { text: 'Hi Asha, O-1 of 12 is paid', txn: view.txnId, to: PHONE });
    assert.equal((await transactionsOf('ana')).length, 1);
  });

  test('starts each campaign that waits for it, and none of another account', async () => {
    await user('bea');
    const { id } = await track('bea', 'left');
    for (const campaignId of ['~left-sms', '~left-too']) await carom.ended('shop', `${id}:${campaignId}`);
    await track('bea', 'paid');
    await afterAllOfThat();
    assert.equal((await transactionsOf('bea')).length, 3);
    assert.deepEqual(await transactionsOf('bea', 'other-key'), []);
  });

  test('that nobody waits for, of another name or writing, starts nothing', async () => {
    await user('cat');
    for (const name of ['unpaid', 'Paid', 'paid ']) await track('cat', name);
    await afterAllOfThat();
    assert.deepEqual(await transactionsOf('cat'), []);
  });

  test('starts nothing where the campaign does not run, from then on and at once', async () => {
    await user('dan');
    const put = await api('PUT', '/v1/campaigns/~later', campaign('~later', 'later', { state: 'draft' }));
    assert.equal(put.status, 201);
    await track('dan', 'later');
    await api('POST', '/v1/campaigns/~later/start');
    const { id } = await track('dan', 'later');
    await carom.ended('shop', `${id}:~later`);
    await api('POST', '/v1/campaigns/~later/pause');
    await track('dan', 'later');
    await afterAllOfThat();
    assert.equal((await transactionsOf('dan')).length, 1);
  });

  test('reaches nobody who has opted out, or has no address: the transaction says so', async () => {
    await user('eve', { consents: { sms: false } });
    const ids = [await track('eve', 'paid'), await track('nobody', 'paid')];
    const legs = await Promise.all(
      ids.map(async ({ id }) => (await carom.ended('shop', `${id}:~paid-sms`)).legs[0].reason),
    );
    assert.deepEqual(legs, ['opted_out', 'no_address']);
  });

  test('starts nothing when it says skipTriggers, and is tracked all the same', async () => {
    await user('fay');
    await track('fay', 'paid', { skipTriggers: true });
    await afterAllOfThat();
    assert.deepEqual(await transactionsOf('fay'), []);
    assert.equal((await api('GET', '/v1/profiles/fay/events')).body.data.length, 1);
  });

  test('of hundreds at once each starts its own transaction', async () => {
    await user('gil');
    const ids = await Promise.all(times(300, () => track('gil', 'paid')));
    for (const { id } of ids) await carom.ended('shop', `${id}:~paid-sms`);
  });
});

describe('an event of the WebEngage dialect', () => {
  const send = (userId: string, headers: Record<string, string> = {}) =>
    carom.call('POST', '/v1/accounts/shop/events', {
      key: 'shop-key',
      headers,
      body: { userId, eventName: 'paid', eventData: { order_id: 'W-1' } },
    });

  test('starts campaigns as well, a repeated call only once', async () => {
    await user('hal');
    const headers = { 'x-request-id': 'call-1' };
    for (const { status } of [await send('hal', headers), await send('hal', headers)]) assert.equal(status, 200);
    await eventually(
      () => transactionsOf('hal'),
      ({ length }) => length > 0,
    );
    await afterAllOfThat();
    assert.equal((await transactionsOf('hal')).length, 1);
  });
});

describe('the event of a transaction', () => {
  const trigger = (userId: string, more: object) =>
    api('POST', '/v1/transactions', {
      campaignIds: ['~asked'],
      mode: 'all',
      userId,
      track: { eventName: 'paid' },
      ...more,
    });

  test('starts the campaign with what the event has: token, txnId', async () => {
    await user('ida');
    const { body } = await trigger('ida', { txnId: 'ida-1', token: { order_id: 'T-1' } });
    const view = await carom.ended('shop', `${body.id}:~paid-sms`);
    const sent = vendor.calls.map((call) => JSON.parse(call.body)).find(({ txn }) => txn === view.txnId);
    assert.equal(sent.text, 'Hi Asha, T-1 of  is paid');
  });

  test('starts it once also where the started campaign is the transaction’s own: nothing runs in circles', async () => {
    await user('jon');
    const { body } = await trigger('jon', { campaignIds: ['~paid-sms'] });
    await carom.ended('shop', `${body.id}:~paid-sms`);
    await afterAllOfThat();
    assert.equal((await transactionsOf('jon')).length, 2);
    assert.equal((await api('GET', '/v1/profiles/jon/events')).body.data.length, 1);
  });

  test('starts it by WebEngage’s trackConfig', async () => {
    await user('kim');
    const path = '/v2/accounts/shop/transaction?campaignIds=~asked&mode=all';
    const { body } = await api('POST', path, {
      userId: 'kim',
      overrideData: { context: { token: {} } },
      trackConfig: { eventName: 'paid' },
    });
    const { id } = await carom.ended('shop', body.response.data.txnId);
    await carom.ended('shop', `${id}:~paid-sms`);
  });

  test('starts nothing when the transaction says skipTriggers', async () => {
    await user('lea');
    const { body } = await trigger('lea', { skipTriggers: true });
    await carom.ended('shop', body.id);
    await eventually(
      async () => (await api('GET', '/v1/profiles/lea/events')).body.data,
      ({ length }) => length === 1,
    );
    await afterAllOfThat();
    assert.equal((await transactionsOf('lea')).length, 1);
  });
});

describe('the rate limit', () => {
  test('semantics §9: is used up by what events start, and refuses none of it', async () => {
    await carom.apply(account('tight', { limits: { transaction: '3/h' }, campaigns: [campaign('~paid-sms', 'paid')] }));
    const body = { userId: 'mia', eventName: 'paid' };
    await Promise.all(times(5, () => api('POST', '/v1/events', body, 'tight-key')));
    await eventually(
      () => transactionsOf('mia', 'tight-key'),
      ({ length }) => length === 5,
    );
    const asked = await api(
      'POST',
      '/v1/transactions',
      { campaignIds: ['~paid-sms'], mode: 'all', userId: 'mia' },
      'tight-key',
    );
    assert.equal(asked.status, 429);
  });
});
