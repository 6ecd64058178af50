/** Xtremepush's clients move over by changing the host and the key: their requests, unchanged, work as documented. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const EXECUTE = '/api/external/execute/campaign';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The two requests of the vendor's page, to the letter. */
const GATE_UPDATE = `{
    "apptoken": "APP_TOKEN",
    "id": "CAMPAIGN_ID",
    "params": {
        "flight_num": "EI105",
        "time": "10:30",
        "gate_num": "B100"
    },
    "target_by": "user_id",
    "target": ["USER_ID"]
}`;
const JOURNEY = `{
  "apptoken": "APP_TOKEN",
  "id": "Campaign_ID",
  "target_by": "user_id",
  "target": ["user_1", "user_2", "user_3"],
  "params": {
    "promo_name": "Play-X-Get-Y",
    "match_name": "Man Utd vs Liverpool"
  },
  "target_with_params": {
    "user_1": {"promo_code": "PLAY50X"},
    "user_2": {"promo_code": "PLAY75Y"},
    "user_3": {"promo_code": "PLAY100Z"}
  }
}`;

let carom: Carom;
let vendor: HttpVendor;
/** The client's own backend, which is told by webhooks. */
let backend: HttpVendor;

/** What the vendor was asked to send. */
interface Sent {
  channel: string;
  to: string;
  [name: string]: unknown;
}

const sent = (): Sent[] => vendor.calls.map(({ body }) => JSON.parse(body) as Sent);
const sentTo = (...addresses: string[]) => sent().filter(({ to }) => addresses.includes(to));

/** What was sent to these addresses, as soon as there are so many. */
function arrived(count: number, ...addresses: string[]): Promise<Sent[]> {
  return eventually(
    async () => sentTo(...addresses),
    ({ length }) => length >= count,
  );
}

function execute(call: object | string, headers: Record<string, string> = {}): Promise<Answer> {
  const body = typeof call === 'string' ? call : { apptoken: 'APP_TOKEN', ...call };
  return carom.call('POST', EXECUTE, { key: null, body, headers });
}

/** The batch of a call that was taken, as soon as it has ended. */
async function ended(answer: Answer): Promise<Answer['body']> {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return eventually(
    () => batchOf(answer),
    ({ state }) => state === 'ended',
  );
}

async function batchOf({ body }: Answer): Promise<Answer['body']> {
  return (await carom.call('GET', `/v1/batches/${body.model.batch_id}?account=sport`)).body;
}

/** Makes a user with a phone number and devices of his own. */
async function user(userId: string, phone: string, fields: object = {}): Promise<void> {
  const devices = [
    { channel: 'push', token: `phone-of-${userId}` },
    { channel: 'web_push', token: `browser-of-${userId}` },
  ];
  const body = { phone, devices, ...fields };
  const { status } = await carom.call('PUT', `/v1/profiles/${userId}?account=sport`, { body });
  assert.ok(status < 300);
}

before(async () => {
  [carom, vendor, backend] = await Promise.all([startCarom(), startVendor(), startVendor()]);
  const channels = ['sms', 'push', 'web_push', 'email'];
  const json = Object.fromEntries(
    ['channel', 'to', 'body', 'title', 'subject', 'html', 'image', 'url', 'data'].map((name) => [
      name,
      `{{ ${name} }}`,
    ]),
  );
  const campaign = (id: string, fields: object) => ({ id, state: 'running', ...fields });
  const sms = { channel: 'sms', provider: 'sms' };
  const push = { channel: 'push', provider: 'push', tracking: false };
  await carom.apply({
    account: 'sport',
    privateNetwork: 'allow',
    keys: [{ id: 'app', key: 'APP_TOKEN', scopes: ['trigger', 'read', 'admin'] }],
    limits: { xtremepush: '1000/h' },
    providers: channels.map((channel) => ({ id: channel, channel, type: 'http', request: { url: vendor.url, json } })),
    campaigns: [
      campaign('CAMPAIGN_ID', {
        ...sms,
        body: 'Flight {{ flight_num }} leaves at {{ time }} from gate {{ gate_num }}.',
      }),
      campaign('Campaign_ID', {
        stages: [
          { ...sms, body: 'Hi {{first_name}}, your {{promo_name}} offer for {{match_name}} is now live.' },
          {
            channel: 'web_push',
            provider: 'web_push',
            title: 'Offer',
            body: 'Place your bet on {{match_name}}. Use code {{promo_code}} to claim your {{promo_name}} offer.',
          },
        ],
      }),
      campaign('12345', { ...sms, body: '{{ a }}|{{ b }}|{{ c }}|{{ first_name }}|{{ nothing }}' }),
      campaign('push', { ...push, title: 'T', body: 'B', data: { page: 'home' } }),
      campaign('both', {
        messages: [
          { channel: 'push', provider: 'push', title: 'T', body: 'B' },
          { channel: 'email', provider: 'email', subject: 'S', body: 'B' },
        ],
      }),
    ],
  });
});
after(async () => {
  await carom.stop();
  await Promise.all([vendor.close(), backend.close()]);
});

