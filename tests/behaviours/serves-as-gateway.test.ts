/** Carom as the gateway that a WebEngage calls, and what it reports back. Another Carom plays WebEngage where it can. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { states } from '../support/chain.ts';
import type { TransactionView } from '../support/chain.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Receiver } from '../support/webhook-receiver.ts';

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

let applied = Promise.resolve();
const apply = (manifest: object): Promise<void> => (applied = applied.then(() => carom.apply(manifest)));

/** The last digits of a phone number say what the sandbox does with it. */
const PHONE = { delivered: '919876543210', undelivered: '919876540003' };

/** An account that sends what it is given as a gateway, through sandboxes, and reports to a receiver. */
class Gateway {
  readonly account = `gateway-${randomUUID().slice(0, 8)}`;
  readonly key = `key-${randomUUID()}`;

  async open(more: object = {}): Promise<this> {
    const campaign = (id: string, channel: string, texts: object = {}) => ({
      id,
      state: 'running',
      channel,
      provider: channel,
      body: '{{ token.body }}',
      ...texts,
    });
    await apply({
      account: this.account,
      privateNetwork: 'allow',
      keys: [{ key: this.key, scopes: ['trigger', 'read'] }],
      providers: ['sms', 'whatsapp', 'rcs', 'email'].map((channel) => ({ id: channel, channel, type: 'sandbox' })),
      campaigns: [
        campaign('~sms', 'sms', { from: '{{ token.from }}' }),
        campaign('~order', 'whatsapp', {
          name: 'order_sent',
          template: { name: 'order_sent', variables: ['{{ token.variables[0] }}'] },
        }),
        campaign('~rcs', 'rcs', { name: 'rcs_order', data: { name: '{{ token.parameters.name }}' } }),
        campaign('~mail', 'email', {
          from: '{{ token.from }}',
          subject: '{{ token.subject }}',
          html: '{{ token.html|raw }}',
        }),
        { ...campaign('~paused', 'sms'), state: 'paused' },
      ],
      webhooks: [
        {
          id: 'dsn',
          url: receiver.urlOf(this.account),
          events: ['transaction.ended', 'message.opened'],
          format: 'webengage',
          auth: { type: 'bearer', token: 'dsn-t0ken' },
        },
      ],
      ...more,
    });
    return this;
  }

  post(path: string, body: unknown, authorization = `Bearer ${this.key}`): Promise<Answer> {
    return carom.call('POST', `/v1/gateways/${path}`, { key: null, body, headers: { authorization } });
  }

  ended(txnId: string): Promise<TransactionView> {
    return carom.ended(this.account, txnId) as Promise<TransactionView>;
  }
}

const metadata = (messageId: string = randomUUID()) => ({
  campaignType: 'PROMOTIONAL',
  timestamp: '2018-01-25T10:24:16+0000',
  messageId,
});
const sms = (toNumber: string, messageId?: string) => ({
  version: '1.0',
  smsData: { toNumber, fromNumber: 'PAXXXN', body: 'Text message body' },
  metadata: { ...metadata(messageId), custom: { key1: 'val1' } },
});

