import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import test, { afterEach, beforeEach, describe } from 'node:test';
import fc from 'fast-check';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Callback, OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { twilioProvider } from './twilio.ts';

const ACCOUNT = 'AC00000000000000000000000000000001';
const SERVICE = 'MG00000000000000000000000000000002';
const TEMPLATE = 'HX00000000000000000000000000000003';
const TOKEN = '12345';
const SETTINGS: JsonObject = { accountSid: ACCOUNT, authToken: TOKEN };

const sidOf = (text: string) => `SM${Buffer.from(text).toString('hex').padStart(32, '0').slice(-32)}`;
/** As the documentation shows it. */
const created = (sid: string): Answering =>
  json(201, {
    account_sid: ACCOUNT,
    api_version: '2010-04-01',
    body: 'Hi there',
    date_created: 'Thu, 24 Aug 2023 05:01:45 +0000',
    direction: 'outbound-api',
    error_code: null,
    error_message: null,
    from: '+15557122661',
    num_segments: '1',
    sid,
    status: 'queued',
    to: '+15558675310',
    uri: `/2010-04-01/Accounts/${ACCOUNT}/Messages/${sid}.json`,
  });
/** As the documentation shows it. */
const failed = (status: number, code: number, message = 'what went wrong'): Answering =>
  json(status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });

function signedForm(fields: Record<string, string>, url: string): Callback {
  const signed = Object.keys(fields)
    .toSorted()
    .reduce((text, name) => text + name + fields[name], url);
  const signature = createHmac('sha1', TOKEN).update(signed).digest('base64');
  const raw = Buffer.from(new URLSearchParams(fields).toString());
  const query = Object.fromEntries(new URL(url).searchParams);
  return callbackWith(raw, { url, query, headers: { 'x-twilio-signature': signature } });
}

const FATES: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