describe('the documented requests', () => {
  test('the first: an SMS with the params of the call', async () => {
    await user('USER_ID', '+353861000001');
    const answer = await execute(GATE_UPDATE);
    assert.equal(answer.status, 200);
    const { batch_id, ...model } = answer.body.model;
    assert.deepEqual({ ...answer.body, model }, { code: 200, success: true, model: { id: 'CAMPAIGN_ID', total: 1 } });
    assert.match(batch_id, UUID);
    const [message] = await arrived(1, '+353861000001');
    assert.equal(message!['body'], 'Flight EI105 leaves at 10:30 from gate B100.');
  });

  test('the second: a journey for three users, with params of the call, of each user and of his profile', async () => {
    const users = ['user_1', 'user_2', 'user_3'];
    const names = ['Ana', 'Ben', 'Cem'];
    for (const [n, id] of users.entries()) await user(id, `+35386100001${n}`, { firstName: names[n] });
    const answer = await execute(JOURNEY);
    assert.equal(answer.body.model.total, 3);
    const addresses = users.flatMap((id, n) => [`+35386100001${n}`, `browser-of-${id}`]);
    const messages = await arrived(6, ...addresses);
    const texts = Object.fromEntries(messages.map(({ to, body }) => [to, body]));
    for (const [n, code] of ['PLAY50X', 'PLAY75Y', 'PLAY100Z'].entries()) {
      const smsText = `Hi ${names[n]}, your Play-X-Get-Y offer for Man Utd vs Liverpool is now live.`;
      const webText = `Place your bet on Man Utd vs Liverpool. Use code ${code} to claim your Play-X-Get-Y offer.`;
      assert.deepEqual([texts[`+35386100001${n}`], texts[`browser-of-${users[n]}`]], [smsText, webText]);
    }
    const { counts } = await ended(answer);
    assert.deepEqual([counts.total, counts.completed], [3, 3]);
    assert.equal(messages.length, 6);
  });

  test('users by their params alone', async () => {
    await user('crm-user-1', '+353861000021');
    await user('crm-user-2', '+353861000022');
    const target_with_params = { 'crm-user-1': { a: 'Alex', b: '100 EUR' }, 'crm-user-2': { a: 'John', b: '80 EUR' } };
    await ended(await execute({ id: '12345', target_by: 'user_id', target_with_params }));
    const texts = sentTo('+353861000021', '+353861000022').map(({ body }) => String(body));
    assert.deepEqual(texts.toSorted(), ['Alex|100 EUR|||', 'John|80 EUR|||']);
  });

  test('a time that has passed is now; external_message_id is told to webhooks, and a param like others', async () => {
    await user('user1', '+353861000023');
    const webhook = { url: `${backend.url}/told`, events: ['message.sent'], format: 'xtremepush' };
    const made = await carom.call('PUT', '/v1/webhooks/backend?account=sport', { body: webhook });
    assert.ok(made.status < 300, JSON.stringify(made.body));
    const params = { external_message_id: '987654321', a: '{{ x }}' };
    const time = '2021-01-01 12:00 UTC';
    const { state } = await ended(await execute({ id: 12_345, target: ['user1'], target_by: 'user_id', params, time }));
    assert.equal(state, 'ended');
    assert.equal(sentTo('+353861000023')[0]!['body'], '{{ x }}||||');
    const told = JSON.parse((await backend.call(0)).body) as { event: string; properties: Record<string, unknown> };
    assert.equal(told.event, 'message_send');
    assert.deepEqual([told.properties['external_message_id'], told.properties['user_id']], ['987654321', 'user1']);
    assert.equal((await carom.call('DELETE', '/v1/webhooks/backend?account=sport')).status, 204);
  });

  test('a number without target_by is an internal id; payload_add adds to the data of the push', async () => {
    await user('numbered', '+353861000024', { internalId: 123_456 });
    const payload_add = [{ key: 'URL_KEY', value: 'https://m.example.com/deeplink/123456' }];
    const { recipients } = await ended(await execute({ id: 'push', target: [123_456], payload_add }));
    assert.equal(recipients[0].userId, 'numbered');
    const [push] = sentTo('phone-of-numbered');
    assert.deepEqual([push!['title'], push!['body']], ['T', 'B']);
    assert.deepEqual(push!['data'], { page: 'home', URL_KEY: 'https://m.example.com/deeplink/123456' });
  });
});

