import assert from 'node:assert/strict';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import type { Channel } from '#domain/campaign.ts';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { webengageGatewayProvider } from './webengage-gateway.ts';

const open = (channel: Channel, settings: JsonObject, tools: TestTools): Provider =>
  webengageGatewayProvider.open({ ...providerConfig('webengage-gateway', settings), channel }, tools);

/** What a gateway of each channel says, in the examples of the vendor's pages. */
const GATEWAYS = [
  {
    channel: 'sms',
    accepted: { status: 'sms_accepted' },
    refused: { status: 'sms_rejected', statusCode: 2003, message: 'Invalid mobile number' },
    throttled: { status: 'sms_rejected', statusCode: 2015, message: 'Throttling error' },
    delivered: { status: 'sms_sent', statusCode: 0, smsCount: 1 },
    foreign: { status: 'sms_pondered', statusCode: 0 },
  },
  {
    channel: 'whatsapp',
    accepted: { status: 'whatsapp_accepted', statusCode: 0 },
    refused: { status: 'whatsapp_rejected', statusCode: 2006, message: 'blocked' },
    throttled: { status: 'whatsapp_rejected', statusCode: 2015, message: 'Throttling error' },
    delivered: { status: 'whatsapp_sent', statusCode: 0, reason: 'sent successfully to user' },
    foreign: { status: 'sms_sent', statusCode: 0 },
  },
  {
    channel: 'rcs',
    accepted: { status: 'rcs_accepted', statusCode: 0 },
    refused: { status: 'rcs_rejected', statusCode: 1001, message: 'Number is RCS Disabled' },
    throttled: { status: 'rcs_rejected', statusCode: 2014, message: 'Rate Limit Exceeded' },
    delivered: { status: 'rcs_delivered', statusCode: 0, reason: 'Success' },
    foreign: { status: 'whatsapp_sent', statusCode: 0 },
  },
  {
    channel: 'email',
    accepted: { status: 'SUCCESS', statusCode: 1000, message: 'NA' },
    refused: { status: 'ERROR', statusCode: 9018, message: 'Invalid email address' },
    throttled: { status: 'ERROR', statusCode: 9001, message: 'Throttling error' },
    delivered: { event: 'DELIVERED', statusCode: 1000, message: 'Success', email: 'ana@example.com' },
    foreign: { event: 'PONDERED', statusCode: 1000 },
  },
] as const;

for (const { channel, accepted, refused, throttled, delivered, foreign } of GATEWAYS) {
  describeProvider(`webengage-gateway for ${channel}`, async () => {
    const vendor = await startVendor();
    const tools = testTools();
    const provider = open(channel, { url: `${vendor.url}/send?tenant=7`, apiKey: 'k' }, tools);
    const seen = new Set<string>();
    const fates = new Map<string, Fate>();
    const answers: Record<Fate, Answering> = {
      accepted: json(200, accepted),
      // Refused with HTTP 200, throttled with any HTTP status: the body says it.
      refused: json(200, refused),
      failing: json(503, {}),
      throttled: json(400, throttled),
      unanswered: () => undefined,
    };
    const nameOf = (body: string) => (JSON.parse(body) as { metadata: { messageId: string } }).metadata.messageId;
    vendor.answering = (response, call) => {
      const name = nameOf(call.body);
      const fate = fates.get(name)!;
      answers[fate === 'throttled' && seen.has(name) ? 'accepted' : fate](response, call);
      seen.add(name);
    };
    const callbackOf = (message: OutgoingMessage, words: JsonObject) =>
      callbackWith({ version: '1.0', messageId: message.messageId, ...words });
    return {
      provider,
      message: (fate) => {
        const to = channel === 'email' ? 'ana@example.com' : '+919999999999';
        const message = outgoing({ channel, to, from: channel === 'email' ? 'Shop <shop@example.com>' : 'CAROM' });
        fates.set(message.messageId, fate);
        return message;
      },
      arrived: async () => void (await vendor.call(0)),
      names: () => vendor.calls.map(({ body }) => nameOf(body)),
      passTimeout: () => tools.pass(10_000),
      callback: (message, report) =>
        report === 'delivered' ? callbackOf(message, delivered) : callbackWith(Buffer.from('<html>')),
      foreignCallback: (message) => callbackOf(message, foreign),
      async close() {
        await vendor.close();
        await provider.close();
      },
    };
  });
}

