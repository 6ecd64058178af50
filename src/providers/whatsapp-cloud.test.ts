import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { whatsappCloudProvider } from './whatsapp-cloud.ts';

const NUMBER_ID = '106540352242922';
const APP_SECRET = 'app-s3cret';

const settingsFor = (url: string, changes: JsonObject = {}): JsonObject => ({
  phoneNumberId: NUMBER_ID,
  accessToken: 'EAAG-t0ken',
  appSecret: APP_SECRET,
  verifyToken: 'our-own-w0rd',
  baseUrl: url,
  ...changes,
});

/** The documented answer to a message that is taken. */
const taken = (id: string): Answering =>
  json(200, {
    messaging_product: 'whatsapp',
    contacts: [{ input: '+919999999999', wa_id: '919999999999' }],
    messages: [{ id }],
  });

/** The documented shape of an error. */
const refused = (status: number, code: number, details: string, more: object = {}): Answering =>
  json(status, {
    error: {
      message: `(#${code}) an error`,
      type: 'OAuthException',
      code,
      error_data: { messaging_product: 'whatsapp', details },
      fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
      ...more,
    },
  });

/** A callback as Meta signs it. */
function signed(body: Json | Buffer, secret = APP_SECRET) {
  const { raw } = callbackWith(body);
  const signature = `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;
  return callbackWith(body, { headers: { 'x-hub-signature-256': signature } });
}

const notification = (statuses: JsonObject[]): JsonObject => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '102290129340398',
      changes: [
        {
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550783881', phone_number_id: NUMBER_ID },
            statuses,
          },
          field: 'messages',
        },
      ],
    },
  ],
});

const status = ({ messageId }: OutgoingMessage, word: string): JsonObject => ({
  id: 'wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=',
  status: word,
  timestamp: '1750030073',
  recipient_id: '919999999999',
  biz_opaque_callback_data: messageId,
});

const DIGITS: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

describeProvider('whatsapp-cloud', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const provider = whatsappCloudProvider.open(providerConfig('whatsapp-cloud', settingsFor(vendor.url)), tools);
  const seen = new Set<string>();
  const answers: Record<Fate, Answering> = {
    accepted: taken('wamid.HBgLMTY1'),
    refused: refused(400, 131026, 'Message undeliverable'),
    failing: refused(500, 131000, 'Something went wrong'),
    throttled: refused(400, 130429, 'Rate limit hit'),
    unanswered: () => undefined,
  };
  vendor.answering = (response, call) => {
    const { to } = JSON.parse(call.body) as { to: string };
    const fate = DIGITS[Number(to.at(-1))]!;
    answers[fate === 'throttled' && seen.has(to) ? 'accepted' : fate](response, call);
    seen.add(to);
  };
  return {
    provider,
    message: (fate) => outgoing({ channel: 'whatsapp', to: `+91999999999${DIGITS.indexOf(fate)}` }),
    arrived: async () => void (await vendor.call(0)),
    names: () =>
      vendor.calls.map(
        ({ body }) => (JSON.parse(body) as { biz_opaque_callback_data: string }).biz_opaque_callback_data,
      ),
    passTimeout: () => tools.pass(10_000),
    callback: (message, report) =>
      signed(report === 'delivered' ? notification([status(message, 'delivered')]) : Buffer.from('<html>')),
    foreignCallback: (message) => signed(notification([status(message, 'pondering')])),
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

describe('whatsapp-cloud', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let opened: Provider[] = [];
  beforeEach(async () => {
    vendor = await startVendor();
    tools = testTools();
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
    opened = [];
  });

  function open(changes: JsonObject = {}): Provider {
    const settings = settingsFor(vendor.url, changes);
    assert.equal(whatsappCloudProvider.faultOf(settings, tools.templates), null);
    const provider = whatsappCloudProvider.open(providerConfig('whatsapp-cloud', settings), tools);
    opened.push(provider);
    return provider;
  }

  function sendTo(answering: Answering, message: Partial<OutgoingMessage> = {}): Promise<SendOutcome> {
    vendor.answering = answering;
    return open().send(outgoing({ channel: 'whatsapp', ...message }));
  }

  test('the call goes to the number’s own address, with the token', async () => {
    assert.deepEqual(await sendTo(taken('wamid.1')), { kind: 'accepted', ref: 'wamid.1' });
    const { method, url, headers } = await vendor.call(0);
    assert.equal(`${method} ${url}`, `POST /v24.0/${NUMBER_ID}/messages`);
    assert.equal(headers.authorization, 'Bearer EAAG-t0ken');
    assert.equal(headers['content-type'], 'application/json');
  });

  test('below a proxy’s path and in another version', async () => {
    vendor.answering = taken('wamid.1');
    await open({ baseUrl: `${vendor.url}/graph/`, apiVersion: 'v25.0' }).send(outgoing());
    assert.equal((await vendor.call(0)).url, `/graph/v25.0/${NUMBER_ID}/messages`);
  });

  test('an error is judged by its code, not by its HTTP status', async () => {
    const cases: [Answering, Partial<Extract<SendOutcome, { kind: 'rejected' }>>][] = [
      [refused(401, 190, 'Token expired'), { reason: 'unauthorized', retryable: false, tryElsewhere: true }],
      [refused(403, 200, 'Permission'), { reason: 'unauthorized', retryable: false, tryElsewhere: true }],
      [refused(403, 294, 'Permission'), { reason: 'unauthorized', retryable: false, tryElsewhere: true }],
      [refused(400, 131042, 'Payment'), { reason: 'no_credit', retryable: false, tryElsewhere: true }],
      [refused(400, 131047, '24 hours'), { reason: 'window_closed', retryable: false }],
      [refused(404, 132001, 'No template'), { reason: 'invalid_template', retryable: false, tryElsewhere: true }],
      [refused(400, 132000, 'Parameters'), { reason: 'invalid_template', retryable: false }],
      [refused(500, 131045, 'Certificate'), { reason: 'invalid_sender', retryable: false, tryElsewhere: true }],
      [refused(400, 131016, 'Service'), { reason: 'provider_error', retryable: true }],
      // About one recipient: the whole provider need not wait for it.
      [refused(429, 131056, 'Pair rate'), { reason: 'recipient_throttled', retryable: true }],
      [refused(429, 131048, 'Spam rate'), { reason: 'sender_restricted', retryable: false, tryElsewhere: true }],
      // Not documented.
      [refused(400, 999_999, 'New'), { reason: 'whatsapp_999999', retryable: false }],
      [refused(503, 999_999, 'New'), { reason: 'whatsapp_999999', retryable: true }],
      [refused(400, 999_999, 'New', { is_transient: true }), { reason: 'whatsapp_999999', retryable: true }],
    ];
    for (const [answering, expected] of cases) {
      const outcome = await sendTo(answering);
      assert(outcome.kind === 'rejected', JSON.stringify(outcome));
      const { reason, retryable, tryElsewhere } = outcome;
      assert.deepEqual({ reason, retryable, ...(tryElsewhere && { tryElsewhere }) }, expected);
    }
  });

  test('the detail is the code and the vendor’s most precise text', async () => {
    const outcome = await sendTo(refused(400, 131008, 'components[0] is missing'));
    assert.equal(outcome.kind === 'rejected' && outcome.detail, '131008 components[0] is missing');
    const bare = await sendTo(
      json(400, { error: { message: 'Unsupported post request', code: 100, type: 'GraphMethodException' } }),
    );
    assert.equal(bare.kind === 'rejected' && bare.detail, '100 Unsupported post request');
  });

  test('every rate limit throttles, for as long as the vendor asks', async () => {
    for (const code of [4, 80007, 130429])
      assert.deepEqual(await sendTo(refused(400, code, 'too fast')), { kind: 'throttled', retryAfterMs: 1_000 });
    const asked = await sendTo((response) => response.writeHead(429, { 'retry-after': '7' }).end('slow down'));
    assert.deepEqual(asked, { kind: 'throttled', retryAfterMs: 7_000 });
    assert.equal((await sendTo(refused(429, 999_999, 'New'))).kind, 'throttled');
  });

  test('what is not Meta’s answer says nothing about the message', async () => {
    const html =
      (code: number): Answering =>
      (response) =>
        response.writeHead(code, { 'content-type': 'text/html' }).end('<html>Sign in to the hotel’s network</html>');
    assert.deepEqual(await sendTo(html(200)), { kind: 'unknown', reason: 'unreadable_answer' });
    assert.deepEqual(await sendTo(json(200, { messages: [] })), { kind: 'unknown', reason: 'unreadable_answer' });
    assert.deepEqual(await sendTo(json(200, null)), { kind: 'unknown', reason: 'unreadable_answer' });
    for (const [code, retryable] of [
      [404, false],
      [302, false],
      [502, true],
    ] as const) {
      const outcome = await sendTo(html(code));
      assert(outcome.kind === 'rejected' && outcome.reason === `http_${code}` && outcome.retryable === retryable);
      assert.equal(outcome.tryElsewhere, retryable ? undefined : true);
    }
  });

  test('a message that says nothing is refused before it is sent', async () => {
    const outcome = await sendTo(taken('wamid.1'), { body: null });
    assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
    assert.equal(vendor.calls.length, 0);
  });

  test('the question whether the address is ours is answered with its challenge', async () => {
    const ask = (query: Record<string, string>) =>
      open().answerChallenge!({ ...callbackWith(null, { query }), method: 'GET' });
    const query = { 'hub.mode': 'subscribe', 'hub.verify_token': 'our-own-w0rd', 'hub.challenge': '1158201444' };
    assert.deepEqual(await ask(query), { contentType: 'text/plain', body: '1158201444' });
    await assert.rejects(ask({ ...query, 'hub.verify_token': 'guess' }), { name: 'ForgedCallbackError' });
    await assert.rejects(ask({ ...query, 'hub.verify_token': '' }), { name: 'ForgedCallbackError' });
    await assert.rejects(ask({ ...query, 'hub.challenge': '<script>' }), { name: 'CallbackError' });
    assert.equal(await ask({}), null);
    assert.equal(await open().answerChallenge!(callbackWith({}, { query })), null);
  });

  test('a callback with a wrong signature, or none, is forged', async () => {
    const message = outgoing();
    const body = notification([status(message, 'delivered')]);
    const provider = open();
    await assert.rejects(provider.parseReceipts(callbackWith(body)), { name: 'ForgedCallbackError' });
    await assert.rejects(provider.parseReceipts(signed(body, 'another')), { name: 'ForgedCallbackError' });
    const genuine = signed(body);
    const changed = { ...genuine, raw: Buffer.from(genuine.raw.toString().replace('delivered', 'read')) };
    await assert.rejects(provider.parseReceipts(changed), { name: 'ForgedCallbackError' });
    const shortened = { 'x-hub-signature-256': genuine.headers['x-hub-signature-256']!.slice(0, 20) };
    await assert.rejects(provider.parseReceipts({ ...genuine, headers: shortened }), { name: 'ForgedCallbackError' });
    assert.equal((await provider.parseReceipts(genuine)).length, 1);
  });

  test('settings that cannot work are refused, and it is said what would', () => {
    const faults: [JsonObject, string, RegExp][] = [
      [{ phoneNumberId: undefined as never }, 'phoneNumberId', /is needed/],
      [{ phoneNumberId: '+15550783881' }, 'phoneNumberId', /digits only/],
      [{ accessToken: '' }, 'accessToken', /is needed/],
      [{ appSecret: ' ' }, 'appSecret', /is needed/],
      [{ verifyToken: 7 }, 'verifyToken', /must be a text/],
      [{ apiVersion: '24' }, 'apiVersion', /v24\.0/],
      [{ baseUrl: 'graph.facebook.com' }, 'baseUrl', /https:\/\/graph/],
      [{ previewUrl: 'yes' }, 'previewUrl', /true or false/],
      [{ timeout: '1h' }, 'timeout', /out of bounds/],
      [{ concurrency: 0 }, 'concurrency', /from 1 to/],
      [{ token: 'x' }, 'token', /not known here; use phoneNumberId/],
    ];
    for (const [changes, path, message] of faults) {
      const settings = settingsFor('https://graph.facebook.com', changes);
      for (const key of Object.keys(settings)) if (settings[key] === undefined) delete settings[key];
      const fault = whatsappCloudProvider.faultOf(settings, tools.templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    }
  });
});
