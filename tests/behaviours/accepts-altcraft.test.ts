/** Altcraft's clients move over by changing the host and the token: their requests, unchanged, work as documented. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const TOKEN = 'abcdefghijklmnqrstuvwxyz';
const TRIGGERS = '/api/v1.1/campaigns/triggers';
const OK = { error: 0, error_text: 'Successful operation' };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The requests of the vendor's page, to the letter. */
const BY_EMAIL = `{
"token": "${TOKEN}",
"trigger_id": 8,
"format": "json",
"matching": "email",
"data": [
{
"email": "example1@example.com"
},
{
"email": "example2@example.com"
}
]
}`;
const BY_EMAIL_XML = `<xml>
<token>${TOKEN}</token>
<trigger_id>85</trigger_id>
<format>xml</format>
<matching>email</matching>
<data>
<email>example1@example.com</email>
</data>
<data>
<email>example2@example.com</email>
</data>
</xml>`;
const BY_FIELD = `{
"token": "${TOKEN}",
"trigger_id": 96,
"format": "json",
"skip_triggers": false,
"matching": "custom",
"field_name": "Custom_ID",
"data": [
{
"field_value": "003"
},
{
"field_value": "002"
}
]
}`;
const BY_FIELD_XML = `<xml>
<token>${TOKEN}</token>
<trigger_id>85</trigger_id>
<format>xml</format>
<skip_triggers>false</skip_triggers>
<matching>custom</matching>
<field_name>Custom_ID</field_name>
<data>
<field_value>YY</field_value>
</data>
<data>
<field_value>AA</field_value>
</data>
</xml>`;

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

function call(body: object | string, path = '/start_batch', headers: Record<string, string> = {}): Promise<Answer> {
  const sent = typeof body === 'string' ? body : { token: TOKEN, ...body };
  return carom.call('POST', TRIGGERS + path, { key: null, body: sent, headers });
}

const xml = (body: string, path = '/start_batch') =>
  call(`<xml><token>${TOKEN}</token>${body}</xml>`, path, { 'content-type': 'application/xml' });

/** The ids of an answer that says that it went well. */
function idsOf({ status, body }: Answer): string[] {
  assert.equal(status, 200, JSON.stringify(body));
  const { result, ...rest } = body;
  assert.deepEqual(rest, OK);
  return result.map((one: { profile_id: string }) => {
    assert.deepEqual(Object.keys(one), ['profile_id']);
    return one.profile_id;
  });
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
    privateNetwork: 'allow',
    defaultRegion: 'IN',
    keys: [{ id: 'app', key: TOKEN, scopes: ['trigger', 'read'] }],
    providers: channels.map((channel) => ({ id: channel, channel, type: 'http', request: { url: vendor.url, json } })),
    campaigns: [
      ...['8', '85', '96'].map((id) => ({ id, ...email, body: `Campaign ${id}` })),
      { id: '10', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi {{ first_name }}' },
      {
        id: '12',
        ...email,
        body:
          '{apicontent.order.id}:{% for item in apicontent.items %}{{ item.name }}={{ item.price * 2 }};{% endfor %}' +
          '{% if apicontent.gift %}gift{% else %}no gift{% endif %} {{ code }} {{ custom_data.crm }}',
      },
      {
        id: '13',
        state: 'running',
        stages: [
          { channel: 'sms', provider: 'sms', body: 'Hi' },
          { hook: { url: `${vendor.url}/hook`, json: { user: '{{ user_id }}', data: '{{ custom_data }}' } } },
        ],
      },
    ],
  });
  await user('one', { email: 'example1@example.com', attributes: { Custom_ID: '003' } });
  await user('two', { email: 'Example2@Example.com', attributes: { Custom_ID: '002' } });
  await user('yy', { email: 'yy@example.com', attributes: { Custom_ID: 'YY' } });
  await user('aa', { email: 'aa@example.com', attributes: { Custom_ID: 'AA' } });
});
after(async () => {
  await carom.stop();
  await vendor.close();
});

