import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor, VendorCall } from '../../tests/support/http-vendor.ts';
import { START, callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { ForgedCallbackError } from '#ports/provider.ts';
import type { Callback, OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { sendgridProvider } from './sendgrid.ts';

const KEYS = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** As SendGrid shows it. */
const VERIFICATION_KEY = KEYS.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
/** In the tests of SendGrid's own libraries. */
const EXAMPLE_KEY =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==';
const SETTINGS = { apiKey: 'SG.k3y', from: 'Shop <shop@example.com>' };

const mail = (changes: Partial<OutgoingMessage> = {}) =>
  outgoing({ channel: 'email', to: 'ana@example.org', from: null, subject: 'Your order', ...changes });

interface MailSend extends JsonObject {
  personalizations: { custom_args: { carom_message: string } }[];
}
const bodyOf = (call: VendorCall) => JSON.parse(call.body) as MailSend;
const idOf = (call: VendorCall) => bodyOf(call).personalizations[0]!.custom_args.carom_message;
const error = (status: number, message: string, field: string | null = null): Answering =>
  json(status, { errors: [{ message, field, help: null }] });
const accepted: Answering = (response) => response.writeHead(202, { 'x-message-id': '14c5d75ce93' }).end();

/** Signed as SendGrid does it. */
function signed(body: Json | Buffer, at = START, key = KEYS.privateKey): Callback {
  const callback = callbackWith(body);
  const timestamp = String(Math.floor(at / 1_000));
  const signature = createSign('sha256').update(timestamp).update(callback.raw).sign(key, 'base64');
  const headers = {
    'x-twilio-email-event-webhook-signature': signature,
    'x-twilio-email-event-webhook-timestamp': timestamp,
  };
  return { ...callback, headers };
}

const FATES: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

describeProvider('sendgrid', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const settings = { ...SETTINGS, baseUrl: vendor.url, verificationKey: VERIFICATION_KEY };
  const provider = sendgridProvider.open(providerConfig('sendgrid', settings), tools);
  const seen = new Set<string>();
  const answers: Record<Fate, Answering> = {
    accepted,
    refused: error(400, 'Does not contain a valid address.', 'personalizations.0.to.0.email'),
    failing: json(500, {}),
    throttled: json(
      429,
      { errors: [{ message: 'too many requests' }] },
      { 'x-ratelimit-reset': String(START / 1_000 + 3) },
    ),
    unanswered: () => undefined,
  };
  vendor.answering = (response, call) => {
    const fate = FATES.find((one) => call.body.includes(`${one}@example.org`))!;
    answers[fate === 'throttled' && seen.has(idOf(call)) ? 'accepted' : fate](response, call);
    seen.add(idOf(call));
  };
  return {
    provider,
    message: (fate) => mail({ to: `${fate}@example.org` }),
    arrived: async () => void (await vendor.call(0)),
    names: () => vendor.calls.map(idOf),
    passTimeout: () => tools.pass(10_000),
    callback: ({ messageId }, report) =>
      signed(report === 'delivered' ? [{ event: 'delivered', carom_message: messageId }] : Buffer.from('<html>')),
    foreignCallback: ({ messageId }) => signed([{ event: 'pondering', carom_message: messageId }]),
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

describe('sendgrid', () => {
  let vendor: HttpVendor;
  const opened: Provider[] = [];
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.answering = accepted;
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
  });
  const send = (message: OutgoingMessage, settings: JsonObject = {}) => {
    const config = providerConfig('sendgrid', { ...SETTINGS, baseUrl: vendor.url, ...settings });
    const provider = sendgridProvider.open(config, testTools());
    opened.push(provider);
    return provider.send(message);
  };

  test('sends what SendGrid documents, and leaves tracking to Carom', async () => {
    const headers = {
      'List-Unsubscribe': '<https://carom.example/u/1>',
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    };
    const message = mail({ body: 'Hi', html: '<p>Hi</p>', replyTo: 'Help <help@example.com>', headers });
    assert.deepEqual(await send(message, { ipPool: 'orders' }), { kind: 'accepted', ref: '14c5d75ce93' });
    const call = await vendor.call(0);
    assert.deepEqual([call.method, call.url], ['POST', '/v3/mail/send']);
    assert.equal(call.headers.authorization, 'Bearer SG.k3y');
    assert.equal(call.headers['content-type'], 'application/json');
    assert.deepEqual(bodyOf(call), {
      personalizations: [{ to: [{ email: 'ana@example.org' }], custom_args: { carom_message: message.messageId } }],
      from: { email: 'shop@example.com', name: 'Shop' },
      reply_to: { email: 'help@example.com', name: 'Help' },
      subject: 'Your order',
      content: [
        { type: 'text/plain', value: 'Hi' },
        { type: 'text/html', value: '<p>Hi</p>' },
      ],
      headers,
      ip_pool_name: 'orders',
      tracking_settings: {
        click_tracking: { enable: false, enable_text: false },
        open_tracking: { enable: false },
        subscription_tracking: { enable: false },
        ganalytics: { enable: false },
      },
    });
  });

  test('writes files into the call byte by byte', async () => {
    const content = Buffer.from(Array.from({ length: 150_001 }, (_, index) => index % 253));
    const file = {
      name: 'invoice.pdf',
      type: 'application/pdf',
      sizeBytes: content.length,
      content: async () => content,
    };
    await send(mail({ attachments: [file] }));
    const [attachment] = bodyOf(await vendor.call(0))['attachments'] as Record<string, string>[];
    const { content: base64, ...others } = attachment!;
    assert.deepEqual(Buffer.from(base64!, 'base64'), content);
    assert.deepEqual(others, { filename: 'invoice.pdf', type: 'application/pdf', disposition: 'attachment' });
  });

  test('can have SendGrid check a message and send nothing, which it accepts with 200', async () => {
    vendor.answering = (response) => response.writeHead(200).end();
    assert.deepEqual(await send(mail(), { sandboxMode: true }), { kind: 'accepted', ref: null });
    assert.deepEqual(bodyOf(await vendor.call(0))['mail_settings'], { sandbox_mode: { enable: true } });
  });

  test('refuses what is no address without a call', async () => {
    const outcome = await send(mail({ to: 'ana@example.org\r\nBcc: eve@example.org' }));
    assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_address');
    assert.equal(vendor.calls.length, 0);
  });

  const refusal = (reason: string, detail: string | null, elsewhere = false): SendOutcome => ({
    kind: 'rejected',
    reason,
    detail,
    retryable: false,
    ...(elsewhere && { tryElsewhere: true }),
  });
  const reset = (value: string) => json(429, {}, { 'x-ratelimit-reset': value });
  const answers: [what: string, answer: Answering, outcome: SendOutcome][] = [
    ['the recipient', error(400, 'no', 'personalizations.0.to.0.email'), refusal('invalid_address', 'no')],
    ['the sender', error(400, 'no', 'from.email'), refusal('invalid_sender', 'no')],
    ['the subject', error(400, 'no', 'subject'), refusal('invalid_content', 'no')],
    ['the content', error(400, 'no', 'content.0.value'), refusal('invalid_content', 'no')],
    ['a file', error(400, 'no', 'attachments.0.content'), refusal('invalid_content', 'no')],
    ['the pool', error(400, 'no', 'ip_pool_name'), refusal('ip_pool_not_found', 'no', true)],
    ['something else', error(400, 'no', 'asm.group_id'), refusal('invalid_request', 'no')],
    ['nothing in particular', error(400, 'Bad Request'), refusal('invalid_request', 'Bad Request')],
    [
      'the key',
      error(401, 'The provided authorization grant is invalid, expired, or revoked'),
      refusal('unauthorized', 'The provided authorization grant is invalid, expired, or revoked', true),
    ],
    ['credit', error(401, 'Maximum credits exceeded'), refusal('no_credit', 'Maximum credits exceeded', true)],
    ['payment', json(402, {}), refusal('no_credit', '{}', true)],
    ['permission', error(403, 'access forbidden'), refusal('unauthorized', 'access forbidden', true)],
    [
      'a sender that is not verified',
      error(403, 'The from address does not match a verified Sender Identity.', 'from'),
      refusal('invalid_sender', 'The from address does not match a verified Sender Identity.', true),
    ],
    ['size', (r) => r.writeHead(413).end(), refusal('too_large', null)],
    ['errors that are none', json(400, { errors: [null] }), refusal('invalid_request', '{"errors":[null]}')],
    ['HTML', html(403, '<h1>Forbidden</h1>'), refusal('unauthorized', '<h1>Forbidden</h1>', true)],
    ['HTML instead of 202', html(200, '<h1>Welcome</h1>'), { kind: 'unknown', reason: 'unreadable_answer' }],
    ['a redirect', (r) => r.writeHead(302, { location: '/login' }).end(), refusal('http_302', null)],
    ['503 in HTML', html(503, 'Later'), { kind: 'rejected', reason: 'http_503', detail: 'Later', retryable: true }],
    ['202 without an id', (r) => r.writeHead(202).end(), { kind: 'accepted', ref: null }],
    ['a rate with its end', reset(String(START / 1_000 + 7)), { kind: 'throttled', retryAfterMs: 7_000 }],
    ['a rate whose end has passed', reset('1'), { kind: 'throttled', retryAfterMs: 100 }],
    ['a rate with an end that is none', reset('soon'), { kind: 'throttled', retryAfterMs: 1_000 }],
    ['a rate with Retry-After', json(429, {}, { 'retry-after': '4' }), { kind: 'throttled', retryAfterMs: 4_000 }],
    ['a broken connection', (r) => r.socket!.destroy(), { kind: 'unknown', reason: 'connection_lost' }],
  ];
  for (const [what, answer, outcome] of answers)
    test(`knows the answer: ${what}`, async () => {
      vendor.answering = answer;
      assert.deepEqual(await send(mail()), outcome);
    });

  test('takes a server without TLS for no connection', async () => {
    const outcome = await send(mail(), { baseUrl: vendor.url.replace('http:', 'https:') });
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });

  const faults: [path: string, settings: JsonObject, message: RegExp][] = [
    ['apiKey', { apiKey: '' }, /is needed/],
    ['apiKey', { apiKey: 'SG.k3y\n' }, /line breaks/],
    ['from', { from: 'shop' }, /not an e-mail address/],
    ['verificationKey', { verificationKey: 'abc' }, /Signed Event Webhook/],
    ['sandboxMode', { sandboxMode: 'yes' }, /true or false/],
    ['baseUrl', { baseUrl: 'api.sendgrid.com' }, /is not an address/],
    ['key', { key: 'x' }, /is not known here/],
  ];
  for (const [path, settings, message] of faults)
    test(`says what is wrong with ${JSON.stringify(settings)}`, () => {
      const fault = sendgridProvider.faultOf({ ...SETTINGS, ...settings }, testTools().templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    });
});

describe("sendgrid's signature", () => {
  const tools = testTools();
  const open = (settings: JsonObject) =>
    sendgridProvider.open(providerConfig('sendgrid', { ...SETTINGS, ...settings }), tools);
  const provider = open({ verificationKey: VERIFICATION_KEY });
  const body = [{ event: 'delivered', carom_message: mail().messageId }];
  const taken = async (callback: Callback) => (await provider.parseReceipts(callback)).length;

  test("is that of the example in SendGrid's own libraries", async () => {
    const raw = Buffer.from(
      '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n',
    );
    const headers = {
      'x-twilio-email-event-webhook-signature':
        'MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=',
      'x-twilio-email-event-webhook-timestamp': '1600112502',
    };
    const callback = { ...callbackWith(raw, { headers }), body: JSON.parse(raw.toString()) as Json };
    const then = { ...tools, clock: { ...tools.clock, now: () => 1_600_112_503_000 } };
    const config = providerConfig('sendgrid', { ...SETTINGS, verificationKey: EXAMPLE_KEY });
    assert.deepEqual(await sendgridProvider.open(config, then).parseReceipts(callback), []);
    await assert.rejects(sendgridProvider.open(config, tools).parseReceipts(callback), /too old/);
  });

  test('is over the bytes as they came', async () => {
    assert.equal(await taken(signed(body)), 1);
    const callback = signed(body);
    await assert.rejects(
      taken({ ...callback, raw: Buffer.concat([callback.raw, Buffer.from(' ')]) }),
      ForgedCallbackError,
    );
  });

  const forgeries: Record<string, (callback: Callback) => Callback> = {
    'none at all': (callback) => ({ ...callback, headers: {} }),
    'one that is none': (callback) => withHeader(callback, 'signature', 'bm8='),
    'an empty one': (callback) => withHeader(callback, 'signature', ''),
    "another call's": (callback) => withHeader(callback, 'timestamp', String(START / 1_000 - 1)),
    'no time': (callback) => withHeader(callback, 'timestamp', ''),
    'a time that is none': (callback) => withHeader(callback, 'timestamp', '1e9'),
  };
  for (const [what, forge] of Object.entries(forgeries))
    test(`is refused as forged: ${what}`, () => assert.rejects(taken(forge(signed(body))), ForgedCallbackError));

  test('is refused by another key', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    await assert.rejects(taken(signed(body, START, other)), ForgedCallbackError);
  });

  test('is refused when it is old, or from the future', async () => {
    assert.equal(await taken(signed(body, START - 25 * 3_600_000)), 1);
    await assert.rejects(taken(signed(body, START - 25 * 3_600_000 - 1_000)), ForgedCallbackError);
    await assert.rejects(taken(signed(body, START + 16 * 60_000)), ForgedCallbackError);
  });

  test('is not asked for without a key; the key may be in PEM', async () => {
    assert.equal((await open({}).parseReceipts(callbackWith(body))).length, 1);
    const pem = KEYS.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    assert.equal((await open({ verificationKey: pem }).parseReceipts(signed(body))).length, 1);
  });
});

function withHeader(callback: Callback, what: 'signature' | 'timestamp', value: string): Callback {
  return { ...callback, headers: { ...callback.headers, [`x-twilio-email-event-webhook-${what}`]: value } };
}

function html(status: number, text: string): Answering {
  return (response) => response.writeHead(status, { 'content-type': 'text/html' }).end(text);
}
