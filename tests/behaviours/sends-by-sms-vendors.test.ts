/** SMS by vendors' APIs, through a whole Carom: signed receipts start the next leg, forged ones do nothing; presets apply as they are printed. */
import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { parseManifest } from '#cli/manifest-source.ts';
import { presetNames, readPreset } from '#cli/presets.ts';
import type { JsonObject } from '#domain/request.ts';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { states } from '../support/chain.ts';
import type { TransactionView } from '../support/chain.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';
import { readFixture } from '../support/preset-fixture.ts';

const DELIVERY = 'fallback_on_delivery_failure';
const [AUTH_TOKEN, SIGNATURE_SECRET] = ['tw1lio-t0ken', 'vonage-s3cret-of-some-length'];
const [SID, UUID] = ['SM00000000000000000000000000000001', 'aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab'];
const ACCOUNT_SID = 'AC00000000000000000000000000000001';
const account = `sms-${randomUUID()}`;

let carom: Carom;
let vendor: HttpVendor;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  vendor.answering = (response, call) =>
    (call.url === '/v1/messages' ? json(202, { message_uuid: UUID }) : json(201, { sid: SID }))(response, call);
  const sms = { channel: 'sms', receipts: 'callback', baseUrl: vendor.url, from: '+15017122661' };
  const campaign = { channel: 'sms', state: 'running', body: 'On its way' };
  await carom.apply({
    account,
    defaultRegion: 'IN',
    providers: [
      { id: 'twilio', type: 'twilio', ...sms, accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN },
      {
        id: 'vonage',
        type: 'vonage',
        ...sms,
        apiKey: 'abcd1234',
        apiSecret: 'hush-hush',
        signatureSecret: SIGNATURE_SECRET,
      },
    ],
    campaigns: [
      { id: '~twilio', provider: 'twilio', ...campaign },
      { id: '~vonage', provider: 'vonage', ...campaign },
    ],
  });
});
after(() => Promise.all([carom.stop(), vendor.close()]));

/** Starts a chain, and waits until the vendor has its first message. */
async function trigger(campaignIds: string[], phone: string): Promise<{ id: string; body: string }> {
  const body = { campaignIds, mode: DELIVERY, userId: 'ana', phone };
  const answer = await carom.call('POST', `/v1/transactions?account=${account}`, { body });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const { id } = answer.body as TransactionView;
  for (let index = 0; ; index++) {
    const call = await vendor.call(index);
    if (call.body.includes(phone.slice(1))) return { id, body: call.body };
  }
}

async function reportByTwilio(url: string, status: string, token = AUTH_TOKEN): Promise<number> {
  const fields = { AccountSid: ACCOUNT_SID, ErrorCode: '30003', MessageSid: SID, MessageStatus: status };
  const text = Object.entries(fields).reduce((signed, [name, value]) => signed + name + value, url);
  const headers = { 'x-twilio-signature': createHmac('sha1', token).update(text).digest('base64') };
  return (await fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) })).status;
}

async function reportByVonage(
  url: string,
  reference: string,
  status: string,
  secret = SIGNATURE_SECRET,
): Promise<number> {
  const body = JSON.stringify({ message_uuid: UUID, status, channel: 'sms', client_ref: reference });
  const payload_hash = createHash('sha256').update(body).digest('hex');
  const text = [
    { alg: 'HS256', typ: 'JWT' },
    { iss: 'Vonage', iat: Math.floor(Date.now() / 1_000), payload_hash },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const authorization = `Bearer ${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  const headers = { authorization, 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

describe('vendors of SMS', () => {
  test('Twilio’s failure starts the next leg; nobody else can report it', async () => {
    const { id, body } = await trigger(['~twilio', '~vonage'], '+919876500001');
    const url = new URLSearchParams(body).get('StatusCallback')!;
    assert.equal(await reportByTwilio(url, 'undelivered', 'guessed'), 403);
    assert.equal(await reportByTwilio(url, 'sent'), 200);
    assert.equal(await reportByTwilio(url, 'undelivered'), 200);
    const view = await carom.transaction(account, id, ({ legs }) => legs[1].state === 'accepted');
    assert.equal(states(view), 'undelivered accepted');
    assert.deepEqual([view.legs[0].messages[0].reason, view.legs[0].messages[0].ref], ['unreachable', SID]);
  });

  test('Vonage’s failure starts the next leg; nobody else can report it', async () => {
    const { id, body } = await trigger(['~vonage', '~twilio'], '+919876500002');
    const { webhook_url: url, client_ref: reference } = JSON.parse(body) as { webhook_url: string; client_ref: string };
    assert.equal(await reportByVonage(url, reference, 'rejected', 'guessed'), 403);
    assert.equal(await reportByVonage(url, reference, 'submitted'), 200);
    assert.equal(await reportByVonage(url, reference, 'rejected'), 200);
    const view = await carom.transaction(account, id, ({ legs }) => legs[1].state === 'accepted');
    assert.equal(states(view), 'undelivered accepted');
  });

  test('a delivered message ends the chain, also when it is reported twice', async () => {
    const { id, body } = await trigger(['~twilio', '~vonage'], '+919876500003');
    const url = new URLSearchParams(body).get('StatusCallback')!;
    for (const status of ['delivered', 'delivered', 'sent']) assert.equal(await reportByTwilio(url, status), 200);
    assert.equal(states(await carom.ended(account, id)), 'delivered skipped:chain_succeeded');
  });
});

test('all presets apply as they are printed, and show no credentials', async () => {
  const names = await presetNames();
  const fixtures = await Promise.all(names.map(readFixture));
  const documents = await Promise.all(
    names.map(async (name, index) => {
      const { text } = await readPreset(name);
      return parseManifest(name, text, fixtures[index]!.environment).documents[0]!.content as {
        providers: JsonObject[];
      };
    }),
  );
  const shop = `presets-${randomUUID()}`;
  await carom.apply({ account: shop, providers: documents.flatMap(({ providers }) => providers) });
  const shown = await Promise.all(names.map((name) => carom.call('GET', `/v1/providers/${name}?account=${shop}`)));
  const text = JSON.stringify(shown.map(({ status, body }) => (assert.equal(status, 200), body as unknown)));
  for (const { environment } of fixtures)
    for (const [variable, value] of Object.entries(environment))
      if (/KEY|SECRET|TOKEN|PASSWORD/.test(variable)) assert(!text.includes(value), variable);
});
