import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { jwtVerify } from 'jose';
import { buildConnector } from 'undici';
import webPush from 'web-push';
import type { JsonObject } from '#domain/request.ts';
import { guardedConnector } from '#outbound/guarded-connector.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor, VendorCall } from '../../tests/support/http-vendor.ts';
import { START, callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import { browserAt, vapidKeys } from '../../tests/support/push-keys.ts';
import type { Browser } from '../../tests/support/push-keys.ts';
import { decrypt } from '../../tests/support/web-push-decryption.ts';
import { webPushOutcome } from './web-push-answer.ts';
import { webPushProvider } from './web-push.ts';

const KEYS = vapidKeys();
const SETTINGS: JsonObject = { ...KEYS, subject: 'mailto:push@shop.example', privateNetwork: 'allow' };
const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): Answering =>
  (response) =>
    response.writeHead(status, headers).end(body);

const FATES: Record<Exclude<Fate, 'throttled'>, Answering> = {
  accepted: answer(201, { location: 'https://push.example/message/qDIYHNcfAIPP_5ITvURr' }),
  refused: answer(403, {}, 'the VAPID credentials do not correspond'),
  failing: answer(503),
  unanswered: () => undefined,
};
/** The message's id, from the topic. */
const idOf = ({ headers }: VendorCall) =>
  Buffer.from(String(headers['topic']), 'base64url')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