describe('the users of a call', () => {
  test('can be named by user id, e-mail address, phone number and internal id; by default by one of the ids', async () => {
    await user('known', '+353861000031', { email: 'Known@mail.example', internalId: '777' });
    const cases: [string | undefined, string | number][] = [
      ['user_id', 'known'],
      ['external_id', 'known'],
      ['email', 'known@MAIL.example'],
      ['mobile_number', '+353861000031'],
      ['id', 777],
      ['profile_id', '777'],
      [undefined, 777],
      [undefined, 'known'],
    ];
    for (const [target_by, target] of cases) {
      const { recipients } = await ended(await execute({ id: '12345', target: [target], target_by }));
      assert.equal(recipients[0].userId, 'known', `${target_by} ${target}`);
    }
    assert.equal(sentTo('+353861000031').length, cases.length);
  });

  test('who are unknown are reported in the batch; the others get their messages', async () => {
    await user('there', '+353861000032');
    const answer = await execute({ id: '12345', target: ['nobody', 'there'], target_by: 'user_id' });
    assert.equal(answer.body.model.total, 2);
    const { counts, recipients } = await ended(answer);
    assert.deepEqual([counts.refused, counts.completed], [1, 1]);
    const [nobody, there] = recipients;
    assert.deepEqual([nobody.target, nobody.userId, nobody.reason], ['nobody', null, 'unknown_user']);
    assert.equal(there.userId, 'there');
    assert.equal(sentTo('+353861000032').length, 1);
    assert.equal((await carom.call('GET', '/v1/profiles/nobody?account=sport')).status, 404);
  });

  test('who are named twice get one message', async () => {
    await user('twice', '+353861000033');
    const target_with_params = { twice: { a: 'own' } };
    const answer = await execute({ id: '12345', target: ['twice', 'twice'], target_by: 'user_id', target_with_params });
    assert.equal(answer.body.model.total, 1);
    await ended(answer);
    assert.deepEqual(
      sentTo('+353861000033').map(({ body }) => body),
      ['own||||'],
    );
  });

  test('semantics §8: own params win over those of the call, these over the profile; none is stored', async () => {
    const attributes = { a: 'profile', b: 'profile', c: 'profile' };
    await user('personal', '+353861000034', { firstName: 'Pia', attributes });
    const call = { id: '12345', target_by: 'user_id', params: { a: 'call', b: 'call' } };
    await ended(await execute({ ...call, target_with_params: { personal: { a: 'own' } } }));
    assert.equal(sentTo('+353861000034')[0]!['body'], 'own|call|profile|Pia|');
    const { body } = await carom.call('GET', '/v1/profiles/personal?account=sport');
    assert.deepEqual(body.attributes, attributes);
  });

  test('target_existing_only: 0 makes those who are not there, and writes exactly four fields', async () => {
    await user('existing', '+353861000035', { firstName: 'Eva' });
    const target_with_params = {
      'new-1': {
        email: 'new@mail.example',
        mobile_number: '+353861000036',
        email_subscription: 0,
        first_name: 'Not kept',
      },
      existing: { mobile_number: '+353861000037', mobile_subscription: 1, a: 'x' },
    };
    const call = { id: '12345', target_by: 'user_id', target_existing_only: 0, target_with_params };
    const { counts } = await ended(await execute(call));
    assert.equal(counts.completed, 2);
    const profile = async (id: string) => (await carom.call('GET', `/v1/profiles/${id}?account=sport`)).body;
    const made = await profile('new-1');
    assert.deepEqual(
      [made.email, made.phone, made.consents, made.firstName, made.attributes],
      ['new@mail.example', '+353861000036', { email: false }, null, {}],
    );
    const changed = await profile('existing');
    assert.deepEqual(
      [changed.phone, changed.consents, changed.firstName, changed.attributes],
      ['+353861000037', { sms: true }, 'Eva', {}],
    );
    assert.equal(sentTo('+353861000036')[0]!['body'], '|||Not kept|');
    assert.equal(sentTo('+353861000037')[0]!['body'], 'x|||Eva|');
    assert.equal(sentTo('+353861000035').length, 0);
  });
});

