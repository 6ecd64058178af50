/** Rows of Altcraft's calls mean profiles in eleven ways, and say where messages go. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const TOKEN = 'abcdefghijklmnqrstuvwxyz';
const START_BATCH = '/api/v1.1/campaigns/triggers/start_batch';

let carom: Carom;
let vendor: HttpVendor;

interface Sent {
  channel: string;
  to: string;
  user: string;
  body: string;
}

/** What was sent to users with these ids, as soon as there are so many. */
function arrived(count: number, ...users: string[]): Promise<Sent[]> {
  return eventually(
    async () => vendor.calls.map(({ body }) => JSON.parse(body) as Sent).filter(({ user }) => users.includes(user)),
    ({ length }) => length >= count,
  );
}

const call = (body: object) => carom.call('POST', START_BATCH, { key: null, body: { token: TOKEN, ...body } });
const xml = (body: string) =>
  carom.call('POST', START_BATCH, { key: null, body: `<xml><token>${TOKEN}</token>${body}</xml>` });

/** The ids of an answer that says that it went well. */
function idsOf({ status, body }: Answer): string[] {
  assert.equal(status, 200, JSON.stringify(body));
  return body.result.map((one: { profile_id: string }) => one.profile_id);
}

async function user(userId: string, fields: object): Promise<void> {
  const { status, body } = await carom.call('PUT', `/v1/profiles/${userId}?account=shop`, { body: fields });
  assert.ok(status < 300, JSON.stringify(body));
}

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  const json = { channel: '{{ channel }}', to: '{{ to }}', user: '{{ user_id }}', body: '{{ body }}' };
  const channels = ['sms', 'email', 'push'];
  const email = { state: 'running', channel: 'email', provider: 'email', subject: 'S', tracking: false };
  await carom.apply({
    account: 'shop',
    defaultRegion: 'IN',
    keys: [{ id: 'app', key: TOKEN, scopes: ['trigger', 'read'] }],
    providers: channels.map((channel) => ({ id: channel, channel, type: 'http', request: { url: vendor.url, json } })),
    campaigns: [
      ...['8', '85'].map((id) => ({ id, ...email, body: `Campaign ${id}` })),
      { id: '10', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi {{ first_name }}' },
      { id: '11', state: 'running', channel: 'push', provider: 'push', title: 'T', body: 'B', tracking: false },
      { id: '12', ...email, body: 'Code {{ code }}.' },
    ],
  });
  await user('one', { email: 'example1@example.com' });
});
after(async () => {
  await carom.stop();
  await vendor.close();
});

