import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { jwtVerify } from 'jose';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { START, callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Callback, OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { vonageProvider } from './vonage.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const SECRET = 'a signature secret of more than 32 bits';
const BASIC: JsonObject = { apiKey: 'abcd1234', apiSecret: 'hush', signatureSecret: SECRET };
const APPLICATION: JsonObject = { applicationId: 'aaaaaaaa-bbbb', privateKey: PEM, signatureSecret: SECRET };

/** Signed by hand (RFC 7515): what checks it is a library. */
function signed(body: JsonObject): Callback {
  const payload_hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const claims = { iss: 'Vonage', api_key: 'abcd1234', iat: START / 1_000, jti: 'c5ba8f24', payload_hash };
  const text = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = createHmac('sha256', SECRET).update(text).digest('base64url');
  return callbackWith(body, { headers: { authorization: `Bearer ${text}.${signature}` } });
}

const FATES: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];
const uuidOf = (to: string) => `aaaaaaaa-bbbb-4ccc-8ddd-${to}`;
const statusOf = ({ to, messageId }: OutgoingMessage, status: string): JsonObject => ({
  message_uuid: uuidOf(to.slice(1)),
  to: to.slice(1),
  from: 'CAROM',
  timestamp: '2026-05-21T10:00:00Z',
  status,
  channel: 'sms',
  client_ref: messageId,
});
/** As the documentation shows it. */
const problem = (status: number, type: string, title: string, detail = 'their words'): Answering =>
  json(status, {
    type: `https://developer.vonage.com/${type}`,
    title,
    detail,
    instance: 'bf0ca0bf927b3b52e3cb03217e1a1ddf',
  });

