/** Connectly's clients move over by changing the host: their requests, unchanged, work as documented. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Receiver } from '../support/webhook-receiver.ts';

const SEND = '/v1/businesses/shop/send/campaigns';
const WEBHOOKS = '/v1/businesses/shop/create/webhooks';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The request of the vendor's page. */
const DOCUMENTED = `{"entries":[{"client":"+123456789","campaignName":"campaign_test","variables":{"client":"pablo","name":"test2"}}]}`;

let carom: Carom;
let vendor: HttpVendor;
let receiver: Receiver;

/** What the vendor was asked to send. */
interface Sent {
  channel: string;
  to: string;
  from: string;
  body: string;
}

const sentTo = (...numbers: string[]): Sent[] =>
  vendor.calls.map(({ body }) => JSON.parse(body) as Sent).filter(({ to }) => numbers.includes(to));

/** What was sent to these numbers, as soon as there are so many. */
function arrived(count: number, ...numbers: string[]): Promise<Sent[]> {
  return eventually(
    async () => sentTo(...numbers),
    ({ length }) => length >= count,
  );
}

/** Sends a call in the vendor's way: the key in its header. */
function send(body: unknown, path = SEND): Promise<Answer> {
  return carom.call('POST', path, { key: null, body, headers: { 'X-API-Key': 'CONNECTLY_KEY' } });
}

/** The rows of a call that was taken. */
async function rowsOf(entries: object[]): Promise<Answer['body'][]> {
  const { status, body } = await send({ entries });
  assert.equal(status, 200, JSON.stringify(body));
  return body.data;
}

const campaign = (id: string, name: string, changes: object = {}) => ({
  id,
  name,
  state: 'running',
  channel: 'whatsapp',
  provider: 'whatsapp',
  body: 'Hi',
  ...changes,
});

before(async () => {
  [carom, vendor, receiver] = await Promise.all([startCarom(), startVendor(), startReceiver()]);
  const json = Object.fromEntries(['channel', 'to', 'from', 'body'].map((name) => [name, `{{ ${name} }}`]));
  await carom.apply({
    account: 'shop',
    defaultRegion: 'IN',
    privateNetwork: 'allow',
    keys: [{ id: 'main', key: 'CONNECTLY_KEY', scopes: ['trigger', 'read', 'admin'] }],
    providers: [
      ...['whatsapp', 'sms'].map((channel) => ({
        id: channel,
        channel,
        type: 'http',
        request: { url: vendor.url, json },
      })),
      { id: 'sandbox', channel: 'whatsapp', type: 'sandbox' },
    ],
    campaigns: [
      campaign('c-test', 'campaign_test', { body: '{{ client }} and {{ variables.name }}' }),
      campaign('c-hello', 'hello', { body: 'Hello {{ first_name }}, {{ variables.code }}', from: '+14155550100' }),
      campaign('c-sms', 'text', { channel: 'sms', provider: 'sms', from: 'SHOP' }),
      campaign('c-old', 'retold', { body: 'one' }),
      campaign('c-new', 'never sent'),
      campaign('c-told', 'told', { provider: 'sandbox', from: '+16044441111' }),
      campaign('c-busy', 'busy'),
    ],
  });
});
after(async () => {
  await carom.stop();
  await Promise.all([vendor.close(), receiver.vendor.close()]);
});

describe('the answer', () => {
  test('to the documented request has the documented shape, and a row for the campaign', async () => {
    const answer = await send(DOCUMENTED);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.deepEqual(Object.keys(answer.body), ['data']);
    const [{ sendoutId, ...row }, ...others] = answer.body.data;
    assert.deepEqual(others, []);
    assert.match(sendoutId, UUID);
    assert.deepEqual(row, {
      campaignId: 'c-test',
      campaignName: 'campaign_test',
      campaignVersion: '1',
      status: 'created',
      acceptedCount: 1,
      rejectedCount: 0,
      error: null,
    });
    assert.equal(answer.headers.get('x-ratelimit-limit'), '200');
    assert.match(answer.headers.get('ratelimit-policy')!, /^"connectly";q=200;w=1$/);
  });

  test('to a bare list is the same, and so is that to a list of thousands', async () => {
    const few = await send([{ client: '+919000000101', campaignName: 'campaign_test' }]);
    assert.deepEqual([few.status, few.body.data[0].acceptedCount], [200, 1]);
    const many = Array.from({ length: 1_500 }, (_, n) => ({
      client: `+9190001${String(n).padStart(5, '0')}`,
      campaignName: 'busy',
      variables: { text: 'x'.repeat(50) },
    }));
    const { status, body } = await send(many);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.data.length, body.data[0].acceptedCount, body.data[0].rejectedCount], [1, 1_500, 0]);
  });

  test('is one row for each campaign and version, in the order in which they first appear', async () => {
    await carom.apply({ account: 'shop', campaigns: [campaign('c-old', 'retold', { body: 'two' })] });
    const entries = [
      { client: '+919000000201', campaignName: 'retold', campaignVersion: '1' },
      { client: '+919000000201', campaignName: 'text' },
      { client: '+919000000202', campaignName: 'retold' },
      { client: '+919000000203', campaignName: 'retold', campaignVersion: '2' },
      { client: '+919000000204', campaignName: 'text', campaignVersion: null },
    ];
    const rows = await rowsOf(entries);
    assert.deepEqual(
      rows.map((row) => [row.campaignName, row.campaignVersion, row.acceptedCount]),
      [
        ['retold', '1', 1],
        ['text', '1', 2],
        ['retold', '2', 2],
      ],
    );
    assert.equal(new Set(rows.map(({ sendoutId }) => sendoutId)).size, 3);
    const bodies = async (number: string, count = 1) =>
      (await arrived(count, number)).map(({ body }) => body).toSorted();
    assert.deepEqual(await bodies('+919000000201', 2), ['Hi', 'one']);
    assert.deepEqual(await bodies('+919000000202'), ['two']);
    assert.deepEqual(await bodies('+919000000203'), ['two']);
  });

  test('says created once, then updated with the same sendoutId, also to calls that come at once', async () => {
    const calls = Array.from({ length: 20 }, (_, n) =>
      rowsOf([{ client: `+9190000003${String(n).padStart(2, '0')}`, campaignName: 'never sent' }]),
    );
    const rows = (await Promise.all(calls)).flat();
    assert.equal(new Set(rows.map(({ sendoutId }) => sendoutId)).size, 1);
    assert.equal(rows.filter(({ status }) => status === 'created').length, 1);
    assert.equal(rows.filter(({ status }) => status === 'updated').length, rows.length - 1);
    await arrived(20, ...calls.map((_, n) => `+9190000003${String(n).padStart(2, '0')}`));
  });
});