describeProvider('twilio', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const provider = twilioProvider.open(providerConfig('twilio', { ...SETTINGS, baseUrl: vendor.url }), tools);
  const seen = new Set<string>();
  const answers: Record<Fate, Answering> = {
    accepted: (response, call) => created(sidOf(toOf(call.body)))(response, call),
    refused: failed(400, 21211),
    failing: json(503, {}),
    throttled: failed(429, 20429),
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
    names: () => vendor.calls.map(({ body }) => messageIn(new URLSearchParams(body).get('StatusCallback')!)),
    passTimeout: () => tools.pass(10_000),
    callback: ({ to, receiptUrl }, report) =>
      signedForm(report === 'delivered' ? statusOf(to, 'delivered') : { Body: 'Hello' }, receiptUrl),
    foreignCallback: ({ to, receiptUrl }) => signedForm(statusOf(to, 'pondering'), receiptUrl),
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

const toOf = (body: string) => new URLSearchParams(body).get('To')!;
const messageIn = (url: string) => new URL(url).searchParams.get('message')!;
const statusOf = (to: string, word: string) => ({
  MessageSid: sidOf(to),
  MessageStatus: word,
  AccountSid: ACCOUNT,
  To: to,
});

describe('twilio', () => {
  let vendor: HttpVendor;
  let opened: Provider[];
  const open = (changes: JsonObject = {}, receipts: 'none' | 'callback' = 'callback') => {
    const settings = { ...SETTINGS, baseUrl: vendor.url, ...changes };
    assert.equal(twilioProvider.faultOf(settings, testTools().templates), null);
    const provider = twilioProvider.open({ ...providerConfig('twilio', settings), receipts }, testTools());
    opened.push(provider);
    return provider;
  };
  const send = (message: Partial<OutgoingMessage> = {}, changes: JsonObject = {}) =>
    open(changes).send(outgoing(message));
  const sent = async (message: Partial<OutgoingMessage>, changes: JsonObject = {}) => {
    assert.equal((await send(message, changes)).kind, 'accepted');
    return Object.fromEntries(new URLSearchParams(vendor.calls.at(-1)!.body));
  };

  beforeEach(async () => {
    [vendor, opened] = [await startVendor(), []];
    vendor.answering = created(sidOf('x'));
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
  });

  test('a message is one form, with the account’s credentials', async () => {
    const message = outgoing({ to: '+15558675310', from: '+15557122661', body: 'Hi there' });
    assert.deepEqual(await open().send(message), { kind: 'accepted', ref: sidOf('x') });
    const [call] = vendor.calls;
    assert.deepEqual([call?.method, call?.url], ['POST', `/2010-04-01/Accounts/${ACCOUNT}/Messages.json`]);
    assert.equal(call!.headers.authorization, `Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString('base64')}`);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(call!.body)), {
      To: '+15558675310',
      From: '+15557122661',
      Body: 'Hi there',
      StatusCallback: message.receiptUrl,
    });
  });

  test('an API key takes the place of the token', async () => {
    const [sid, secret] = ['SK00000000000000000000000000000004', 'hush'];
    await send({}, { apiKeySid: sid, apiKeySecret: secret });
    assert.equal(vendor.calls[0]!.headers.authorization, `Basic ${Buffer.from(`${sid}:${secret}`).toString('base64')}`);
  });

  test('a messaging service, an image, a validity', async () => {
    const image = 'https://example.com/a.png';
    const form = await sent({ from: null, image }, { messagingServiceSid: SERVICE, validityPeriod: '10m' });
    const { MessagingServiceSid, From, MediaUrl, ValidityPeriod } = form;
    assert.deepEqual([MessagingServiceSid, From, MediaUrl, ValidityPeriod], [SERVICE, undefined, image, '600']);
  });

  test('the campaign’s sender goes before the provider’s', async () => {
    assert.equal((await sent({ from: null }, { from: 'SHOP' })).From, 'SHOP');
    assert.equal((await sent({ from: 'CAROM' }, { from: 'SHOP' })).From, 'CAROM');
  });

  test('WhatsApp has its prefix, and templates numbered variables', async () => {
    const template = { name: TEMPLATE, language: null, variables: ['Ana', '"7"'] };
    const form = await sent({ channel: 'whatsapp', to: '+15558675310', from: '+15557122661', template, body: null });
    assert.deepEqual([form.To, form.From], ['whatsapp:+15558675310', 'whatsapp:+15557122661']);
    assert.deepEqual([form.ContentSid, form.ContentVariables], [TEMPLATE, '{"1":"Ana","2":"\\"7\\""}']);
    assert.equal(form.Body, undefined);
  });

  test('without receipts none are asked for', async () => {
    await open({}, 'none').send(outgoing());
    assert(!vendor.calls[0]!.body.includes('StatusCallback'));
  });

  describe('refuses by itself', () => {
    const cases: [reason: string, message: Partial<OutgoingMessage>][] = [
      ['unsupported_channel', { channel: 'email' }],
      ['invalid_sender', { from: null }],
      ['invalid_content', { body: null }],
      ['invalid_content', { template: { name: 'order', language: null, variables: [] } }],
    ];
    for (const [reason, message] of cases)
      test(`${reason}: ${JSON.stringify(message)}`, async () => {
        const outcome = await send(message);
        assert(outcome.kind === 'rejected' && outcome.reason === reason && !outcome.retryable);
        assert.equal(vendor.calls.length, 0);
      });
  });

  describe('knows the answer', () => {
    const final = { retryable: false };
    const elsewhere = { retryable: false, tryElsewhere: true };
    const passing = { retryable: true };
    const cases: [status: number, code: number, reason: string, fate: object][] = [
      [400, 21211, 'invalid_number', final],
      [400, 21614, 'invalid_number', final],
      [400, 21217, 'invalid_number', final],
      [400, 21610, 'opted_out', final],
      [400, 21617, 'invalid_content', final],
      [400, 21408, 'country_not_allowed', elsewhere],
      [400, 21606, 'invalid_sender', elsewhere],
      [400, 21612, 'unroutable', elsewhere],
      [401, 20003, 'unauthorized', elsewhere],
      [401, 20005, 'account_suspended', elsewhere],
      [404, 20404, 'unauthorized', elsewhere],
      [400, 30001, 'queue_full', passing],
      [400, 99999, 'twilio_99999', final],
      [500, 99999, 'twilio_99999', passing],
    ];
    for (const [status, code, reason, fate] of cases)
      test(`${status} with the code ${code}`, async () => {
        vendor.answering = failed(status, code, 'their words');
        assert.deepEqual(await send(), { kind: 'rejected', reason, detail: 'their words', ...fate });
      });

    const others: [what: string, answer: Answering, outcome: SendOutcome][] = [
      ['429', failed(429, 20429), { kind: 'throttled', retryAfterMs: 1_000 }],
      ['the sender’s rate', failed(400, 14107), { kind: 'throttled', retryAfterMs: 1_000 }],
      ['the sender’s queue', failed(400, 21611), { kind: 'throttled', retryAfterMs: 1_000 }],
      [
        'HTML instead of an error',
        (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>'),
        { kind: 'rejected', reason: 'http_502', detail: '<h1>Bad Gateway</h1>', retryable: true },
      ],
      [
        'HTML from another server',
        (response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>?</h1>'),
        { kind: 'rejected', reason: 'http_404', detail: '<h1>?</h1>', retryable: false, tryElsewhere: true },
      ],
      [
        'HTML instead of a message',
        (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>'),
        { kind: 'unknown', reason: 'unreadable_answer' },
      ],
      ['a message without a name', json(201, { sid: null }), { kind: 'unknown', reason: 'unreadable_answer' }],
      ['a broken connection', (response) => response.destroy(), { kind: 'unknown', reason: 'connection_lost' }],
    ];
    for (const [what, answer, outcome] of others)
      test(what, async () => {
        vendor.answering = answer;
        assert.deepEqual(await send(), outcome);
      });

    test('a server that speaks no TLS', async () => {
      const server = createServer((socket) => socket.end('no tls here')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const outcome = await send({}, { baseUrl });
      server.close();
      assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
    });
  });

  test('no request is more, or other, than Twilio’s OpenAPI description allows', async () => {
    const text = fc.option(fc.string({ minLength: 1, unit: 'grapheme' }));
    const content = fc.record({
      channel: fc.constantFrom('sms' as const, 'whatsapp' as const),
      from: fc.constantFrom(null, 'SHOP', '+15557122661', 'whatsapp:+15557122661'),
      body: text,
      image: fc.constantFrom(null, 'https://example.com/a.png?b=c&d'),
      template: fc.option(
        fc.record({ name: fc.constant(TEMPLATE), language: fc.constant(null), variables: fc.array(fc.string()) }),
      ),
    });
    const settings = fc.record(
      { messagingServiceSid: fc.constant(SERVICE), validityPeriod: fc.constantFrom('1s', '1500ms', '10h') },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(content, settings, async (message, changes) => {
        const before = vendor.calls.length;
        const outcome = await send(message, changes);
        if (outcome.kind !== 'rejected') assertAllowed(vendor.calls[before]!);
        else assert(['invalid_sender', 'invalid_content'].includes(outcome.reason));
      }),
      { numRuns: 100 },
    );
  });
});

interface Description {
  contentType: string;
  required: string[];
  oneOf: string[][];
  parameters: Record<string, { pattern: string; many?: true; with?: string; min?: number; max?: number }>;
}

function assertAllowed({ headers, body }: { headers: Record<string, unknown>; body: string }): void {
  const { contentType, required, oneOf, parameters } = description;
  assert.equal(headers['content-type'], contentType);
  const form = new URLSearchParams(body);
  for (const name of required) assert(form.has(name), `${name} is missing`);
  for (const names of oneOf)
    assert(
      names.some((name) => form.has(name)),
      `none of ${names.join()}`,
    );
  for (const name of new Set(form.keys())) {
    const rule = parameters[name];
    assert(rule, `${name} is no parameter`);
    const values = form.getAll(name);
    assert(rule.many || values.length === 1, `${name} is there twice`);
    for (const value of values) {
      assert.match(value, new RegExp(rule.pattern, 's'));
      if (rule.min !== undefined) assert(Number(value) >= rule.min && Number(value) <= rule.max!);
    }
    if (rule.with) assert(form.has(rule.with));
  }
}

const description = JSON.parse(
  readFileSync(new URL('../../tests/fixtures/twilio-create-message.json', import.meta.url), 'utf8'),
) as Description;

describe('settings with a fault, and where', () => {
  const cases: [path: string, settings: JsonObject][] = [
    ['accountSid', {}],
    ['accountSid', { ...SETTINGS, accountSid: 'AC1' }],
    ['authToken', { accountSid: ACCOUNT }],
    ['apiKeySid', { ...SETTINGS, apiKeySecret: 'x' }],
    ['apiKeySecret', { ...SETTINGS, apiKeySid: 'SK00000000000000000000000000000004' }],
    ['messagingServiceSid', { ...SETTINGS, messagingServiceSid: 'MG' }],
    ['validityPeriod', { ...SETTINGS, validityPeriod: '11h' }],
    ['token', { ...SETTINGS, token: 'x' }],
    ['baseUrl', { ...SETTINGS, baseUrl: 'api.twilio.com' }],
  ];
  for (const [path, settings] of cases)
    test(`${path} in ${JSON.stringify(settings)}`, () => {
      assert.equal(twilioProvider.faultOf(settings, testTools().templates)?.path, path);
    });
});