describeProvider('vonage', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const provider = vonageProvider.open(providerConfig('vonage', { ...BASIC, baseUrl: vendor.url }), tools);
  const seen = new Set<string>();
  const answers: Record<Fate, Answering> = {
    accepted: (response, call) => json(202, { message_uuid: uuidOf(toOf(call.body)) })(response, call),
    refused: problem(422, 'api-errors/messages#1170', 'Invalid or Missing Msisdn Param'),
    failing: json(503, {}),
    throttled: problem(429, 'api-errors#throttled', 'Rate Limit Hit'),
    unanswered: () => undefined,
  };
  vendor.answering = (response, call) => {
    const to = toOf(call.body);
    const fate = FATES[Number(to.at(-1))]!;
    answers[fate === 'throttled' && seen.has(to) ? 'accepted' : fate](response, call);
    seen.add(to);
  };
  return {
    provider,
    message: (fate) => outgoing({ to: `+91999999999${FATES.indexOf(fate)}` }),
    arrived: async () => void (await vendor.call(0)),
    names: () => vendor.calls.map(({ body }) => (JSON.parse(body) as { client_ref: string }).client_ref),
    passTimeout: () => tools.pass(10_000),
    callback: (message, report) => signed(report === 'delivered' ? statusOf(message, 'delivered') : UNREADABLE),
    foreignCallback: (message) => signed(statusOf(message, 'pondering')),
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

const UNREADABLE: JsonObject = { text: 'Hello' };
const toOf = (body: string) => (JSON.parse(body) as { to: string }).to;

describe('vonage', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let opened: Provider[];
  const open = (settings: JsonObject, receipts: 'none' | 'callback' = 'callback') => {
    const all = { ...settings, baseUrl: vendor.url };
    assert.equal(vonageProvider.faultOf(all, tools.templates), null);
    const provider = vonageProvider.open({ ...providerConfig('vonage', all), receipts }, tools);
    opened.push(provider);
    return provider;
  };
  const send = (message: Partial<OutgoingMessage> = {}, changes: JsonObject = {}) =>
    open({ ...BASIC, ...changes }).send(outgoing(message));
  const sent = async (message: Partial<OutgoingMessage>, changes: JsonObject = {}) => {
    assert.equal((await send(message, changes)).kind, 'accepted');
    const {
      client_ref: _ref,
      webhook_url: _url,
      webhook_version: _version,
      ...body
    } = JSON.parse(vendor.calls.at(-1)!.body) as JsonObject;
    return body;
  };

  beforeEach(async () => {
    [vendor, tools, opened] = [await startVendor(), testTools(), []];
    vendor.answering = json(202, { message_uuid: 'aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab' });
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
  });

  test('a text is one JSON object that names the message and where its status goes', async () => {
    const message = outgoing({ to: '+447700900000', from: 'Vonage', body: 'Hello' });
    assert.deepEqual(await open(BASIC).send(message), {
      kind: 'accepted',
      ref: 'aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab',
    });
    const [call] = vendor.calls;
    assert.deepEqual([call?.method, call?.url], ['POST', '/v1/messages']);
    assert.equal(call!.headers.authorization, `Basic ${Buffer.from('abcd1234:hush').toString('base64')}`);
    assert.deepEqual(JSON.parse(call!.body), {
      channel: 'sms',
      message_type: 'text',
      text: 'Hello',
      to: '447700900000',
      from: 'Vonage',
      client_ref: message.messageId,
      webhook_url: message.receiptUrl,
      webhook_version: 'v1',
    });
  });

  test('an application signs a token, and uses it for a while', async () => {
    const provider = open(APPLICATION);
    const authorizations = async () => (await provider.send(outgoing()), vendor.calls.at(-1)!.headers.authorization!);
    const first = await authorizations();
    const { payload, protectedHeader } = await jwtVerify(first.replace('Bearer ', ''), createPublicKey(privateKey), {
      currentDate: new Date(START),
    });
    assert.equal(protectedHeader.alg, 'RS256');
    assert.deepEqual(
      [payload['application_id'], payload.iat, payload.exp],
      ['aaaaaaaa-bbbb', START / 1_000, START / 1_000 + 900],
    );
    assert.equal(typeof payload.jti, 'string');
    tools.pass(599_000);
    assert.equal(await authorizations(), first);
    tools.pass(1_000);
    assert.notEqual(await authorizations(), first);
  });

  test('a key may be written in one line', () => {
    assert.equal(
      vonageProvider.faultOf({ ...APPLICATION, privateKey: PEM.replaceAll('\n', '\\n') }, tools.templates),
      null,
    );
  });

  test('a picture makes an MMS, India’s registration goes along, and a time to live', async () => {
    const image = 'https://example.com/a.png';
    assert.deepEqual(await sent({ to: '+15550001111', image }), {
      channel: 'mms',
      message_type: 'image',
      image: { url: image, caption: 'Hi Ana' },
      to: '15550001111',
      from: 'CAROM',
    });
    const template = { name: '1107', language: null, variables: [] };
    assert.deepEqual(await sent({ template, from: null }, { entityId: '1101', ttl: '5m', from: 'SHOP' }), {
      channel: 'sms',
      message_type: 'text',
      text: 'Hi Ana',
      ttl: 300,
      sms: { entity_id: '1101', content_id: '1107' },
      to: '919999999999',
      from: 'SHOP',
    });
  });

  test('WhatsApp: a template, a text, a picture', async () => {
    const whatsapp = { channel: 'whatsapp', to: '+14152739164', from: '+12126875309' } as const;
    const common = { channel: 'whatsapp', to: '14152739164', from: '12126875309' };
    const template = { name: 'ns:order', language: 'en_GB', variables: ['Ana', '7'] };
    assert.deepEqual(await sent({ ...whatsapp, template }), {
      ...common,
      message_type: 'template',
      whatsapp: { policy: 'deterministic', locale: 'en_GB' },
      template: { name: 'ns:order', parameters: ['Ana', '7'] },
    });
    assert.deepEqual(await sent(whatsapp), { ...common, message_type: 'text', text: 'Hi Ana' });
    const image = 'https://example.com/a.png';
    assert.deepEqual(await sent({ ...whatsapp, image, body: null }), {
      ...common,
      message_type: 'image',
      image: { url: image },
    });
  });

  test('without receipts none are asked for', async () => {
    await open(BASIC, 'none').send(outgoing());
    assert(!vendor.calls[0]!.body.includes('webhook'));
  });

  for (const [reason, message] of [
    ['unsupported_channel', { channel: 'email' }],
    ['invalid_sender', { from: null }],
    ['invalid_content', { body: null }],
    ['invalid_content', { channel: 'whatsapp', body: null }],
  ] satisfies [string, Partial<OutgoingMessage>][])
    test(`refuses by itself, ${reason}: ${JSON.stringify(message)}`, async () => {
      const outcome = await send(message);
      assert(outcome.kind === 'rejected' && outcome.reason === reason && !outcome.retryable);
      assert.equal(vendor.calls.length, 0);
    });

  describe('knows the answer', () => {
    const rejected = (reason: string, fate: object, detail = 'A title: their words') =>
      ({ kind: 'rejected', reason, detail, retryable: false, ...fate }) as SendOutcome;
    const [elsewhere, passing] = [{ tryElsewhere: true }, { retryable: true }];
    const numbered = (status: number, code: number) => problem(status, `api-errors/messages#${code}`, 'A title');
    const worded = (status: number, word: string) => problem(status, `api-errors#${word}`, 'A title');
    const html =
      (status: number): Answering =>
      (response) =>
        response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>?</h1>');

    const cases: [what: string, answer: Answering, outcome: SendOutcome][] = [
      ['1170', numbered(422, 1170), rejected('invalid_number', {})],
      ['1430', numbered(422, 1430), rejected('invalid_number', {})],
      ['1240', numbered(422, 1240), rejected('opted_out', {})],
      ['1022', numbered(422, 1022), rejected('invalid_content', {})],
      ['1020', numbered(422, 1020), rejected('invalid_request', {})],
      ['1120', numbered(422, 1120), rejected('invalid_sender', elsewhere)],
      ['1070', numbered(402, 1070), rejected('no_credit', elsewhere)],
      ['1250', numbered(422, 1250), rejected('unroutable', elsewhere)],
      ['1030', numbered(500, 1030), rejected('provider_error', passing)],
      ['1000', numbered(403, 1000), { kind: 'throttled', retryAfterMs: 1_000 }],
      ['a number nobody knows', numbered(422, 1999), rejected('vonage_1999', {})],
      ['low-balance', worded(402, 'low-balance'), rejected('no_credit', elsewhere)],
      ['unauthorized', worded(401, 'unauthorized'), rejected('unauthorized', elsewhere)],
      ['account-suspended', worded(403, 'account-suspended'), rejected('account_suspended', elsewhere)],
      ['429', worded(429, 'throttled'), { kind: 'throttled', retryAfterMs: 1_000 }],
      ['HTML from a proxy', html(502), rejected('http_502', passing, '<h1>?</h1>')],
      ['HTML from another server', html(404), rejected('http_404', elsewhere, '<h1>?</h1>')],
      ['HTML instead of a message', html(200), { kind: 'unknown', reason: 'unreadable_answer' }],
      ['a broken connection', (response) => response.destroy(), { kind: 'unknown', reason: 'connection_lost' }],
    ];
    for (const [what, answer, outcome] of cases)
      test(what, async () => {
        vendor.answering = answer;
        assert.deepEqual(await send(), outcome);
      });
  });
});

describe('settings with a fault, and where', () => {
  const cases: [path: string, settings: JsonObject][] = [
    ['signatureSecret', { apiKey: 'a', apiSecret: 'b' }],
    ['applicationId', { signatureSecret: SECRET }],
    ['privateKey', { ...APPLICATION, privateKey: 'x' }],
    ['apiSecret', { apiKey: 'a', signatureSecret: SECRET }],
    ['apiKey', { ...APPLICATION, ...BASIC }],
    ['ttl', { ...BASIC, ttl: '10s' }],
    ['token', { ...BASIC, token: 'x' }],
  ];
  for (const [path, settings] of cases)
    test(path, () => assert.equal(vonageProvider.faultOf(settings, testTools().templates)?.path, path));
});
