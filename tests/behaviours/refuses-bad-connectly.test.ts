/** What is not a good call in Connectly's language gets the vendor's error, and what is bad in a good one is counted. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';

const KEY = 'shop-key-of-these-tests';
const READ_KEY = 'reading-key-of-these-tests';
const OTHER_KEY = 'other-key-of-these-tests';
const SEND = '/v1/businesses/shop/send/campaigns';
const WEBHOOKS = '/v1/businesses/shop/create/webhooks';
const FIELDS = ['message', 'type', 'code', 'userTitle', 'userMessage', 'cntTraceId', 'details'];

let carom: Carom;

before(async () => {
  carom = await startCarom({ env: { CAROM_LOG_LEVEL: 'trace' } });
  const message = { channel: 'whatsapp', provider: 'wa', body: 'Hi' };
  const key = (id: string, text: string, scopes: string[]) => ({ id, key: text, scopes });
  await carom.apply({
    account: 'shop',
    keys: [key('main', KEY, ['trigger', 'admin']), key('reader', READ_KEY, ['read'])],
    providers: [{ id: 'wa', channel: 'whatsapp', type: 'sandbox' }],
    campaigns: [
      { id: 'c', name: 'good', state: 'running', ...message },
      ...['draft', 'paused', 'ended'].map((state) => ({ id: state, name: `a ${state} one`, state, ...message })),
      ...['twin-1', 'twin-2'].map((id) => ({ id, name: 'twins', state: 'running', ...message })),
    ],
  });
  await carom.apply({ account: 'other', keys: [key('main', OTHER_KEY, ['trigger'])] });
});
after(() => carom.stop());

function send(body: unknown, headers: Record<string, string> = { 'x-api-key': KEY }, path = SEND): Promise<Answer> {
  return carom.call('POST', path, { key: null, headers, ...(body !== undefined && { body }) });
}

const entry = (changes: object = {}) => ({ client: '+919000000001', campaignName: 'good', ...changes });

function refused({ status, headers, body }: Answer, expected: number, code = 'MESSAGE_TEMPLATE_INPUT_INVALID'): string {
  assert.equal(status, expected, JSON.stringify(body));
  assert.match(headers.get('content-type')!, /^application\/json/);
  assert.deepEqual(Object.keys(body), FIELDS);
  const type = expected < 500 ? 'ERROR_TYPE_INVALID_REQUEST' : 'ERROR_TYPE_DEADLINE_EXCEEDED';
  assert.deepEqual([body.type, body.code], [type, `ERROR_CODE_${code}`]);
  assert.ok(body.cntTraceId.length > 0 && body.userMessage.includes(body.cntTraceId));
  return body.message as string;
}

/** Sends a call that must be refused, and finds the error's text. */
const refuse = async (body: unknown, status = 400, code?: string) => refused(await send(body), status, code);

async function batches(): Promise<number> {
  return (await carom.call('GET', '/v1/batches?account=shop&limit=200')).body.data.length;
}

describe('the way in', () => {
  test('a key that is missing, wrong, without the scope or of another business', async () => {
    const body = [entry()];
    assert.match(refused(await send(body, {}), 401, 'BUSINESS_KEY_SECRET_ABSENT'), /X-API-Key/);
    for (const key of ['wrong', `${KEY}x`, KEY.toUpperCase()])
      refused(await send(body, { 'x-api-key': key }), 401, 'BUSINESS_KEY_SECRET_ABSENT');
    const scopeless = await send(body, { 'x-api-key': READ_KEY });
    assert.match(refused(scopeless, 403, 'BUSINESS_KEY_SECRET_ABSENT'), /scope "trigger"/);
    const foreign = await send(body, { 'x-api-key': OTHER_KEY });
    assert.match(refused(foreign, 404, 'BUSINESS_KEY_SECRET_ABSENT'), /no business "shop" for this key/);
    const unknown = await send(body, { 'X-API-KEY': KEY }, SEND.replace('shop', 'nobody'));
    refused(unknown, 404, 'BUSINESS_KEY_SECRET_ABSENT');
    assert.doesNotMatch(carom.output, /of-these-tests/);
  });

  test('another address or method is answered in the vendor’s shape, too', async () => {
    for (const [method, path] of [
      ['POST', '/v1/businesses/shop/send/messages'],
      ['GET', SEND],
      ['POST', '/v1/businesses'],
    ] as const) {
      refused(await carom.call(method, path, { key: null, headers: { 'x-api-key': KEY } }), 404, 'UNSPECIFIED');
    }
  });

  test('over the limit a call is a 429, and nothing of it is accepted', async () => {
    await carom.apply({
      account: 'limited',
      limits: { connectly: '2/h' },
      keys: [{ id: 'main', key: 'limited-key', scopes: ['trigger', 'read'] }],
      providers: [{ id: 'wa', channel: 'whatsapp', type: 'sandbox' }],
      campaigns: [{ id: 'c', name: 'good', state: 'running', channel: 'whatsapp', provider: 'wa', body: 'Hi' }],
    });
    const path = SEND.replace('shop', 'limited');
    const call = () => send([entry()], { 'x-api-key': 'limited-key' }, path);
    for (const remaining of ['1', '0']) {
      const { status, headers } = await call();
      assert.deepEqual([status, headers.get('x-ratelimit-remaining')], [200, remaining]);
    }
    const over = await call();
    refused(over, 429, 'BUSINESS_REACHED_LIMITS');
    assert.ok(Number(over.headers.get('retry-after')) > 1_000);
    assert.equal(over.headers.get('x-ratelimit-limit'), '2');
    assert.match(over.headers.get('ratelimit')!, /^"connectly";r=0;t=\d+$/);
    assert.match(over.headers.get('ratelimit-policy')!, /^"connectly";q=2;w=3600$/);
    const list = await carom.call('GET', '/v1/batches', { key: 'limited-key' });
    assert.equal(list.body.data.length, 2);
  });
});