describe('the documented requests', () => {
  test('by e-mail, in JSON', async () => {
    const answer = await call(BY_EMAIL);
    assert.match(answer.headers.get('content-type')!, /^application\/json/);
    assert.deepEqual(answer.body, { ...OK, result: [{ profile_id: 'one' }, { profile_id: 'two' }] });
    const sent = await arrived(2, 'one', 'two');
    assert.deepEqual(sent.map(({ to, body }) => `${to} ${body}`).toSorted(), [
      'Example2@Example.com Campaign 8',
      'example1@example.com Campaign 8',
    ]);
  });

  test('by e-mail, in XML', async () => {
    for (const type of ['application/xml', 'text/xml', 'application/json']) {
      const answer = await call(BY_EMAIL_XML, '/start_batch', { 'content-type': type });
      assert.equal(answer.status, 200, answer.body);
      assert.match(answer.headers.get('content-type')!, /^application\/xml/);
      assert.equal(
        answer.body,
        '<xml><error>0</error><error_text>Successful operation</error_text>' +
          '<result><profile_id>one</profile_id></result><result><profile_id>two</profile_id></result></xml>',
      );
    }
  });

  test('by a field of the profile, in JSON and in XML, in the order of the request', async () => {
    assert.deepEqual(idsOf(await call(BY_FIELD)), ['one', 'two']);
    const { status, body } = await call(BY_FIELD_XML);
    assert.equal(status, 200, body);
    assert.match(body, /<result><profile_id>yy<\/profile_id><\/result><result><profile_id>aa<\/profile_id><\/result>/);
    const sent = await arrived(2, 'yy', 'aa');
    assert.deepEqual(
      sent.map(({ body: text }) => text),
      ['Campaign 85', 'Campaign 85'],
    );
  });

  test('for one profile, and as a task', async () => {
    const row = { id: 8, matching: 'email', email: 'example1@example.com', content: { n: 1 } };
    assert.deepEqual(idsOf(await call(row, '/start')), ['one']);
    const { status, body } = await call(
      { id: 8, data: [{ email: 'yy@example.com' }, { email: 'no@x.org' }] },
      '/start_batch_task',
    );
    assert.equal(status, 200);
    const { task_id, ...rest } = body;
    assert.deepEqual(rest, OK);
    assert.match(task_id, UUID);
    const { task } = await eventually(
      async () =>
        (await carom.call('POST', '/api/v1.1/tasks/get', { key: null, body: { token: TOKEN, task_id } })).body,
      ({ task: { status } }) => status === 'ended',
    );
    assert.deepEqual([task.id, task.trigger_id, task.total, task.completed], [task_id, '8', 1, 1]);
    const asXml = `<xml><token>${TOKEN}</token><id>${task_id}</id></xml>`;
    const told = await carom.call('POST', '/api/v1.1/tasks/get', { key: null, body: asXml });
    assert.match(told.body, new RegExp(`<task><id>${task_id}</id><trigger_id>8</trigger_id><status>`));
  });

  test('with the token in a header, and either name of the campaign', async () => {
    const body = { id: '8', data: [{ email: 'aa@example.com' }] };
    const { status } = await carom.call('POST', `${TRIGGERS}/start_batch`, { key: TOKEN, body });
    assert.equal(status, 200);
    assert.deepEqual(idsOf(await call({ trigger_id: '8', id: 8, email: 'aa@example.com' }, '/start')), ['aa']);
  });

  test('an answer has the format that is asked for, in the body or in the address', async () => {
    const body = { trigger_id: 8, data: [{ email: 'aa@example.com' }], content: { format: 'test' } };
    assert.match((await call({ ...body, format: 'xml' })).body, /^<xml><error>0</);
    assert.match((await call(body, '/start_batch?format=xml')).body, /^<xml><error>0</);
    const data = '<trigger_id>8</trigger_id><data><email>aa@example.com</email></data>';
    assert.deepEqual(idsOf(await xml(`<format>json</format>${data}`)), ['aa']);
  });
});

describe('good rows beside bad ones', () => {
  const long = { big: 'x'.repeat(20_000) };
  const data = [{ email: 'yy@example.com' }, { emial: 'x' }, 5, { email: 'no@x.org' }, { email: 'aa@example.com' }];

  test('are sent to, and the bad ones are named with their place', async () => {
    const answer = await call({ trigger_id: 96, data: [...data, { email: 'one@x.org', content: long }] });
    const { error_debug, ...rest } = answer.body;
    assert.deepEqual(rest, { ...OK, result: [{ profile_id: 'yy' }, { profile_id: 'aa' }] });
    assert.match(
      error_debug,
      /^3 rows were left out: data\.1\.emial is not .*; data\.1\.email is missing; data\.2 must be an object; data\.5 has \d+/,
    );
    const sent = await eventually(
      async () => vendor.calls.map(({ body }) => JSON.parse(body) as Sent).filter(({ body }) => body === 'Campaign 96'),
      (calls) => ['yy', 'aa'].every((user) => calls.some((one) => one.user === user)),
    );
    assert.equal(sent.filter(({ user }) => user === 'yy').length, 1);
  });

  test('as a task, and in XML; a repeat is told the same', async () => {
    const task = await call({ id: 96, data }, '/start_batch_task');
    assert.match(task.body.error_debug, /^2 rows were left out: /);
    assert.match(task.body.task_id, UUID);
    const rows = '<data><email>yy@example.com</email></data><data><phone>1</phone></data>';
    const told = await xml(`<trigger_id>96</trigger_id>${rows}`);
    const debug = '<error_debug>1 row was left out: data.1.email is missing</error_debug>';
    assert.equal(
      told.body,
      `<xml><error>0</error><error_text>Successful operation</error_text>${debug}<result><profile_id>yy</profile_id></result></xml>`,
    );
    assert.equal((await xml(`<trigger_id>96</trigger_id>${rows}`)).body, told.body);
  });
});