describe('a call', () => {
  test('replaces texts of the campaign, which are templates too', async () => {
    await user('replaced', '+353861000041');
    const call = { target: ['replaced'], target_by: 'user_id', params: { x: 'Y' } };
    const push = {
      push_title: 'New {{ x }}',
      push_text: 'Text',
      push_picture: 'https://i.example/a.png',
      push_picture_type: 'url',
    };
    await ended(await execute({ ...call, id: 'push', ...push, url: 'https://shop.example' }));
    const [message] = sentTo('phone-of-replaced');
    assert.deepEqual(
      ['title', 'body', 'image', 'url', 'data'].map((name) => message![name]),
      ['New Y', 'Text', 'https://i.example/a.png', 'https://shop.example', { page: 'home' }],
    );
    await ended(await execute({ ...call, id: '12345', messages: { 9: { text: 'Only {{ x }}' } } }));
    assert.equal(sentTo('+353861000041')[0]!['body'], 'Only Y');
    await ended(await execute({ ...call, id: 'push' }));
    assert.equal(sentTo('phone-of-replaced')[1]!['title'], 'T');
  });

  test('replaces each kind of message of a campaign with several', async () => {
    await user('several', '+353861000042', { email: 'several@mail.example' });
    const messages = { 1: { push_text: 'P' }, 2: { push_text: 'P' }, 7: { subject: 'E', html: '<b>{{ x }}</b>' } };
    const call = { id: 'both', target: ['several'], target_by: 'user_id', params: { x: '<' }, push_title: 'All' };
    await ended(await execute({ ...call, messages }));
    const [push] = sentTo('phone-of-several');
    const [email] = sentTo('several@mail.example');
    assert.deepEqual([push!['title'], push!['body']], ['All', 'P']);
    assert.equal(email!['subject'], 'E');
    assert.match(String(email!['html']), /<b>&lt;<\/b>/);
  });

  test('is started at its time, not before', async () => {
    await user('later', '+353861000043');
    const at = Date.now() + 1_500;
    const time = new Date(at).toISOString();
    const answer = await execute({ id: '12345', target: ['later'], target_by: 'user_id', time });
    assert.equal(answer.status, 200);
    await arrived(1, '+353861000043');
    const lateMs = Date.now() - at;
    assert.ok(lateMs >= 0 && lateMs < 5_000, `${lateMs} ms after its time`);
  });

  test('is read as JSON under any name, and with the key in the Authorization header', async () => {
    await user('typed', '+353861000044');
    const body = JSON.stringify({ apptoken: 'APP_TOKEN', id: '12345', target: ['typed'], target_by: 'user_id' });
    for (const type of ['application/x-www-form-urlencoded', 'text/plain; charset=utf-8']) {
      assert.equal((await execute(body, { 'content-type': type })).status, 200, type);
    }
    const bytes = new TextEncoder().encode(body);
    assert.equal((await fetch(carom.url + EXECUTE, { method: 'POST', body: bytes })).status, 200);
    const bearer = { authorization: 'Bearer APP_TOKEN' };
    assert.equal((await execute({ apptoken: undefined, id: '12345', target: ['typed'] }, bearer)).status, 200);
  });

  test('may be large: 10,000 users are one batch', async () => {
    const target_with_params = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, n) => [`many-${n}`, { a: `v${n}` }]),
    );
    const answer = await execute({ id: '12345', target_by: 'user_id', target_with_params });
    assert.deepEqual([answer.status, answer.body.model.total], [200, 10_000]);
    const { counts } = await ended(answer);
    assert.deepEqual([counts.total, counts.refused], [10_000, 10_000]);
  });

  test('says the limit, of which each call takes one, and what is left of it (semantics §9)', async () => {
    const call = { id: '12345', target: ['nobody-1', 'nobody-2'] };
    const left = [await execute(call), await execute(call)].map(({ headers }) => headers.get('x-ratelimit-remaining'));
    assert.equal(Number(left[0]) - 1, Number(left[1]));
    const { headers } = await execute(call);
    assert.equal(headers.get('x-ratelimit-limit'), '1000');
    assert.match(headers.get('ratelimit')!, /^"xtremepush";r=\d+;t=0$/);
  });
});