describe('a call that cannot be read', () => {
  test('is a 400, and nothing of it is accepted', async () => {
    const accepted = await batches();
    for (const body of ['{"entries":', 'null', '5', '"u"', '{}', '{"entries":{}}', '{"entries":[]}', '[]', ''])
      await refuse(body);
    assert.match(await refuse({ entries: [entry()], entires: [] }), /entires is not known/);
    assert.match(await refuse({ entries: [entry(), 5] }), /^entries\[1\] must be an object/);
    assert.match(
      await refuse([entry(), { ...entry(), clinet: 'x' }]),
      /^entries\[1\]\.clinet is not known.*did you mean "client"/,
    );
    for (const campaignName of [undefined, null, '']) {
      assert.match(await refuse([entry(), entry({ campaignName })]), /^entries\[1\]\.campaignName is missing/);
    }
    assert.match(await refuse([entry({ campaignName: ['good'] })]), /campaignName must be a text/);
    assert.match(await refuse([entry({ campaignVersion: 1 })]), /campaignVersion must be a text/);
    const { body } = await send([entry({ campaignName: '' }), entry({ x: 1 }), entry()]);
    assert.deepEqual(
      body.details.faults.map(({ path }: Answer['body']) => path),
      [
        ['entries', 0, 'campaignName'],
        ['entries', 1, 'x'],
      ],
    );
    assert.equal(await batches(), accepted);
  });

  test('because it is another thing than JSON, too deep or too large, is refused as that', async () => {
    const form = await send('entries=1', { 'x-api-key': KEY, 'content-type': 'application/x-www-form-urlencoded' });
    refused(form, 415);
    const deep = `[{"client":"+919000000001","campaignName":"good","variables":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}]`;
    assert.match(await refuse(deep), /levels deep/);
    const huge = Array.from({ length: 2_000 }, () => entry({ variables: { text: 'x'.repeat(9_000) } }));
    await refuse(huge, 413, 'BUSINESS_REACHED_LIMITS');
    assert.match(await refuse(Array.from({ length: 100_001 }, () => entry())), /at most 100000 are taken/);
  });
});

describe('a campaign', () => {
  test('that is unknown, or of which there is no such version, is a 404; nothing of the call is accepted', async () => {
    const accepted = await batches();
    const unknown = (changes: object) => refuse([entry(), entry(changes)], 404, 'MESSAGE_TEMPLATE_NOT_FOUND');
    assert.match(await unknown({ campaignName: 'god' }), /no campaign called "god"; did you mean "good"/);
    await unknown({ campaignName: 'Good' });
    for (const campaignVersion of ['2', '0', 'newest', '018c5c51-8631-28b5-3c81-b70ecf14faef']) {
      assert.match(await unknown({ campaignVersion }), /has no version/);
    }
    assert.equal(await batches(), accepted);
  });

  test('that is not published is a 409; nothing of the call is accepted', async () => {
    const accepted = await batches();
    const unpublished = (state: string, code = 'MESSAGE_TEMPLATE_NOT_FOUND') =>
      refuse([entry(), entry({ campaignName: `a ${state} one` })], 409, code);
    assert.match(await unpublished('draft'), /not published: it is a draft; start it/);
    assert.match(await unpublished('paused'), /it is paused; start it/);
    assert.match(await unpublished('ended', 'MESSAGE_TEMPLATE_DELETED'), /it is ended/);
    assert.match(await refuse([entry({ campaignName: 'twins' })], 409, 'UNSPECIFIED'), /both called "twins"/);
    assert.equal(await batches(), accepted);
  });
});

