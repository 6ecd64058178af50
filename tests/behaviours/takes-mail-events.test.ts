/** E-mail by vendors' APIs, through a whole Carom: signed events start the next leg and fill the suppression list, forged ones do nothing. */
/* oxlint-disable typescript/no-explicit-any -- because a call is whatever JSON the vendor got: each test asserts what it expects of it */
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { states } from '../support/chain.ts';
import type { TransactionView } from '../support/chain.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';
import { TOPIC, startSns } from '../support/sns.ts';

const DELIVERY = 'fallback_on_delivery_failure';
const KEYS = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let carom: Carom;
let vendor: HttpVendor;
const account = `mail-${randomUUID()}`;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  vendor.answering = (response, call) =>
    call.url === '/v3/mail/send'
      ? response.writeHead(202, { 'x-message-id': 'sg-1' }).end()
      : json(200, { MessageId: 'ses-1' })(response, call);
  const mail = { channel: 'email', receipts: 'callback', from: 'Shop <shop@example.com>', baseUrl: vendor.url };
  const verificationKey = KEYS.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const ses = { region: 'eu-west-1', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 's3cret', topicArn: TOPIC };
  const campaign = { channel: 'email', state: 'running', subject: 'Order', html: '<p>On its way</p>' };
  await carom.apply({
    account,
    defaultRegion: 'IN',
    providers: [
      { id: 'sendgrid', type: 'sendgrid', ...mail, apiKey: 'SG.k3y', verificationKey },
      { id: 'ses', type: 'ses', ...mail, ...ses, configurationSet: 'carom' },
      { id: 'sms', channel: 'sms', type: 'sandbox' },
    ],
    campaigns: [
      { id: '~sendgrid', provider: 'sendgrid', ...campaign },
      { id: '~ses', provider: 'ses', ...campaign },
      { id: '~sms', channel: 'sms', provider: 'sms', state: 'running', body: 'On its way' },
    ],
  });
});
after(() => Promise.all([carom.stop(), vendor.close()]));

async function trigger(email: string, campaignId: string, attachments?: object[]): Promise<string> {
  const body = { campaignIds: [campaignId, '~sms'], mode: DELIVERY, userId: 'ana', phone: '+919876543210', email };
  const answer = await carom.call('POST', `/v1/transactions?account=${account}`, {
    body: { ...body, ...(attachments && { attachments }) },
  });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  return (answer.body as TransactionView).id;
}

/** The call for this address, once the vendor has it. */
async function callFor(email: string): Promise<Record<string, any>> {
  for (let index = 0; ; index++) {
    const call = await vendor.call(index);
    if (call.body.includes(email)) return JSON.parse(call.body) as Record<string, any>;
  }
}

async function receiptUrl(provider: string): Promise<string> {
  const { body } = await carom.call('GET', `/v1/providers/${provider}?account=${account}`);
  return (body as { receiptUrl: string }).receiptUrl;
}

/** Posts events as SendGrid does, signed with this key. */
async function report(events: object[], key = KEYS.privateKey): Promise<number> {
  const body = JSON.stringify(events);
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createSign('sha256').update(timestamp).update(body).sign(key, 'base64');
  const headers = {
    'content-type': 'application/json',
    'x-twilio-email-event-webhook-signature': signature,
    'x-twilio-email-event-webhook-timestamp': timestamp,
  };
  return (await fetch(await receiptUrl('sendgrid'), { method: 'POST', headers, body })).status;
}

const ended = (id: string): Promise<TransactionView> => carom.ended(account, id) as Promise<TransactionView>;

describe('sendgrid', () => {
  test('a hard bounce starts the next leg, and nothing more goes to that address', async () => {
    const email = 'gone@example.org';
    const id = await trigger(email, '~sendgrid');
    const { carom_message } = (await callFor(email))['personalizations'][0].custom_args;
    const bounce = { event: 'bounce', type: 'bounce', reason: '550 5.1.1 user unknown', carom_message };
    assert.equal(await report([{ event: 'processed', carom_message }, bounce]), 200);
    assert.equal(states(await ended(id)), 'undelivered delivered');
    assert.equal(states(await ended(await trigger(email, '~sendgrid'))), 'skipped:suppressed delivered');
  });

  test('a batch of hundreds of kilobytes is taken whole', async () => {
    const email = 'ana@example.org';
    const id = await trigger(email, '~sendgrid');
    const { carom_message } = (await callFor(email))['personalizations'][0].custom_args;
    const foreign = Array.from({ length: 2_500 }, () => ({ event: 'delivered', email, useragent: 'x'.repeat(200) }));
    assert.equal(await report([...foreign, { event: 'delivered', carom_message }]), 200);
    assert.equal(states(await ended(id)), 'delivered skipped:chain_succeeded');
  });

  test('events in its name change nothing', async () => {
    const email = 'eve@example.org';
    const id = await trigger(email, '~sendgrid');
    const { carom_message } = (await callFor(email))['personalizations'][0].custom_args;
    const forger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    assert.equal(await report([{ event: 'bounce', type: 'bounce', carom_message }], forger), 403);
    assert.equal(await report([{ event: 'delivered', carom_message }]), 200);
    assert.equal(states(await ended(id)), 'delivered skipped:chain_succeeded');
  });
});

describe('ses', () => {
  test('gets files, signed with the rest; a message that SNS has not signed is answered 403', async () => {
    const email = 'ben@example.org';
    const data = Buffer.from('%PDF-1.4 …').toString('base64');
    await trigger(email, '~ses', [{ name: 'invoice.pdf', data }]);
    const call = await callFor(email);
    assert.equal(call['Content'].Simple.Attachments[0].RawContent, data);
    const Value = call['EmailTags'][0].Value as string;

    const sns = await startSns();
    const event = {
      eventType: 'Bounce',
      bounce: { bounceType: 'Permanent' },
      mail: { tags: { carom_message: [Value] } },
    };
    const Timestamp = new Date().toISOString();
    const from = { SigningCertURL: 'https://sns.s3-us-west-2.amazonaws.com/a.pem' };
    const { raw, headers } = sns.message({ Message: JSON.stringify(event), Timestamp, ...from });
    await sns.close();
    const post = (body: Buffer | string, more = {}) =>
      receiptUrl('ses').then((url) =>
        fetch(url, { method: 'POST', headers: { ...headers, ...more }, body: Buffer.from(body) }),
      );
    assert.equal((await post(raw)).status, 403);
    assert.equal((await post(JSON.stringify(event), { 'x-amz-sns-rawdelivery': 'true' })).status, 403);
    assert.equal((await post('<html>')).status, 400);
  });
});
