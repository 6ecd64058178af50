/** Whom a message goes to and what it says (semantics §8), as the vendor gets it. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

let carom: Carom;
let vendor: HttpVendor;

/** A provider that sends everything it knows to the vendor. */
function provider(channel: string): object {
  const names = [
    'to',
    'from',
    'body',
    'html',
    'subject',
    'title',
    'channel',
    'message_id',
    'receipt_url',
    'txn_id',
    'campaign_id',
    'user_id',
  ];
  const json = Object.fromEntries(names.map((name) => [name, `{{ ${name} }}`]));
  return { id: channel, channel, type: 'http', request: { url: `${vendor.url}/${channel}`, json } };
}

/** The campaign of this id, running, whose body is this template. */
function campaign(id: string, body: string, more: object = {}): object {
  return { id, state: 'running', channel: 'sms', provider: 'sms', body, ...more };
}

function account(id: string, defaultRegion: string | null, campaigns: object[]): Promise<void> {
  return carom.apply({
    account: id,
    defaultRegion,
    keys: [{ id: 'main', key: `${id}-key`, scopes: ['trigger', 'read', 'admin'] }],
    providers: [provider('sms'), provider('email'), provider('push')],
    campaigns,
  });
}

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  const email = { channel: 'email', provider: 'email' };
  await account('shop', 'IN', [
    campaign('~sms', 'Hi {{ first_name }}|{{ token.order }}', { from: 'SHOP' }),
    campaign(
      '~names',
      '{{ first_name }}|{{ firstName }}|{{ user.first_name }}|{{ city }}|{{ user.city }}|{{ tier }}|{{ First_name }}',
    ),
    campaign('~spaces', '{{ token.a }}|{{ txn.txn_id }}|{{ txn.user_id }}|{{ user.user_id }}'),
    campaign('~missing', 'a{{ nothing }}b{{ token.no.such.thing }}c{{ user.nothing }}d{apicontent.no}e'),
    campaign('~apicontent', '{apicontent.x}|{apicontent.y.z}|{{ apicontent.y.z }}|{other.x}'),
    campaign('~error', '{{ token.n + 1 }}'),
    campaign('~email', 'Text <{{ first_name }}>', {
      ...email,
      from: 'Shop <{{ token.from }}>',
      subject: 'S {{ first_name }} & co',
      html: '<p title="{{ first_name }}">{{ first_name }}</p>{{ token.html|raw }}',
      tracking: false,
    }),
    campaign('~push', 'B {{ first_name }}', { channel: 'push', provider: 'push', title: 'T {{ first_name }}' }),
    campaign('~pinned', 'One'),
  ]);
  await account('usa', 'US', [campaign('~sms', 'Hi')]);
  await account('nowhere', null, [campaign('~sms', 'Hi')]);
});
after(() => Promise.all([carom.stop(), vendor.close()]));

function api(method: string, path: string, body?: unknown, key = 'shop-key'): Promise<Answer> {
  return carom.call(method, `/v1/${path}`, { key, body });
}

let made = 0;

/** Creates a transaction; its txnId. */
async function create(campaignIds: string | string[], changes: object = {}, key = 'shop-key'): Promise<string> {
  const request = {
    campaignIds: [campaignIds].flat(),
    mode: 'fallback_on_attempt_failure',
    userId: 'nobody',
    txnId: `t${made++}`,
    ...changes,
  };
  const { status, body } = await api('POST', 'transactions', request, key);
  assert.equal(status, 202, JSON.stringify(body));
  return body.txnId;
}

/** What the vendor got for a transaction. */
async function sent(txnId: string): Promise<Record<string, string>> {
  const calls = async () => vendor.calls.map(({ body }) => JSON.parse(body) as Record<string, string>);
  const found = (all: Record<string, string>[]) => all.filter(({ txn_id }) => txn_id === txnId);
  const [first] = found(await eventually(calls, (all) => found(all).length > 0));
  return first!;
}

/** What the vendor got for a new transaction. */
async function sending(...wanted: Parameters<typeof create>): Promise<Record<string, string>> {
  return sent(await create(...wanted));
}