describe('an entry', () => {
  test('is sent to its client, whether he has a profile or not, with his variables under both names', async () => {
    const profile = { phone: '90000 00401', firstName: 'Ana' };
    await carom.call('PUT', '/v1/profiles/ana?account=shop', { body: profile });
    await rowsOf([
      { client: '90000 00401', campaignName: 'hello', variables: { code: 7 } },
      { client: '+919000000402', campaignName: 'hello', variables: { code: 8, first_name: 'Bo' } },
      { client: '+919000000403', campaignName: 'hello', variables: null },
    ]);
    const sent = await arrived(3, '+919000000401', '+919000000402', '+919000000403');
    assert.deepEqual(Object.fromEntries(sent.map(({ to, body }) => [to, body])), {
      '+919000000401': 'Hello Ana, 7',
      '+919000000402': 'Hello Bo, 8',
      '+919000000403': 'Hello , ',
    });
    const { body } = await carom.call('GET', '/v1/transactions?userId=ana&account=shop');
    assert.equal(body.data.length, 1);
  });

  test('is from its sender, and where it names none from the campaign’s', async () => {
    await rowsOf([
      { sender: '+16044441111', client: '+919000000501', campaignName: 'hello' },
      { sender: '+16044442222', client: '+919000000502', campaignName: 'hello' },
      { sender: '', client: '+919000000503', campaignName: 'hello' },
      { sender: '+16044441111', client: '+919000000504', campaignName: 'text' },
    ]);
    const sent = await arrived(4, '+919000000501', '+919000000502', '+919000000503', '+919000000504');
    assert.deepEqual(Object.fromEntries(sent.map(({ to, from }) => [to, from])), {
      '+919000000501': '+16044441111',
      '+919000000502': '+16044442222',
      '+919000000503': '+14155550100',
      '+919000000504': '+16044441111',
    });
  });

  test('of the same client is sent to once per campaign and version, however his number is written', async () => {
    const { body } = await send([
      { client: '+919000000601', campaignName: 'hello' },
      { client: '90000-00601', campaignName: 'hello' },
      { client: '+919000000601', campaignName: 'text' },
      { client: ' +91 9000000601 ', campaignName: 'hello', campaignVersion: '1' },
    ]);
    const counts = body.data.map((row: Answer['body']) => [row.campaignName, row.acceptedCount, row.rejectedCount]);
    assert.deepEqual(counts, [
      ['hello', 1, 2],
      ['text', 1, 0],
    ]);
    assert.deepEqual(
      body.rejected.map(({ index, code }: Answer['body']) => [index, code]),
      [
        [1, 'ERROR_CODE_MESSAGE_TEMPLATE_INPUT_INVALID'],
        [3, 'ERROR_CODE_MESSAGE_TEMPLATE_INPUT_INVALID'],
      ],
    );
  });

  test('waits for its scheduledAt, and is sent at once when that is past', async () => {
    const at = Date.now() + 2_500;
    const scheduledAt = new Date(at).toISOString();
    await rowsOf([
      { client: '+919000000701', campaignName: 'hello', scheduledAt },
      { client: '+919000000702', campaignName: 'hello', scheduledAt: '2020-01-01T00:00:00+05:30' },
    ]);
    await arrived(1, '+919000000702');
    const { body } = await carom.call('GET', '/v1/transactions?userId=%2B919000000701&account=shop');
    assert.deepEqual(
      body.data.map(({ state }: Answer['body']) => state),
      ['scheduled'],
    );
    assert.deepEqual(sentTo('+919000000701'), []);
    await arrived(1, '+919000000701');
    const late = Date.now() - at;
    assert.ok(late >= -50 && late < 2_000, `${late} ms after its time`);
  });
});