describe('Carom as a gateway', { concurrency: true }, () => {
  test('takes an SMS and reports its delivery with the vendor’s own id and token', async () => {
    const gateway = await new Gateway().open();
    const message = sms(PHONE.delivered);
    const answer = await gateway.post('sms?campaignIds=~sms', message);
    assert.deepEqual([answer.status, answer.body], [200, { status: 'sms_accepted' }]);
    const { messageId } = message.metadata;
    const view = await gateway.ended(messageId);
    assert.equal(view.legs[0]!.messages[0]!.to, `+${PHONE.delivered}`);
    const [call] = await receiver.untilCalls(gateway.account, 1);
    assert.equal(call!.headers.authorization, 'Bearer dsn-t0ken');
    const { timestamp, ...dsn } = call!.event;
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/);
    assert.deepEqual(dsn, {
      version: '1.0',
      messageId,
      toNumber: PHONE.delivered,
      status: 'sms_sent',
      statusCode: 0,
      reason: 'Success',
    });
  });

  test('reports a failure, and nothing but the end of a chain', async () => {
    const gateway = await new Gateway().open();
    const failed = sms(PHONE.undelivered);
    await gateway.post('sms?campaignIds=~sms', failed);
    assert.equal((await gateway.ended(failed.metadata.messageId)).state, 'failed');
    const [call] = await receiver.untilCalls(gateway.account, 1);
    const { status, statusCode, reason } = call!.event;
    assert.deepEqual({ status, statusCode, reason }, { status: 'sms_failed', statusCode: 2009, reason: 'failed' });
  });

  test('finds the campaign of a WhatsApp or RCS template by its name', async () => {
    const gateway = await new Gateway().open();
    const templateData = { templateName: 'order_sent', templateVariables: ['7'], language: 'en', type: 'TEXT' };
    const whatsAppData = { toNumber: PHONE.delivered, fromNumber: '913341801111', templateData };
    const whatsapp = { version: '1.0', whatsAppData, metadata: metadata() };
    const taken = await gateway.post('whatsapp', whatsapp);
    assert.deepEqual([taken.status, taken.body], [200, { status: 'whatsapp_accepted', statusCode: 0 }]);
    assert.equal(states(await gateway.ended(whatsapp.metadata.messageId)), 'delivered');
    const rcsData = {
      toNumber: `+${PHONE.delivered}`,
      sender: 's',
      templateData: { templateName: 'rcs_order', parameters: { name: 'Ana' } },
    };
    const rcs = { version: '1.0', rcsData, metadata: metadata() };
    assert.deepEqual((await gateway.post('rcs', rcs)).body, { status: 'rcs_accepted', statusCode: 0 });
    assert.equal(states(await gateway.ended(rcs.metadata.messageId)), 'delivered');
    const [first, second] = await receiver.untilCalls(gateway.account, 2);
    const told = new Set([first!.event.status, second!.event.status]);
    assert.deepEqual(told, new Set(['whatsapp_sent', 'rcs_delivered']));

    const unknown = { ...whatsAppData, templateData: { ...templateData, templateName: 'unheard_of' } };
    const refused = await gateway.post('whatsapp', { ...whatsapp, whatsAppData: unknown, metadata: metadata() });
    assert.deepEqual([refused.status, refused.body.status, refused.body.statusCode], [400, 'whatsapp_rejected', 2021]);
  });

  test('takes an e-mail, and reports in its words', async () => {
    const gateway = await new Gateway().open();
    const recipients = { to: [{ name: 'Ana', email: 'delivered@example.com' }], cc: [], bcc: [] };
    const texts = { subject: 'Hi', text: 'Hi', html: '<p>Hi</p>' };
    const email = { from: 'shop@example.com', fromName: 'Shop', replyTo: ['help@example.com'], ...texts, recipients };
    const message = { version: '1.0', email, metadata: metadata() };
    const answer = await gateway.post('email?campaignIds=~mail', message);
    assert.deepEqual([answer.status, answer.body], [200, { status: 'SUCCESS', statusCode: 1000, message: 'NA' }]);
    const [call] = await receiver.untilCalls(gateway.account, 1);
    const { event, statusCode, email: address, messageId } = call!.event;
    assert.deepEqual([event, statusCode, address], ['DELIVERED', 1000, 'delivered@example.com']);
    assert.equal(messageId, message.metadata.messageId);
    const two = { ...message, email: { ...email, recipients: { ...recipients, cc: ['b@example.com'] } } };
    const refused = await gateway.post('email?campaignIds=~mail', { ...two, metadata: metadata() });
    assert.deepEqual([refused.status, refused.body.status, refused.body.statusCode], [400, 'ERROR', 9988]);
  });

  test('sends a repeated message once', async () => {
    const gateway = await new Gateway().open();
    const message = sms(PHONE.delivered);
    for (const replayed of [null, 'true', 'true']) {
      const answer = await gateway.post('sms?campaignIds=~sms', message);
      assert.deepEqual([answer.status, answer.body], [200, { status: 'sms_accepted' }]);
      assert.equal(answer.headers.get('idempotent-replayed'), replayed);
    }
    const list = await carom.call('GET', `/v1/transactions?account=${gateway.account}`);
    assert.equal((list.body as { data: unknown[] }).data.length, 1);
  });

  test('refuses in the vendor’s numbers', async () => {
    const gateway = await new Gateway().open({ limits: { transaction: '1000/h' } });
    const good = sms(PHONE.delivered);
    const path = 'sms?campaignIds=~sms';
    const basic = (password: string) => `Basic ${Buffer.from(`webengage:${password}`).toString('base64')}`;
    const cases: [path: string, body: unknown, authorization: string | undefined, status: number, code: number][] = [
      [path, good, 'Bearer guess', 401, 2011],
      [path, good, basic('guess'), 401, 2011],
      [path, good, '', 401, 2011],
      [path, { ...good, version: '3.0' }, undefined, 400, 2010],
      [path, sms('12'), undefined, 400, 2003],
      [path, sms('ana'), undefined, 400, 2003],
      [path, { ...good, smsData: { ...good.smsData, body: ' ' } }, undefined, 400, 2002],
      [path, { ...good, metadata: {} }, undefined, 400, 9988],
      [path, {}, undefined, 400, 9988],
      [path, '{"half', undefined, 400, 9988],
      ['sms', good, undefined, 400, 9988],
      ['sms?campaignIds=~none', good, undefined, 404, 9988],
      ['sms?campaignIds=~paused', good, undefined, 412, 9988],
      ['fax', good, undefined, 404, 9988],
    ];
    for (const [to, body, authorization, status, code] of cases) {
      const answer = await gateway.post(to, body, authorization);
      const said = JSON.stringify([to, body, answer.body]);
      assert.deepEqual(
        [answer.status, answer.body.status, answer.body.statusCode],
        [status, 'sms_rejected', code],
        said,
      );
      assert(typeof answer.body.message === 'string' && answer.body.message !== '');
      if (code === 2010) assert.equal(answer.body.supportedVersion, '2.0');
    }
    assert.equal((await gateway.post(path, good, basic(gateway.key))).status, 200);
  });

  test('throttles in the vendor’s number, by which it comes again', async () => {
    const gateway = await new Gateway().open({ limits: { transaction: '1/h' } });
    assert.equal((await gateway.post('sms?campaignIds=~sms', sms(PHONE.delivered))).status, 200);
    const answer = await gateway.post('sms?campaignIds=~sms', sms(PHONE.delivered));
    assert.deepEqual([answer.status, answer.body.status, answer.body.statusCode], [429, 'sms_rejected', 2015]);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
  });
});