/** `state reason` of each leg of a new transaction, once it has ended. */
async function legsOf(campaignIds: string[], changes: object, name = 'shop'): Promise<string[]> {
  const { legs } = await carom.ended(name, await create(campaignIds, changes, `${name}-key`));
  return legs.map((leg: { state: string; reason: string | null }) => `${leg.state} ${leg.reason}`);
}

/** Time enough for a call before a start, on a busy machine. */
const soon = () => new Date(Date.now() + 1_500).toISOString();

const PHONE = '+919876543210';

describe('the address', () => {
  before(async () => {
    await api('PUT', 'profiles/known', {
      phone: '98765 00001',
      email: 'known@mail.example',
      devices: [{ channel: 'push', token: 'device-1' }],
    });
  });

  test('semantics §8: is the request’s, or else the profile’s; a blank one is none', async () => {
    assert.equal((await sending('~sms', { userId: 'known', phone: PHONE })).to, PHONE);
    for (const changes of [{}, { phone: '' }, { phone: ' ' }, { email: 'x@mail.example' }]) {
      assert.equal((await sending('~sms', { userId: 'known', ...changes })).to, '+919876500001');
    }
    assert.equal((await sending('~email', { userId: 'known', email: 'given@mail.example' })).to, 'given@mail.example');
    assert.equal((await sending('~email', { userId: 'known' })).to, 'known@mail.example');
    assert.equal((await sending('~push', { userId: 'known' })).to, 'device-1');
  });

  test('semantics §8: without one the leg is skipped, no_address, and the chain moves on', async () => {
    const legs = await legsOf(['~email', '~push', '~sms'], { phone: PHONE });
    assert.deepEqual(legs, ['skipped no_address', 'skipped no_address', 'accepted null']);
    assert.deepEqual(await legsOf(['~sms', '~email'], {}), ['skipped no_address', 'skipped no_address']);
  });

  test('semantics §8: phone numbers become E.164 with the account’s region', async () => {
    for (const [key, phone, expected] of [
      ['shop', '98765 43210', PHONE],
      ['shop', '098765-43210', PHONE],
      ['shop', '+91 (98765) 43210', PHONE],
      ['shop', '+1 201 555 0123', '+12015550123'],
      ['usa', '(201) 555-0123', '+12015550123'],
      ['nowhere', PHONE, PHONE],
    ] as const) {
      assert.equal((await sending('~sms', { phone }, `${key}-key`)).to, expected, phone);
    }
  });

  test('semantics §8: what can be no address is refused for good: rejected, invalid_address', async () => {
    for (const phone of ['abc', '12', '+', '+1', '9'.repeat(40), 'null']) {
      assert.deepEqual(await legsOf(['~sms'], { phone }), ['rejected invalid_address'], phone);
    }
    assert.deepEqual(await legsOf(['~sms'], { phone: '98765 43210' }, 'nowhere'), ['rejected invalid_address']);
    const legs = await legsOf(['~email', '~sms'], { email: 'nobody', phone: PHONE });
    assert.deepEqual(legs, ['rejected invalid_address', 'accepted null']);
  });
});