describe('content and custom_data', () => {
  test('have loops, nested access and conditions, the row’s own winning, alike in JSON and in XML', async () => {
    await user('reader', { email: 'reader@x.org' });
    const content = { order: { id: '007' }, items: [{ name: 'Tea & <b>', price: 2.5 }], gift: false, code: 'all' };
    const row = { email: 'reader@x.org', content: { code: 'own' }, custom_data: { crm: 'row' } };
    await call({ trigger_id: 12, content, custom_data: { crm: 'all' }, data: [row] });
    await xml(
      `<trigger_id>12</trigger_id><content><order><id>007</id></order><items type="array"><name>Tea &amp; &#60;b&gt;</name><price>2.5</price></items>
       <gift>false</gift><code>all</code></content><custom_data><crm>all</crm></custom_data>
       <data><email>reader@x.org</email><content><code>own</code></content><custom_data><crm>row</crm></custom_data></data>`,
    );
    const sent = await arrived(2, 'reader');
    for (const { body } of sent) assert.equal(body, '007:Tea & <b>=5;no gift own row');
  });

  test('custom_data is given to hook stages, with its kinds', async () => {
    await user('hooked', { phone: '+919876500009' });
    const custom_data = { order: 17, paid: true, tags: ['a'] };
    await call({ trigger_id: 13, matching: 'profile_id', custom_data, data: [{ profile_id: 'hooked' }] });
    await user('hooked-2', { phone: '+919876500008' });
    await xml(
      `<trigger_id>13</trigger_id><matching>profile_id</matching><data><profile_id>hooked-2</profile_id></data>
       <custom_data><order>17</order><paid>true</paid><tags type="array">a</tags></custom_data>`,
    );
    const hooks = await eventually(
      async () => vendor.calls.filter(({ url }) => url === '/hook').map(({ body }) => JSON.parse(body)),
      ({ length }) => length >= 2,
    );
    for (const { data } of hooks) assert.deepEqual(data, custom_data);
  });
});

describe('a call that comes again', () => {
  const body = { trigger_id: 10, matching: 'profile_id', data: [{ profile_id: 'again' }] };
  before(() => user('again', { phone: '+919876500007' }));

  async function transactions(userId: string): Promise<number> {
    return (await carom.call('GET', `/v1/transactions?userId=${userId}`, { key: TOKEN })).body.data.length;
  }

  test('unchanged is not done again: it gets the first answer, and headers that say so', async () => {
    const first = await call(body);
    assert.equal(first.headers.get('duplicate-request'), null);
    const second = await call(body);
    assert.deepEqual([second.status, second.body], [200, first.body]);
    assert.equal(second.headers.get('duplicate-request'), 'true');
    assert.match(second.headers.get('duplicate-key')!, /^[\w+/]{27}=$/);
    await arrived(1, 'again');
    assert.equal(await transactions('again'), 1);
    assert.equal((await call({ ...body, content: { n: 2 } })).headers.get('duplicate-request'), null);
    assert.equal((await call(body, '/start_batch?request_id=12345')).headers.get('duplicate-request'), null);
    await arrived(3, 'again');
    assert.equal(await transactions('again'), 3);
  });

  test('under the same Request-ID gets the first answer whatever it says; another one is another call', async () => {
    const [one, two] = [{ 'request-id': 'r-1' }, { 'request-id': 'r-2' }];
    await user('named', { phone: '+919876500006' });
    const named = { ...body, data: [{ profile_id: 'named' }] };
    assert.deepEqual(idsOf(await call(named, '/start_batch', one)), ['named']);
    const repeat = await call({ ...named, data: [{ profile_id: 'again' }] }, '/start_batch', one);
    assert.deepEqual([idsOf(repeat), repeat.headers.get('duplicate-request')], [['named'], 'true']);
    assert.equal((await call(named, '/start_batch', two)).headers.get('duplicate-request'), null);
    await arrived(2, 'named');
    assert.equal(await transactions('named'), 2);
  });

  test('twenty times at once is done once, and a repeat is answered in the first one’s format', async () => {
    await user('crowd', { phone: '+919876500005' });
    const crowd = `<trigger_id>10</trigger_id><matching>profile_id</matching><data><profile_id>crowd</profile_id></data>`;
    const told = await Promise.all(Array.from({ length: 20 }, () => xml(crowd)));
    assert.equal(told.filter(({ headers }) => headers.get('duplicate-request') === null).length, 1);
    assert.equal(new Set(told.map((one) => one.body)).size, 1);
    for (const { headers } of told) assert.match(headers.get('content-type')!, /^application\/xml/);
    await arrived(1, 'crowd');
    assert.equal(await transactions('crowd'), 1);
  });

  test('for nobody is a repeat, too; one that was refused is not', async () => {
    const nobody = { ...body, data: [{ profile_id: 'later' }] };
    assert.deepEqual(idsOf(await call(nobody)), []);
    await user('later', { phone: '+919876500004' });
    const repeat = await call(nobody);
    assert.deepEqual([idsOf(repeat), repeat.headers.get('duplicate-request')], [[], 'true']);
    for (const _ of [1, 2]) {
      const refused = await call({ ...nobody, trigger_id: 999 });
      assert.deepEqual([refused.status, refused.headers.get('duplicate-request')], [404, null]);
    }
  });
});