describe('entries that cannot be sent', () => {
  test('are counted and named, and the good ones beside them are sent', async () => {
    const days = (count: number) => new Date(Date.now() + count * 86_400_000).toISOString();
    const entries = [
      entry({ client: '+919000001001' }),
      entry({ client: 'nonsense' }),
      entry({ client: '+12' }),
      entry({ client: undefined }),
      entry({ client: 919000001002 }),
      entry({ client: '+919000001003', sender: 'SHOP' }),
      entry({ client: '+919000001004', variables: 'x' }),
      entry({ client: '+919000001005', variables: { text: 'x'.repeat(20_000) } }),
      entry({ client: '+919000001006', scheduledAt: 'tomorrow' }),
      entry({ client: '+919000001007', scheduledAt: '2027-01-01T10:00:00' }),
      entry({ client: '+919000001008', scheduledAt: days(91) }),
      entry({ client: '+919000001009', scheduledAt: days(89) }),
      entry({ client: '+919000001001' }),
      entry({ client: '+919000001003' }),
    ];
    const { status, body } = await send({ entries });
    assert.equal(status, 200, JSON.stringify(body));
    const [row] = body.data;
    assert.deepEqual([row.acceptedCount, row.rejectedCount, row.error], [3, 11, null]);
    const codes = Object.fromEntries(body.rejected.map(({ index, code }: Answer['body']) => [index, code.slice(11)]));
    assert.deepEqual(codes, {
      1: 'PHONE_NUMBER_BAD_FORMAT',
      2: 'PHONE_NUMBER_BAD_FORMAT',
      3: 'PHONE_NUMBER_BAD_FORMAT',
      4: 'PHONE_NUMBER_BAD_FORMAT',
      5: 'INVALID_SENDER_ID',
      6: 'MESSAGE_TEMPLATE_INPUT_INVALID',
      7: 'MESSAGE_TEMPLATE_INPUT_INVALID',
      8: 'MESSAGE_TEMPLATE_INPUT_INVALID',
      9: 'MESSAGE_TEMPLATE_INPUT_INVALID',
      10: 'MESSAGE_OUTSIDE_OF_ELIGIBILITY_WINDOW',
      12: 'MESSAGE_TEMPLATE_INPUT_INVALID',
    });
    const made = await eventually(
      async () => (await carom.call('GET', '/v1/transactions?account=shop&campaignId=c')).body.data,
      ({ length }) => length >= 3,
    );
    const users = made.map(({ userId }: Answer['body']) => userId);
    assert.deepEqual(users.toSorted(), ['+919000001001', '+919000001003', '+919000001009']);
  });

  test('alone in their group make its error, and no sendout', async () => {
    const name = 'good';
    const { status, body } = await send([
      entry({ client: 'x', campaignName: name }),
      entry({ client: 'y', campaignName: name }),
    ]);
    assert.equal(status, 200);
    const [{ error, sendoutId: _known, status: _updated, ...row }] = body.data;
    assert.deepEqual(row, {
      campaignId: 'c',
      campaignName: name,
      campaignVersion: '1',
      acceptedCount: 0,
      rejectedCount: 2,
    });
    assert.deepEqual(Object.keys(error), FIELDS);
    assert.equal(error.code, 'ERROR_CODE_PHONE_NUMBER_BAD_FORMAT');
    assert.match(error.message, /^entries\[0\]: client "x" is no phone number/);

    await carom.apply({
      account: 'shop',
      campaigns: [{ id: 'fresh', name: 'fresh', state: 'running', channel: 'whatsapp', provider: 'wa', body: 'Hi' }],
    });
    const rowOf = async (client: string) => (await send([entry({ client, campaignName: 'fresh' })])).body.data[0];
    const none = await rowOf('x');
    assert.deepEqual([none.sendoutId, none.status], [null, null]);
    const first = await rowOf('+919000001101');
    assert.equal(first.status, 'created');
    const later = await rowOf('x');
    assert.deepEqual([later.sendoutId, later.status, later.acceptedCount], [first.sendoutId, 'updated', 0]);
  });
});

describe('a webhook', () => {
  const create = (body: unknown, key = KEY) => send(body, { 'x-api-key': key }, WEBHOOKS);
  const address = 'https://shop.example/hook';

  test('for what is not told, or that cannot be called, is refused with the reason', async () => {
    const refuseIt = async (body: unknown) => refused(await create(body), 400);
    assert.match(await refuseIt({ topic: 'messages', address }), /receives no messages of clients/);
    assert.match(await refuseIt({ topic: 'report', address }), /is not supported/);
    assert.match(await refuseIt({ topic: 'other', address }), /topic must be/);
    assert.match(await refuseIt({ topic: 'delivery_status' }), /address is missing/);
    assert.match(await refuseIt({ topic: 'delivery_status', address: 'nonsense' }), /^address is no address/);
    assert.match(await refuseIt({ topic: 'delivery_status', address: 'http://127.0.0.1/x' }), /^address /);
    assert.match(await refuseIt({ topic: 'delivery_status', address, type: 'fax' }), /type must be one of custom/);
    assert.match(await refuseIt({ topic: 'delivery_status', address, secret: 'x' }), /secret is not known/);
    await refuseIt([]);
  });

  test('wants a key with the scope admin', async () => {
    const answer = await create({ topic: 'delivery_status', address }, READ_KEY);
    refused(answer, 403, 'BUSINESS_KEY_SECRET_ABSENT');
  });
});