describe('what a template sees', () => {
  test('semantics §8: params before profile fields before attributes; the namespaces stand beside them', async () => {
    const attributes = { first_name: 'attribute', city: 'Pune', tier: 'gold' };
    await api('PUT', 'profiles/ana', { firstName: 'Ana', attributes });
    const plain = await sending('~names', { userId: 'ana', phone: PHONE });
    assert.equal(plain['body'], 'Ana|Ana|Ana|Pune|Pune|gold|');
    const params = { first_name: 'P', tier: 0, user: 'x', unused: { deep: [1] } };
    const given = await sending('~names', { userId: 'ana', phone: PHONE, params });
    assert.equal(given['body'], 'P|Ana|Ana|Pune|Pune|0|');
    const { firstName, attributes: kept } = (await api('GET', 'profiles/ana')).body;
    assert.deepEqual([firstName, kept], ['Ana', attributes]);
  });

  test('semantics §8: params of a namespace’s name do not hide it', async () => {
    const params = { token: { a: 'param' }, txn: { txn_id: 'param' }, user: { user_id: 'param' } };
    const { txn_id: txnId, body } = await sending('~spaces', {
      userId: 'ben',
      phone: PHONE,
      params,
      token: { a: 'token' },
    });
    assert.equal(body, `token|${txnId}|ben|ben`);
  });

  test('semantics §8: a missing name renders as nothing, at any depth', async () => {
    assert.equal((await sending('~missing', { phone: PHONE })).body, 'abcde');
  });

  test('semantics §8: {apicontent.x.y} works beside {{ x }}', async () => {
    const params = { apicontent: { x: 'X', y: { z: 'Z' } } };
    const { body } = await sending('~apicontent', { phone: PHONE, params });
    assert.equal(body, 'X|Z|Z|{other.x}');
  });

  test('semantics §8: values are no templates, and break nothing at the vendor', async () => {
    const order = '{{ txn.id }} {% if %} "quoted" \\ \n 🎲';
    assert.equal((await sending('~sms', { phone: PHONE, token: { order } })).body, `Hi |${order}`);
  });

  test('semantics §8: a render error is refused for good: rejected, render_error, and the chain moves on', async () => {
    const legs = await legsOf(['~error', '~sms'], { phone: PHONE, token: { n: 'x' } });
    assert.deepEqual(legs, ['rejected render_error', 'accepted null']);
    assert.deepEqual(await legsOf(['~error'], { phone: PHONE, token: { n: 41 } }), ['accepted null']);
  });
});

describe('the message', () => {
  test('semantics §8: html of e-mails is escaped, texts never', async () => {
    const params = { first_name: `<b>"A&B'` };
    const token = { from: 'a@shop.example', html: '<hr>' };
    const { from, subject, body, html } = await sending('~email', { email: 'x@mail.example', params, token });
    assert.equal(from, 'Shop <a@shop.example>');
    assert.equal(subject, `S <b>"A&B' & co`);
    assert.equal(body, `Text <<b>"A&B'>`);
    const escaped = '&lt;b&gt;&quot;A&amp;B&#039;';
    assert.equal(html, `<p title="${escaped}">${escaped}</p><hr>`);
  });

  test('gives the vendor our ids, and where to report', async () => {
    const txnId = await create('~sms', { userId: 'ida', phone: PHONE });
    const { message_id: id, receipt_url: url, ...rest } = await sent(txnId);
    const { legs } = await carom.ended('shop', txnId);
    assert.equal(legs[0].messages[0].id, id);
    const { receiptUrl } = (await api('GET', 'providers/sms')).body;
    assert.equal(url, `${receiptUrl}?message=${id}`);
    assert.deepEqual(
      [rest['from'], rest['channel'], rest['txn_id'], rest['campaign_id'], rest['user_id']],
      ['SHOP', 'sms', txnId, '~sms', 'ida'],
    );
  });

  test('semantics §0: is of the campaign’s version at acceptance, also when the content changed before it was sent', async () => {
    const startAt = soon();
    const early = await create('~pinned', { phone: PHONE, startAt });
    const changed = await api('PATCH', 'campaigns/~pinned', { body: 'Two' });
    assert.equal(changed.body.version, 2);
    const late = await create('~pinned', { phone: PHONE });
    assert.equal((await sent(late)).body, 'Two');
    assert.equal((await sent(early)).body, 'One');
    const versions = [early, late].map(async (id) => (await carom.ended('shop', id)).legs[0].version);
    assert.deepEqual(await Promise.all(versions), [1, 2]);
  });

  test('semantics §8: is rendered when its leg is triggered: with the profile of then', async () => {
    await api('PUT', 'profiles/later', { firstName: 'Before', phone: PHONE });
    const txnId = await create('~sms', { userId: 'later', startAt: soon() });
    await api('PUT', 'profiles/later', { firstName: 'After', phone: '98765 00002' });
    const { to, body } = await sent(txnId);
    assert.deepEqual([to, body], ['+919876500002', 'Hi After|']);
  });
});
