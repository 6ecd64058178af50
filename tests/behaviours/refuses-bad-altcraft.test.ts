/** What is not a good call in Altcraft's language gets an error in the vendor's envelope, and leaves no trace. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';

const TOKEN = 'shop-token-of-these-tests';
const READ_TOKEN = 'reading-token-of-these-tests';
const TRIGGERS = '/api/v1.1/campaigns/triggers';

let carom: Carom;

before(async () => {
  carom = await startCarom({ env: { CAROM_LOG_LEVEL: 'trace' } });
  const campaign = { channel: 'sms', provider: 'sms', body: 'Hi' };
  await carom.apply({
    account: 'shop',
    keys: [
      { id: 'main', key: TOKEN, scopes: ['trigger'] },
      { id: 'reader', key: READ_TOKEN, scopes: ['read'] },
    ],
    providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
    campaigns: [
      { id: '1', state: 'running', ...campaign },
      ...['draft', 'paused', 'ended'].map((state, n) => ({ id: String(n + 2), state, ...campaign })),
    ],
  });
  await carom.call('PUT', '/v1/profiles/u?account=shop', { body: { email: 'u@x.org', phone: '+919876543210' } });
});
after(() => carom.stop());

const good = (changes: object = {}) => ({ token: TOKEN, trigger_id: 1, data: [{ email: 'u@x.org' }], ...changes });

/** Sends a call that must be refused, and finds what its error says for developers. */
async function refuse(body: unknown, status = 400, path = '/start_batch'): Promise<string> {
  return refused(await carom.call('POST', TRIGGERS + path, { key: null, ...(body !== undefined && { body }) }), status);
}

function refused({ status, headers, body }: Answer, expected: number): string {
  assert.equal(status, expected, JSON.stringify(body));
  assert.match(headers.get('content-type')!, /^application\/json/);
  assert.deepEqual(Object.keys(body), ['error', 'error_debug', 'error_text']);
  assert.equal(body.error, expected);
  return body.error_debug;
}

/** The same in XML. */
async function refuseXml(body: string, why: RegExp): Promise<void> {
  const answer = await carom.call('POST', `${TRIGGERS}/start_batch`, { key: null, body });
  assert.equal(answer.status, 400, answer.body);
  assert.match(answer.headers.get('content-type')!, /^application\/xml/);
  const [, debug] =
    /^<xml><error>400<\/error><error_debug>(.*)<\/error_debug><error_text>Invalid request<\/error_text><\/xml>$/s.exec(
      answer.body,
    )!;
  assert.match(debug!, why);
}

const GOOD_XML = `<token>${TOKEN}</token><trigger_id>1</trigger_id><data><email>u@x.org</email></data>`;