describe('webengage-gateway', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let opened: Provider[] = [];
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.answering = json(200, { status: 'sms_accepted' });
    tools = testTools();
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
    opened = [];
  });

  function send(
    settings: JsonObject,
    message: Partial<OutgoingMessage> = {},
    channel: Channel = 'sms',
  ): Promise<SendOutcome> {
    const all = { url: `${vendor.url}/webengage/sms?tenant=7`, ...settings };
    assert.equal(webengageGatewayProvider.faultOf(all, tools.templates), null);
    const provider = open(channel, all, tools);
    opened.push(provider);
    return provider.send(outgoing({ channel, ...message }));
  }

  test('the call goes to the gateway’s address with its query, and the key as Bearer', async () => {
    assert.deepEqual(await send({ apiKey: 'k3y' }), { kind: 'accepted', ref: null });
    const { method, url, headers } = await vendor.call(0);
    assert.equal(`${method} ${url}`, 'POST /webengage/sms?tenant=7');
    assert.equal(headers.authorization, 'Bearer k3y');
    assert.equal(headers['content-type'], 'application/json');
  });

  test('a username and a password go as Basic, as the vendor’s page has it', async () => {
    await send({ username: 'webengage', password: 'admin' });
    assert.equal((await vendor.call(0)).headers.authorization, 'Basic d2ViZW5nYWdlOmFkbWlu');
  });

  test('a private gateway may ask for headers of its own', async () => {
    await send({ headers: { 'X-Api-Key': 'k', authorization: 'Token t' } });
    const { headers } = await vendor.call(0);
    assert.deepEqual([headers['x-api-key'], headers.authorization], ['k', 'Token t']);
  });

  test('an e-mail that the protocol has no place for is refused before it is sent', async () => {
    const attachments = [
      { name: 'a.pdf', type: 'application/pdf', sizeBytes: 1, content: async () => Buffer.from('x') },
    ];
    const email = { to: 'ana@example.com', from: 'shop@example.com' };
    const withFile = await send({}, { ...email, attachments }, 'email');
    assert(withFile.kind === 'rejected' && withFile.reason === 'invalid_content' && withFile.tryElsewhere);
    const nameless = await send({}, { ...email, from: 'CAROM' }, 'email');
    assert(nameless.kind === 'rejected' && nameless.reason === 'invalid_content' && !nameless.tryElsewhere);
    assert.equal(vendor.calls.length, 0);
  });

  test('a channel that the protocol does not know is refused', async () => {
    const outcome = await send({}, {}, 'push');
    assert(outcome.kind === 'rejected' && outcome.reason === 'channel_not_supported' && outcome.tryElsewhere);
    const provider = open('push', { url: vendor.url }, tools);
    opened.push(provider);
    await assert.rejects(provider.parseReceipts(callbackWith({})), { name: 'CallbackError' });
  });

  test('settings that cannot work are refused, and it is said what would', () => {
    const faults: [JsonObject, string, RegExp][] = [
      [{ url: '' }, 'url', /is needed/],
      [{ url: 'gateway.example.com' }, 'url', /is not an address/],
      [{ url: 'https://user:pass@gateway.example.com' }, 'url', /is not an address/],
      [{ apiKey: 'k', username: 'u', password: 'p' }, 'apiKey', /one or the other/],
      [{ username: 'u' }, 'password', /is missing/],
      [{ password: 'p' }, 'username', /is missing/],
      [{ apiKey: 'a\nb' }, 'apiKey', /no header can hold/],
      [{ headers: { 'Content-Type': 'text/plain' } }, 'headers.Content-Type', /cannot be set/],
      [{ headers: { 'a b': 'x' } }, 'headers.a b', /cannot be set/],
      [{ headers: { a: 7 } }, 'headers.a', /must be a text/],
      [{ campaignType: 'SERVICE' }, 'campaignType', /TRANSACTIONAL, PROMOTIONAL/],
      [{ requestType: 'both' }, 'requestType', /variables, message/],
      [{ custom: { a: 1 } }, 'custom.a', /must be a text/],
      [{ indiaDLT: {} }, 'indiaDLT.principalEntityId', /is needed/],
      [{ indiaDLT: { principalEntityId: 'p', peid: 'x' } }, 'indiaDLT.peid', /not known here/],
      [{ timeout: '5m' }, 'timeout', /out of bounds/],
      [{ concurrency: 2_000 }, 'concurrency', /from 1 to 1024/],
      [{ key: 'x' }, 'key', /not known here/],
    ];
    for (const [changes, path, message] of faults) {
      const settings = { url: 'https://gateway.example.com', ...changes };
      const fault = webengageGatewayProvider.faultOf(settings, tools.templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    }
  });
});