describeProvider('web-push', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const config = { ...providerConfig('web-push', SETTINGS), channel: 'web_push' as const };
  const provider = webPushProvider.open(config, tools);
  const seen = new Set<string>();
  const arrivals = new Map<string, () => void>();
  vendor.answering = (response, call) => {
    const fate = call.url.split('/')[1] as Fate;
    if (fate !== 'throttled') FATES[fate](response, call);
    else if (seen.has(call.url)) FATES.accepted(response, call);
    else answer(429, { 'retry-after': '2' })(response, call);
    seen.add(call.url);
    arrivals.get(call.url)?.();
  };
  let made = 0;
  const pathOf = ({ to }: OutgoingMessage) => new URL((JSON.parse(to) as { endpoint: string }).endpoint).pathname;
  return {
    provider,
    message: (fate) =>
      outgoing({ channel: 'web_push', to: JSON.stringify(browserAt(`${vendor.url}/${fate}/${made++}`).subscription) }),
    arrived: async (message) => {
      if (!seen.has(pathOf(message))) await new Promise<void>((resolve) => arrivals.set(pathOf(message), resolve));
    },
    names: () => vendor.calls.map(idOf),
    passTimeout: () => tools.pass(10_000),
    callback: ({ messageId }, report) =>
      callbackWith(report === 'delivered' ? { messageId, status: 'delivered' } : { status: 'delivered' }),
    // The words are ours: push services report nothing.
    foreignCallback: () => null,
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

describe('web-push', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let opened: Provider[];
  let answers: Answering[];
  let browser: Browser;
  beforeEach(async () => {
    vendor = await startVendor();
    tools = testTools();
    [opened, answers] = [[], []];
    vendor.answering = (response, call) => (answers.shift() ?? FATES.accepted)(response, call);
    browser = browserAt(`${vendor.url}/push/1?v=2`);
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
  });

  function open(settings: JsonObject = {}, receipts: 'none' | 'callback' = 'none'): Provider {
    const all = { ...SETTINGS, ...settings };
    assert.equal(webPushProvider.faultOf(all, tools.templates), null);
    const config = { ...providerConfig('web-push', all), channel: 'web_push' as const, receipts };
    const provider = webPushProvider.open(config, tools);
    opened.push(provider);
    return provider;
  }

  const push = (changes: Partial<OutgoingMessage> = {}) =>
    outgoing({
      channel: 'web_push',
      to: JSON.stringify(browser.subscription),
      title: 'Order',
      body: 'It is on its way',
      ...changes,
    });
  const send = (message: Partial<OutgoingMessage> = {}, settings: JsonObject = {}): Promise<SendOutcome> =>
    open(settings).send(push(message));
  const read = (call: VendorCall, of = browser) =>
    JSON.parse(
      decrypt(call.raw, { privateKey: of.privateKey, auth: of.subscription.keys.auth }).toString(),
    ) as JsonObject;

  test('the reader of these tests reads the example of RFC 8291, appendix A, and nothing that was tampered with', () => {
    const body = Buffer.from(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
      'base64url',
    );
    const receiver = {
      privateKey: Buffer.from('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url'),
      auth: 'BTBZMqHH6r4Tts7J_aSIgg',
    };
    assert.equal(decrypt(body, receiver).toString(), 'When I grow up, I want to be a watermelon');
    body[body.length - 20]! ^= 1;
    assert.throws(() => decrypt(body, receiver));
  });

  describe('a message', () => {
    test('is encrypted for the browser, and signed for its push service', async () => {
      const report = { url: 'https://carom.example/r/t', clicks: true };
      const provider = open({ ttl: '1h', urgency: 'low' }, 'callback');
      assert.equal(provider.devicesReport, true);
      const message = push({ url: 'https://shop.example/o/1', data: { icon: '/i.png' }, image: null, report });
      const outcome = await provider.send(message);
      assert.deepEqual(outcome, { kind: 'accepted', ref: 'https://push.example/message/qDIYHNcfAIPP_5ITvURr' });
      const [call] = vendor.calls as [VendorCall];
      assert.deepEqual([call.method, call.url], ['POST', '/push/1?v=2']);
      const { ttl, urgency, topic, 'content-encoding': encoding, 'content-type': type } = call.headers;
      assert.deepEqual([ttl, urgency, encoding, type], ['3600', 'low', 'aes128gcm', 'application/octet-stream']);
      assert.equal(String(topic).length, 22);
      assert.equal(idOf(call), message.messageId);
      assert.deepEqual(read(call), {
        id: message.messageId,
        title: 'Order',
        body: 'It is on its way',
        url: 'https://shop.example/o/1',
        data: { icon: '/i.png' },
        report,
      });
    });

    test('says who we are by the key that the page subscribed with, signed once for each push service', async () => {
      const provider = open();
      await provider.send(push());
      await provider.send(push());
      const [first, second] = vendor.calls.map(({ headers }) => String(headers.authorization));
      assert.equal(first, second);
      const [, token, key] = /^vapid t=([^,]+), k=(.+)$/.exec(first!)!;
      assert.equal(key, KEYS.publicKey);
      const point = Buffer.from(key, 'base64url');
      const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
      const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: x!, y: y! }, format: 'jwk' });
      const { payload, protectedHeader } = await jwtVerify(token!, publicKey, { currentDate: new Date(START) });
      assert.deepEqual(protectedHeader, { alg: 'ES256', typ: 'JWT' });
      assert.deepEqual(payload, {
        aud: vendor.url,
        exp: START / 1_000 + 12 * 3_600,
        sub: 'mailto:push@shop.example',
      });
      tools.pass(11 * 3_600_000);
      await provider.send(push());
      assert.notEqual(vendor.calls[2]!.headers.authorization, first);
    });

    test('of the greatest size is one record, and a greater one is not sent', async () => {
      const base = JSON.stringify({ id: push().messageId, title: 'Order', body: '' }).length;
      assert.equal((await send({ body: 'x'.repeat(3_993 - base) })).kind, 'accepted');
      assert.equal(vendor.calls[0]!.raw.length, 4_096);
      assert.equal((read(vendor.calls[0]!)['body'] as string).length, 3_993 - base);
      const outcome = await send({ body: 'x'.repeat(3_994 - base) });
      assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
      assert.equal(vendor.calls.length, 1);
    });

    test('goes to all browsers of the user, each with a key of its own', async () => {
      const other = browserAt(`${vendor.url}/dead`);
      vendor.answering = (response, call) => (call.url === '/dead' ? answer(410) : FATES.accepted)(response, call);
      const devices = [other, browser].map(({ subscription }) => ({
        address: JSON.stringify(subscription),
        platform: null,
      }));
      const outcome = await send({ devices });
      assert(outcome.kind === 'accepted');
      assert.deepEqual(outcome.gone, [devices[0]!.address]);
      const [dead, alive] = vendor.calls.toSorted((one) => (one.url === '/dead' ? -1 : 1));
      assert.equal(read(dead!, other)['title'], 'Order');
      assert.equal(read(alive!)['title'], 'Order');
      assert.throws(() => read(dead!));
    });
  });

  describe('an answer', () => {
    const refused = { retryable: false, tryElsewhere: false };
    const cases: [status: number, wanted: object][] = [
      [404, { reason: 'unregistered', ...refused, isGone: true }],
      [410, { reason: 'unregistered', ...refused, isGone: true }],
      [400, { reason: 'http_400', ...refused }],
      [401, { reason: 'unauthorized', ...refused }],
      [403, { reason: 'unauthorized', ...refused }],
      [413, { reason: 'invalid_content', ...refused }],
      [302, { reason: 'http_302', ...refused }],
      [500, { reason: 'http_500', retryable: true, tryElsewhere: false }],
      [503, { reason: 'http_503', retryable: true, tryElsewhere: false }],
    ];
    for (const [status, wanted] of cases) {
      test(`${status} is told apart`, async () => {
        answers.push(answer(status, {}, 'so it said'));
        const outcome = await send();
        assert(outcome.kind === 'rejected');
        const { reason, retryable, tryElsewhere, gone, detail } = outcome;
        assert.equal(detail, 'so it said');
        assert.deepEqual({ reason, retryable, tryElsewhere, ...(gone && { isGone: true }) }, wanted);
      });
    }

    test('200 and 202 are an acceptance too, without a reference', async () => {
      for (const status of [200, 202]) {
        answers.push(answer(status));
        assert.deepEqual(await send(), { kind: 'accepted', ref: null });
      }
    });

    test('429 makes everybody wait only where a push service says it, and not whom a visitor has named', () => {
      const call = {
        kind: 'answered',
        status: 429,
        headers: { 'retry-after': '3600' },
        body: Buffer.alloc(0),
        lost: null,
      } as const;
      const outcomeAt = (origin: string) =>
        webPushOutcome(call, { address: 'a', origin, isTrusted: false, clock: tools.clock });
      for (const origin of [
        'https://fcm.googleapis.com',
        'https://updates.push.services.mozilla.com',
        'https://web.push.apple.com',
        'https://db5p.notify.windows.com',
      ])
        assert.equal(outcomeAt(origin).kind, 'throttled', origin);
      for (const origin of [
        'https://evil.example',
        'https://notfcm.googleapis.com.evil.example',
        'https://evilpush.apple.com',
      ])
        assert.equal(outcomeAt(origin).kind, 'rejected', origin);
    });
  });

  describe('an endpoint', () => {
    const reasonFor = async (subscription: unknown, settings: JsonObject = { privateNetwork: 'deny' }) => {
      tools.connector = (allowPrivate) => guardedConnector(allowPrivate);
      const outcome = await send(
        { to: typeof subscription === 'string' ? subscription : JSON.stringify(subscription) },
        settings,
      );
      assert(outcome.kind === 'rejected' && !outcome.retryable && outcome.gone === undefined);
      return outcome.reason;
    };

    test('in a private network, or without TLS, is not called', async () => {
      const at = (endpoint: string) => browserAt(endpoint).subscription;
      for (const host of ['127.0.0.1', '[::1]', '169.254.169.254', '2130706433', '10.0.0.1', 'localhost'])
        assert.equal(await reasonFor(at(`https://${host}:${new URL(vendor.url).port}/x`)), 'private_address', host);
      assert.equal(await reasonFor(at(`${vendor.url}/x`)), 'invalid_token');
      assert.equal(await reasonFor(at('https://user:secret@push.example/x')), 'invalid_token');
      assert.equal(await reasonFor(at('file:///etc/passwd')), 'invalid_token');
      assert.equal(vendor.calls.length, 0);
      assert.equal(vendor.connections, 0);
    });

    test('without keys that can be encrypted for is told as such', async () => {
      const { endpoint, keys } = browser.subscription;
      const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]).toString('base64url');
      const bad = ['token', '[]', 'null', '{}', { endpoint }, { endpoint, keys: { ...keys, p256dh: offCurve } },
        { endpoint, keys: { ...keys, p256dh: 'BA' } }, { endpoint, keys: { ...keys, auth: 'YQ' } }, { endpoint: 1, keys }]; // prettier-ignore
      for (const one of bad) assert.equal(await reasonFor(one, {}), 'invalid_token', JSON.stringify(one));
      assert.equal(vendor.calls.length, 0);
    });
  });

  test('a push service that is not there may be tried again; another provider could do no better', async () => {
    tools.connector = () => (_, callback) => callback(new Error('nobody there'), null);
    const outcome = await send();
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed');
    assert.deepEqual([outcome.retryable, outcome.tryElsewhere], [true, false]);
    tools.connector = () => buildConnector({});
  });

  test('settings that cannot work are told, without the key', () => {
    const other = vapidKeys();
    const faults: [JsonObject, string, RegExp][] = [
      [{ ...SETTINGS, publicKey: other.publicKey }, 'publicKey', /not the other half/],
      [{ ...SETTINGS, privateKey: 'c2hvcnQ' }, 'privateKey', /32 bytes in base64url/],
      [{ ...SETTINGS, privateKey: Buffer.alloc(32).toString('base64url') }, 'privateKey', /32 bytes in base64url/],
      [{ ...SETTINGS, subject: 'me' }, 'subject', /no mailto: or https: address/],
      [{ ...SETTINGS, urgency: 'urgent' }, 'urgency', /use high, normal, low, very-low/],
      [{ ...SETTINGS, ttl: '29d' }, 'ttl', /out of bounds/],
      [{ ...SETTINGS, topic: 'x' }, 'topic', /not known here/],
    ];
    for (const [settings, path, message] of faults) {
      const fault = webPushProvider.faultOf(settings, tools.templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
      assert.doesNotMatch(fault.message, /c2hvcnQ/);
    }
    const { publicKey, privateKey } = webPush.generateVAPIDKeys();
    assert.equal(webPushProvider.faultOf({ ...SETTINGS, publicKey, privateKey }, tools.templates), null);
  });
});