describe('the body', () => {
  test('that is no JSON object, or none, is a 400 that quotes nothing of it', async () => {
    for (const body of ['{"token":', 'null', '5', '"u"', '[]', `token=${TOKEN}&id=1`, `{"token":"${TOKEN}",}`]) {
      assert.doesNotMatch(await refuse(body, body === 'null' || /^[5"[]/.test(body) ? 401 : 400), /shop-token/);
    }
  });

  test('of more than 10 MB is the vendor’s error to the letter, also without a good token, and in XML', async () => {
    for (const token of [TOKEN, 'wrong']) {
      const { status, body } = await carom.call('POST', `${TRIGGERS}/start_batch`, {
        key: null,
        body: good({ token, content: { a: 'x'.repeat(10_485_760) } }),
      });
      assert.equal(status, 400);
      assert.deepEqual(body, {
        error: 400,
        error_debug: 'http: request body too large',
        error_text: 'Invalid request',
      });
    }
    const body = `<xml>${GOOD_XML}<content><a>${'x'.repeat(10_485_760)}</a></content></xml>`;
    const answer = await carom.call('POST', `${TRIGGERS}/start`, {
      key: null,
      body,
      headers: { 'content-type': 'text/xml' },
    });
    assert.equal(
      answer.body,
      '<xml><error>400</error><error_debug>http: request body too large</error_debug><error_text>Invalid request</error_text></xml>',
    );
  });

  test('with a JSON bomb is a 400, and the node answers others meanwhile', async () => {
    const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const text = JSON.stringify(good({ content: { a: '@' } })).replace('"@"', nested);
    assert.equal(await refuse(text), 'the body is nested more than 100 levels deep');
    const large = JSON.stringify(good({ content: { a: '@' } })).replace('"@"', '['.repeat(9_000_000));
    const asked = refuse(large);
    assert.equal((await carom.call('GET', '/healthz')).status, 200);
    await asked;
    await refuse(text.replace(nested, '"\\u0000"'));
    await refuse(text.replace(nested, '{"__proto__":{}}'));
  });

  test('that is no proper XML, or more than XML, is a 400 in XML', async () => {
    await refuseXml(`<xml>${GOOD_XML}`, /does not close &lt;xml&gt;/);
    await refuseXml(`<!DOCTYPE xml [<!ENTITY a "b">]><xml>${GOOD_XML}</xml>`, /DOCTYPE/);
    await refuseXml(`<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml>${GOOD_XML}</xml>`, /DOCTYPE/);
    const bomb = Array.from({ length: 10 }, (_, n) => `<!ENTITY l${n} "${`&l${n - 1};`.repeat(10)}">`).join('');
    await refuseXml(`<!DOCTYPE lolz [${bomb}]><xml>${GOOD_XML}<content><a>&l9;</a></content></xml>`, /DOCTYPE/);
    await refuseXml(`<xml>${GOOD_XML}<content><a>&lol;</a></content></xml>`, /unknown entity/);
    await refuseXml(`<xml>${GOOD_XML}<content>${'<a>'.repeat(100_000)}</content></xml>`, /more than 100 levels/);
    await refuseXml(`<xml>${GOOD_XML}<content><a>${'x'.repeat(200_000)}</a></content></xml>`, /content.*131072/);
    await refuseXml(`<xml>${GOOD_XML}<foo>1</foo></xml>`, /foo is not known here/);
  });
});

describe('the token', () => {
  test('that is missing or wrong is a 401, whatever else is wrong', async () => {
    for (const token of [undefined, null, '', 'wrong', `${TOKEN}x`]) {
      const answer = await carom.call('POST', `${TRIGGERS}/start_batch`, { key: null, body: { token, data: 5 } });
      refused(answer, 401);
      assert.equal(answer.body.error_text, 'API token required');
    }
    for (const token of [5, [TOKEN], {}]) assert.match(await refuse(good({ token })), /token must be a text/);
  });

  test('without the scope is a 403', async () => {
    assert.match(await refuse(good({ token: READ_TOKEN }), 403), /scope "trigger"/);
  });
});

describe('the campaign', () => {
  test('that does not exist is a 404; one that does not run a 400 with what to do', async () => {
    for (const trigger_id of [0, 99, '7'])
      assert.match(await refuse(good({ trigger_id }), 404), /there is no campaign/);
    assert.match(await refuse(good({ trigger_id: 2 })), /not active: it is a draft; start it/);
    assert.match(await refuse(good({ trigger_id: 3 })), /not active: it is paused; start it/);
    assert.match(await refuse(good({ trigger_id: 4 })), /not active: it is ended; make a new/);
  });

  test('that is missing, no number, or two is a 400', async () => {
    for (const trigger_id of [undefined, null])
      assert.match(await refuse(good({ trigger_id })), /trigger_id is missing/);
    for (const trigger_id of ['~a', '', -1, 1.5, true, [1], {}]) {
      assert.match(await refuse(good({ trigger_id })), /trigger_id must be the whole number/);
    }
    assert.match(await refuse(good({ id: 2 })), /id is another campaign than trigger_id/);
  });
});

describe('the rows', () => {
  test('that are none, no list, or no objects are a 400 that names their place', async () => {
    for (const data of [undefined, null]) assert.match(await refuse(good({ data })), /^data is missing/);
    for (const data of ['u', 5, true, { email: 'u@x.org' }])
      assert.match(await refuse(good({ data })), /^data must be a list/);
    assert.match(await refuse(good({ data: [] })), /^data is empty/);
    for (const bad of [null, 'u', 5, [], ['u@x.org']]) {
      assert.match(await refuse(good({ data: [{}, bad] })), /^data.0.email is missing; data.1 must be an object/);
    }
    const data = Array.from({ length: 100_001 }, (_, n) => ({ email: `${n}@x.org` }));
    assert.match(await refuse(good({ data })), /data has 100001 rows; at most 100000/);
  });

  test('without what they are matched by, or of a wrong kind, are a 400 that names row and field', async () => {
    const rows: [matching: string | undefined, row: object, why: RegExp][] = [
      [undefined, {}, /^data.0.email is missing/],
      ['email', { email: ' ' }, /^data.0.email is missing/],
      ['email', { email: ['u@x.org'] }, /^data.0.email must be a text/],
      ['email', { email: 'u'.repeat(300) }, /^data.0.email has 300 characters/],
      ['email', { emial: 'u@x.org' }, /data.0.emial is not known here; did you mean "?email/],
      ['phone', { email: 'u@x.org' }, /^data.0.phone is missing/],
      ['profile_id', { profile_id: {} }, /^data.0.profile_id must be a text/],
      ['push_sub', { provider: 'ios' }, /^data.0.subscription_id is missing/],
      ['custom', { field_value: 1 }, /field_name is missing/],
      ['custom', { field_name: 'a' }, /^data.0.field_value is missing/],
      ['custom', { field_name: 'a', field_value: ['x'] }, /^data.0.field_value must be a text or a number/],
      ['email_phone', {}, /^data.0 has neither email nor phone/],
      ['custom_request', {}, /^matching must not be custom_request.*match by custom/],
      ['e-mail', {}, /^matching must be one of email, email_profile, email_sub, phone/],
      ['toString', {}, /^matching must be one of/],
      ['email', { email: 'u@x.org', content: 'x' }, /^data.0.content must be an object/],
      ['email', { email: 'u@x.org', content: { a: 'x'.repeat(20_000) } }, /^data.0 has \d+ characters in content/],
    ];
    for (const [matching, row, why] of rows) assert.match(await refuse(good({ matching, data: [row] })), why);
  });

  test('for one profile stand in the body itself; nobody is a 404 there, and for a task', async () => {
    const single = (row: object) => ({ token: TOKEN, id: 1, ...row });
    assert.match(await refuse(single({}), 400, '/start'), /^email is missing/);
    assert.match(await refuse(single({ data: [] }), 400, '/start'), /^data is not known here/);
    assert.match(await refuse(single({ email: 'nobody@x.org' }), 404, '/start'), /nothing was started/);
    await refuse(good({ data: [{ email: 'nobody@x.org' }] }), 404, '/start_batch_task');
  });
});

describe('everything else', () => {
  test('what is not known or not of its kind is a 400 that names it, all at once', async () => {
    for (const field of ['contents', 'overrideData', 'list']) {
      assert.match(await refuse(good({ [field]: 'x' })), new RegExp(`^${field} is not known here`));
    }
    for (const content of ['x', 5, true, ['x']])
      assert.match(await refuse(good({ content })), /^content must be an object/);
    assert.match(await refuse(good({ custom_data: 'x' })), /^custom_data must be an object/);
    assert.match(await refuse(good({ skip_triggers: 'maybe' })), /^skip_triggers must be 0 or 1/);
    const all = await refuse(good({ foo: 1, trigger_id: 'x', data: [5] }));
    assert.match(all, /foo is not.*trigger_id must.*data\.0 must/);
  });

  test('a task that there is not is a 404; an address that there is not, too', async () => {
    const path = '/api/v1.1/tasks/get';
    for (const task_id of ['1', '019e4a3c-8a3f-7c1e-9d2a-3f0000000012']) {
      refused(await carom.call('POST', path, { key: null, body: { token: READ_TOKEN, task_id } }), 404);
    }
    refused(await carom.call('POST', path, { key: null, body: { token: READ_TOKEN } }), 400);
    refused(await carom.call('POST', path, { key: null, body: { token: TOKEN, task_id: '1' } }), 403);
    refused(await carom.call('POST', '/api/v1.1/campaigns/activate', { key: TOKEN, body: {} }), 404);
  });

  test('over the limit is a 429 with Retry-After, and nothing is accepted', async () => {
    await carom.apply({
      account: 'limited',
      limits: { altcraft: '2/h' },
      keys: [{ id: 'limited', key: 'limited-token', scopes: ['trigger', 'read'] }],
      providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
      campaigns: [{ id: '1', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi' }],
    });
    await carom.call('PUT', '/v1/profiles/u?account=limited', { body: { phone: '+919876543210' } });
    const body = (n: number) => ({
      token: 'limited-token',
      id: 1,
      matching: 'profile_id',
      profile_id: 'u',
      content: { n },
    });
    const call = (n: number) => carom.call('POST', `${TRIGGERS}/start`, { key: null, body: body(n) });
    assert.deepEqual([(await call(1)).status, (await call(2)).status], [200, 200]);
    const third = await call(3);
    refused(third, 429);
    assert.ok(Number(third.headers.get('retry-after')) > 0);
    assert.equal((await carom.call('GET', '/v1/batches', { key: 'limited-token' })).body.data.length, 2);
  });
});

describe('after all of that', () => {
  test('no batch or transaction was written', async () => {
    for (const list of ['batches', 'transactions']) {
      assert.deepEqual((await carom.call('GET', `/v1/${list}`, { key: READ_TOKEN })).body.data, [], list);
    }
  });

  test('the node still works, and no token is in the log', async () => {
    const { status, body } = await carom.call('POST', `${TRIGGERS}/start_batch`, { key: null, body: good() });
    assert.deepEqual([status, body.result], [200, [{ profile_id: 'u' }]]);
    assert.doesNotMatch(carom.output.replace(/^operator's key.*$/m, ''), new RegExp(`${TOKEN}|${READ_TOKEN}`, 'i'));
    assert.doesNotMatch(carom.output, /"level":(50|60)/);
  });
});