test('one Carom can be the gateway of another: requests, answers and notifications fit both ways', async () => {
  const caller = `caller-${randomUUID().slice(0, 8)}`;
  const gateway = new Gateway();
  await apply({
    account: caller,
    providers: [
      {
        id: 'other-carom',
        channel: 'sms',
        type: 'webengage-gateway',
        receipts: 'callback',
        url: `${carom.url}/v1/gateways/sms?campaignIds=~sms`,
        apiKey: gateway.key,
      },
    ],
    campaigns: [
      { id: '~a', state: 'running', channel: 'sms', provider: 'other-carom', from: 'CAROM', body: 'Hi' },
      { id: '~b', state: 'running', channel: 'sms', provider: 'other-carom', from: 'CAROM', body: 'Hi again' },
    ],
  });
  const { body } = await carom.call('GET', `/v1/providers/other-carom?account=${caller}`);
  const token = (body as { receiptUrl: string }).receiptUrl.split('/').at(-1)!;
  const dsn = {
    id: 'dsn',
    url: `${carom.url}/tracking/events`,
    events: ['transaction.ended'],
    format: 'webengage',
    auth: { type: 'bearer', token },
  };
  await gateway.open({ webhooks: [dsn] });
  const trigger = async (phone: string) => {
    const request = { campaignIds: ['~a', '~b'], mode: 'fallback_on_delivery_failure', userId: 'ana', phone };
    const answer = await carom.call('POST', `/v1/transactions?account=${caller}`, { body: request });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return carom.ended(caller, (answer.body as TransactionView).id) as Promise<TransactionView>;
  };
  assert.equal(states(await trigger(`+${PHONE.delivered}`)), 'delivered skipped:chain_succeeded');
  const failed = await trigger(`+${PHONE.undelivered}`);
  assert.equal(states(failed), 'undelivered undelivered');
  assert.equal(failed.legs[0]!.reason, 'not_delivered: 2009 failed');
});