describe('delivery-status webhooks', () => {
  test('are made by the vendor’s call, once per topic, and tell what becomes of messages, signed', async () => {
    const address = receiver.urlOf('statuses');
    const made = await send({ topic: 'delivery_status', address, type: 'custom' }, WEBHOOKS);
    assert.equal(made.status, 200, JSON.stringify(made.body));
    const { secret, ...rest } = made.body;
    assert.deepEqual(rest, { topic: 'delivery_status', address, type: 'custom' });
    const again = await send({ topic: 'delivery_status', address: `${address}-2` }, WEBHOOKS);
    assert.equal(again.status, 409);
    assert.deepEqual([again.body.type, typeof again.body.cntTraceId], ['ERROR_TYPE_INVALID_REQUEST', 'string']);

    await rowsOf([{ client: '+919000000801', campaignName: 'told' }]);
    const [sent, delivered] = await receiver.untilCalls('statuses', 2);
    for (const { body, headers } of [sent!, delivered!]) {
      const signature = createHmac('sha256', secret).update(body).digest('base64');
      assert.equal(headers['x-connectly-hmac-sha256'], signature);
      assert.equal(headers['content-type'], 'application/json');
    }
    const { timestamp, statusUpdate, ...told } = delivered!.event;
    assert.match(timestamp, /^\d{10}$/);
    assert.match(statusUpdate.id, UUID);
    assert.deepEqual([sent!.event.statusUpdate.status, sent!.event.statusUpdate.id], ['sent', statusUpdate.id]);
    assert.deepEqual([statusUpdate.status, statusUpdate.error], ['delivered', null]);
    assert.deepEqual(told, {
      topic: 'delivery_status',
      sender: { id: '+16044441111', channelType: 'whatsapp' },
      recipient: { id: '+919000000801', channelType: 'whatsapp' },
      metadata: { campaign_name: 'told' },
    });

    await rowsOf([{ sender: '+16044449999', client: '+919000000002', campaignName: 'told' }]);
    const failed = (await receiver.untilCalls('statuses', 3))[2]!.event;
    assert.equal(failed.sender.id, '+16044449999');
    assert.equal(failed.statusUpdate.status, 'delivery_failed');
    assert.match(failed.statusUpdate.error.message, /^invalid_number/);
    const { type, code, userTitle, userMessage, cntTraceId, details } = failed.statusUpdate.error;
    assert.deepEqual(
      [type, code, cntTraceId, details],
      ['ERROR_TYPE_INVALID_REQUEST', 'ERROR_CODE_MESSAGE_PHONE_NUMBER_INVALID', failed.statusUpdate.id, {}],
    );
    assert.ok(userTitle.length > 0 && userMessage.includes(cntTraceId));
  });

  test('are webhooks like others: in the log, and made in a manifest with a secret of one’s own', async () => {
    const webhook = { url: receiver.urlOf('own'), events: ['message.sent'], format: 'connectly' };
    const auth = { type: 'connectly', secret: 'a secret of mine' };
    const put = (body: object) => carom.call('PUT', '/v1/webhooks/own?account=shop', { body });
    assert.match((await put({ ...webhook, events: ['batch.ended'], auth })).body.detail, /batch\.ended.*no words/);
    assert.equal((await put({ ...webhook, auth })).status, 201);
    await rowsOf([{ client: '+919000000802', campaignName: 'told' }]);
    const [call] = await receiver.untilCalls('own', 1);
    const signature = createHmac('sha256', auth.secret).update(call!.body).digest('base64');
    assert.equal(call!.headers['x-connectly-hmac-sha256'], signature);
    const shown = await carom.call('GET', '/v1/webhooks/own?account=shop');
    assert.doesNotMatch(JSON.stringify(shown.body), /a secret of mine/);
    const tried = await carom.call('POST', '/v1/webhooks/own/test?account=shop', { body: {} });
    assert.equal(tried.body.delivered, true);
    assert.equal((await receiver.untilCalls('own', 2))[1]!.event.statusUpdate.status, 'test');
  });

  test('are made again after anything but success', async () => {
    await carom.call('DELETE', '/v1/webhooks/own?account=shop');
    let failures = 1;
    receiver.vendor.answering = (response, call) =>
      json(call.body.includes('+919000000004') && failures-- > 0 ? 500 : 200, {})(response, call);
    await rowsOf([{ client: '+919000000004', campaignName: 'told' }]);
    const about = () => receiver.callsOf('statuses').filter(({ event }) => event.recipient.id === '+919000000004');
    const [failed, repeated] = await eventually(
      async () => about(),
      ({ length }) => length >= 2,
    );
    assert.deepEqual([failed!.event.statusUpdate.status, repeated!.body], ['sent', failed!.body]);
  });
});
