/** Webhooks out: who is told what, in which words, signed how. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { Webhook as Oracle } from 'standardwebhooks';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { PHONE, WebhookShop, typesOf } from '../support/webhook-shop.ts';

let carom: Carom;
let receiver: Receiver;
before(async () => {
  carom = await startCarom();
  receiver = await startReceiver();
});
after(async () => {
  await carom.stop();
  await receiver.vendor.close();
});

describe('what is told', () => {
  test('a chain’s events, in their order, as CloudEvents whose signature the reference implementation verifies', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    const { auth } = await shop.webhook('crm');
    const id = await shop.trigger(['~sms'], PHONE.delivered, { txnId: 'order-1' });
    const calls = await shop.untilCalls('crm', 3);
    assert.deepEqual(typesOf(calls), ['message.sent', 'message.delivered', 'transaction.ended']);
    const oracle = new Oracle(auth.secret);
    for (const { headers, body } of calls) {
      assert.ok(oracle.verify(body, headers as Record<string, string>));
      assert.throws(() => oracle.verify(`${body} `, headers as Record<string, string>));
      assert.equal(headers['content-type'], 'application/cloudevents+json');
      assert.match(String(headers['user-agent']), /^Carom\//);
    }
    const { event } = calls[1]!;
    const messageId = `${id.slice(0, 28)}0001${id.slice(32)}`;
    const { time, source, ...rest } = event;
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.ok(URL.canParse(source));
    assert.deepEqual(rest, {
      specversion: '1.0',
      id: calls[1]!.id,
      type: 'carom.message.delivered',
      subject: messageId,
      datacontenttype: 'application/json',
      data: {
        account: shop.account,
        transactionId: id,
        txnId: 'order-1',
        userId: 'ana',
        campaignId: '~sms',
        version: 1,
        leg: 0,
        messageId,
        channel: 'sms',
        provider: 'sms-demo',
        to: PHONE.delivered,
        state: 'delivered',
        reason: null,
        reference: null,
        batchId: null,
        at: time,
      },
    });
    assert.deepEqual(new Set(calls.map((call) => call.id)).size, 3);
  });

  test('a fallback: each leg’s failure, then the end', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    await shop.webhook('crm');
    await shop.trigger(['~sms', '~other'], PHONE.undelivered);
    const calls = await shop.untilCalls('crm', 5);
    const told = calls.map(({ event: { type, data } }) => [type.slice(6), data.campaignId ?? null, data.state]);
    assert.deepEqual(told, [
      ['message.sent', '~sms', 'accepted'],
      ['message.failed', '~sms', 'undelivered'],
      ['message.sent', '~other', 'accepted'],
      ['message.failed', '~other', 'undelivered'],
      ['transaction.ended', null, 'failed'],
    ]);
    assert.equal(calls[1]!.event.data.reason, 'sandbox');
  });

  test('openings, clicks and unsubscriptions, each once, however often they are reported', async () => {
    const vendorId = 'sms-http';
    const provider = {
      id: vendorId,
      channel: 'sms',
      type: 'http',
      request: { url: receiver.urlOf('vendor'), json: { callback: '{{ receipt_url }}' } },
      receipt: { status: 'body.status' },
    };
    const campaign = { id: '~http', state: 'running', channel: 'sms', provider: vendorId, body: 'Hi' };
    const shop = await new WebhookShop(carom, receiver).open({ providers: [provider], campaigns: [campaign] });
    const events = ['message.opened', 'message.clicked', 'message.unsubscribed', 'message.delivered'];
    await shop.webhook('crm', { events });
    const before = receiver.callsOf('vendor').length;
    await shop.trigger(['~http'], PHONE.delivered);
    const { callback } = (await receiver.untilCalls('vendor', before + 1)).at(-1)!.event;
    for (const status of ['read', 'opened', 'opened', 'clicked', 'clicked', 'unsubscribed', 'delivered']) {
      const answer = await carom.call('POST', callback.slice(carom.url.length), { key: null, body: { status } });
      assert.equal(answer.status, 200);
    }
    await shop.untilCalls('crm', 4);
    const log = await shop.log('crm', (calls) => calls.every(({ state }) => state === 'delivered'));
    assert.equal(log.length, 4);
    const wanted = ['message.delivered', 'message.opened', 'message.clicked', 'message.unsubscribed'];
    assert.deepEqual(typesOf(shop.calls('crm')), wanted);
  });

  test('the late end of a transaction that had been given up, again, and that it is late', async () => {
    const campaign = {
      id: '~short',
      state: 'running',
      channel: 'sms',
      provider: 'sms-demo',
      body: 'Hi',
      receiptTimeout: '1s',
    };
    const shop = await new WebhookShop(carom, receiver).open({ campaigns: [campaign] });
    await shop.webhook('crm', { events: ['transaction.ended', 'message.failed', 'message.delivered'] });
    await shop.trigger(['~short'], '+919876540005');
    const calls = await shop.untilCalls('crm', 4);
    const told = calls.map(({ event: { type, data } }) => [type.slice(6), data.state, data.late]);
    assert.deepEqual(told, [
      ['message.failed', 'unconfirmed', undefined],
      ['transaction.ended', 'unconfirmed', false],
      ['message.delivered', 'delivered', undefined],
      ['transaction.ended', 'succeeded', true],
    ]);
    assert.equal(new Set(calls.map(({ id }) => id)).size, 4);
  });

  test('only what a webhook asks for: by event, campaign and channel', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    await shop.webhook('ends', { events: ['transaction.ended'] });
    await shop.webhook('campaign', { campaigns: ['~other'] });
    await shop.webhook('channel', { channels: ['email'] });
    await shop.webhook('off', { enabled: false });
    await shop.trigger(['~sms'], PHONE.delivered);
    await shop.trigger(['~other'], PHONE.delivered);
    await shop.trigger(['~mail'], PHONE.delivered, { email: 'delivered@shop.example' });
    await shop.untilCalls('ends', 3);
    const chain = ['message.sent', 'message.delivered', 'transaction.ended'];
    for (const name of ['campaign', 'channel']) assert.deepEqual(typesOf(await shop.untilCalls(name, 3)), chain);
    assert.ok(shop.calls('campaign').every(({ event }) => (event.data.campaignId ?? '~other') === '~other'));
    assert.ok(shop.calls('channel').every(({ event }) => (event.data.channel ?? 'email') === 'email'));
    assert.deepEqual(shop.calls('off'), []);
    assert.deepEqual((await shop.api('GET', 'webhooks/off/calls')).body.data, []);
  });

  test('another account nothing', async () => {
    const [shop, other] = [
      await new WebhookShop(carom, receiver).open(),
      await new WebhookShop(carom, receiver).open(),
    ];
    await other.webhook('crm');
    await shop.webhook('crm');
    await shop.trigger(['~sms'], PHONE.delivered);
    await shop.untilCalls('crm', 3);
    assert.deepEqual(other.calls('crm'), []);
    assert.equal((await other.api('GET', 'webhooks/crm/calls')).body.data.length, 0);
  });

  test('the shape of Xtremepush, with Basic and Bearer', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    const events = ['message.sent', 'message.delivered'];
    const format = 'xtremepush';
    await shop.webhook('basic', { events, format, auth: { type: 'basic', username: 'ana', password: 'pa:ss' } });
    await shop.webhook('bearer', { events, format, auth: { type: 'bearer', token: 't0ken' } });
    const id = await shop.trigger(['~sms'], PHONE.delivered, { txnId: 'order-x' });
    const calls = await shop.untilCalls('basic', 2);
    assert.deepEqual(
      calls.map(({ event }) => event.event),
      ['message_send', 'message_delivery'],
    );
    const { headers, event } = calls[0]!;
    assert.equal(headers.authorization, `Basic ${Buffer.from('ana:pa:ss').toString('base64')}`);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['webhook-signature'], undefined);
    assert.ok(Number.isInteger(event.time) && Math.abs(event.time * 1_000 - Date.now()) < 60_000);
    const { properties } = event;
    assert.deepEqual([properties.user_id, properties.txn_id, properties.transaction_id], ['ana', 'order-x', id]);
    assert.deepEqual(
      [properties.campaign_id, properties.message_type, properties.address],
      ['~sms', 'sms', PHONE.delivered],
    );
    const [bearer] = await shop.untilCalls('bearer', 2);
    assert.equal(bearer!.headers.authorization, 'Bearer t0ken');
  });
});