describe('profiles', () => {
  before(async () => {
    await user('ana', {
      email: 'ana@home.org',
      phone: '+91 98765-00001',
      subscriptions: [
        { channel: 'email', value: 'Ana@Work.org' },
        { channel: 'sms', value: '+919876500002' },
        { channel: 'push', provider: 'ios-firebase', subscriptionId: 'ANAS-PHONE', custom: { shelf: 5, size: 'L' } },
      ],
      attributes: { level: 7, nick: '7a' },
    });
    await user('bob', { subscriptions: [{ channel: 'email', value: 'bob@work.org' }], attributes: { level: '8' } });
  });

  const CASES: [matching: string, row: object, userId: string | null][] = [
    ['email', { email: 'ANA@home.org' }, 'ana'],
    ['email', { email: 'ana@work.org' }, 'ana'],
    ['email_profile', { email: 'ana@home.org' }, 'ana'],
    ['email_profile', { email: 'ana@work.org' }, null],
    ['email_sub', { email: 'ana@home.org' }, null],
    ['email_sub', { email: ' ana@WORK.org ' }, 'ana'],
    ['phone', { phone: '98765 00001' }, 'ana'],
    ['phone', { phone: 919876500001 }, 'ana'],
    ['phone', { phone: '9876500002' }, 'ana'],
    ['phone_sub', { phone: '9876500001' }, null],
    ['phone_sub', { phone: '+91 (98765) 00002' }, 'ana'],
    ['profile_id', { profile_id: 'ana' }, 'ana'],
    ['profile_id', { profile_id: 'Ana' }, null],
    ['push_sub', { provider: 'ios-firebase', subscription_id: 'ANAS-PHONE' }, 'ana'],
    ['push_sub', { provider: 'android-firebase', subscription_id: 'ANAS-PHONE' }, null],
    ['custom', { field_name: 'level', field_value: 7 }, 'ana'],
    ['custom', { field_name: 'level', field_value: '7' }, 'ana'],
    ['custom', { field_name: 'level', field_value: 8 }, 'bob'],
    ['custom', { field_name: 'level', field_value: '07' }, null],
    ['custom', { field_name: 'nick', field_value: '7a' }, 'ana'],
    ['custom_sub', { field_name: 'shelf', field_value: '5' }, 'ana'],
    ['custom_sub', { field_name: 'size', field_value: 'M' }, null],
    ['email_phone', { email: 'nobody@x.org', phone: '+919876500001' }, 'ana'],
    ['email_phone', { email: 'ana@home.org' }, 'ana'],
    ['email_phone', { phone: '9876500001' }, 'ana'],
    ['email_phone', { email: 'ana@work.org', phone: '9876500002' }, null],
    ['email_phone_sub', { email: 'ana@work.org' }, 'ana'],
    ['email_phone_sub', { phone: '9876500002' }, 'ana'],
    ['email_phone_sub', { email: 'ana@home.org', phone: '9876500001' }, null],
  ];
  for (const [place, [matching, row, userId]] of CASES.entries()) {
    test(`are matched by ${matching}: ${JSON.stringify(row)} is ${userId ?? 'nobody'}, in JSON and in XML`, async () => {
      const content = { case: place };
      const answer = await call({ trigger_id: 8, matching, data: [row], content });
      assert.deepEqual(idsOf(answer), userId === null ? [] : [userId]);
      const fields = Object.entries(row).map(([name, value]) => `<${name}>${value}</${name}>`);
      const asXml = await xml(
        `<format>json</format><trigger_id>8</trigger_id><matching>${matching}</matching><data>${fields.join('')}</data>
         <content><case>${place}</case></content>`,
      );
      assert.deepEqual(idsOf(asXml), userId === null ? [] : [userId]);
    });
  }

  test('that are matched in rows of several kinds at once are told in their order, each once, unmatched ones not at all', async () => {
    const emails = [
      'ana@work.org',
      'nobody@x.org',
      'example1@example.com',
      'ana@home.org',
      'bob@work.org',
      'EXAMPLE1@example.com',
    ];
    const data = emails.map((email, n) => ({ email, content: { code: `C${n}` } }));
    assert.deepEqual(idsOf(await call({ trigger_id: 12, data })), ['ana', 'one', 'bob']);
    const codes = await eventually(
      async () => (await arrived(1, 'ana', 'one', 'bob')).filter(({ body }) => body.startsWith('Code')),
      ({ length }) => length >= 3,
    );
    assert.deepEqual(codes.map(({ user: id, body }) => `${id} ${/C\d/.exec(body)![0]}`).toSorted(), [
      'ana C0',
      'bob C4',
      'one C2',
    ]);
  });

  test('an address that was found in a subscription is the one that the message goes to', async () => {
    const mixed = [{ phone: '9876500001', email: 'no@x.org' }, { email: 'no@x.org' }];
    await call({ trigger_id: 10, matching: 'phone_sub', data: [{ phone: '+91 98765 00002' }] });
    await call({
      trigger_id: 11,
      matching: 'push_sub',
      data: [{ provider: 'ios-firebase', subscription_id: 'ANAS-PHONE' }],
    });
    await call({ trigger_id: 85, matching: 'email_sub', data: [{ email: 'ana@work.org' }] });
    await call({ trigger_id: 85, matching: 'profile_id', data: [{ profile_id: 'bob' }] });
    assert.deepEqual(idsOf(await call({ trigger_id: 10, matching: 'email_phone', data: mixed })), ['ana']);
    const sent = await eventually(
      () => arrived(1, 'ana', 'bob'),
      (all) =>
        all.filter(({ channel }) => channel === 'sms').length >= 2 && all.some(({ channel }) => channel === 'push'),
    );
    const to = (channel: string) => new Set(sent.filter((one) => one.channel === channel).map((one) => one.to));
    assert.deepEqual(to('sms'), new Set(['+919876500002', '+919876500001']));
    assert.deepEqual(to('push'), new Set(['ANAS-PHONE']));
    await eventually(
      () => arrived(1, 'ana', 'bob'),
      (all) =>
        ['ana@work.org', 'bob@work.org'].every((address) =>
          all.some(({ to: its, body }) => its === address && body === 'Campaign 85'),
        ),
    );
  });
});
