import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { apnsAnswer, startApns } from '../../tests/support/apns-server.ts';
import type { ApnsAnswering, ApnsServer } from '../../tests/support/apns-server.ts';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { START, callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import { ecKey } from '../../tests/support/push-keys.ts';
import { CERTIFICATE } from '../../tests/support/certificate.ts';
import { apnsProvider } from './apns.ts';

const KEY = ecKey();
const TOKEN = '00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0';
const settingsFor = (url: string): JsonObject => ({
  teamId: 'DEF123GHIJ',
  keyId: 'ABC123DEFG',
  key: KEY.pem,
  topic: 'com.example.shop',
  baseUrl: url,
  ca: CERTIFICATE,
});

const FATES: Record<Exclude<Fate, 'throttled'>, ApnsAnswering> = {
  accepted: apnsAnswer(200),
  refused: apnsAnswer(400, 'BadExpirationDate'),
  failing: apnsAnswer(503, 'ServiceUnavailable'),
  unanswered: () => undefined,
};
const WORDS: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

describeProvider('apns', async () => {
  const apns = await startApns();
  const tools = testTools();
  const provider = apnsProvider.open({ ...providerConfig('apns', settingsFor(apns.url)), channel: 'push' }, tools);
  const seen = new Set<string>();
  const arrivals = new Map<string, () => void>();
  apns.answering = (response, call) => {
    const token = call.path.slice('/3/device/'.length);
    const fate = WORDS[Number(token.at(-1))]!;
    if (fate !== 'throttled') FATES[fate](response, call);
    else if (seen.has(token)) FATES.accepted(response, call);
    else apnsAnswer(429, 'TooManyProviderTokenUpdates')(response, call);
    seen.add(token);
    arrivals.get(token)?.();
  };
  let made = 0;
  return {
    provider,
    message: (fate) =>
      outgoing({ channel: 'push', to: `${(made++).toString(16).padStart(62, '0')}a${WORDS.indexOf(fate)}` }),
    arrived: async ({ to }) => {
      if (!seen.has(to)) await new Promise<void>((resolve) => arrivals.set(to, resolve));
    },
    names: () => apns.calls.map(({ headers }) => String(headers['apns-id'])),
    passTimeout: () => tools.pass(10_000),
    callback: ({ messageId }, report) =>
      callbackWith(report === 'delivered' ? { messageId, status: 'delivered' } : { status: 'delivered' }),
    // The words are ours: Apple itself reports nothing.
    foreignCallback: () => null,
    async close() {
      await apns.close();
      await provider.close();
    },
  };
});

describe('apns', () => {
  let apns: ApnsServer;
  let tools: TestTools;
  let opened: Provider[];
  let answers: ApnsAnswering[];
  beforeEach(async () => {
    apns = await startApns();
    tools = testTools();
    [opened, answers] = [[], []];
    apns.answering = (response, call) => (answers.shift() ?? FATES.accepted)(response, call);
  });
  afterEach(async () => {
    await apns.close();
    await Promise.all(opened.map((provider) => provider.close()));
  });

  function open(settings: JsonObject = {}, receipts: 'none' | 'callback' = 'none'): Provider {
    const all = { ...settingsFor(apns.url), ...settings };
    assert.equal(apnsProvider.faultOf(all, tools.templates), null);
    const provider = apnsProvider.open({ ...providerConfig('apns', all), channel: 'push', receipts }, tools);
    opened.push(provider);
    return provider;
  }

  const push = (changes: Partial<OutgoingMessage> = {}) =>
    outgoing({ channel: 'push', to: TOKEN, title: 'Order', body: 'It is on its way', ...changes });
  const send = (message: Partial<OutgoingMessage> = {}, settings: JsonObject = {}): Promise<SendOutcome> =>
    open(settings).send(push(message));
  const bearer = (index: number) => String(apns.calls[index]!.headers['authorization']).replace(/^bearer /, '');

  describe('a message', () => {
    test('is what Apple asks for', async () => {
      const message = push({ data: { order: '1', aps: 'x' } });
      const outcome = await open({ ttl: '1h', sound: 'default' }).send(message);
      assert.deepEqual(outcome, { kind: 'accepted', ref: message.messageId });
      const [{ path, headers, body }] = apns.calls as [ApnsServer['calls'][number]];
      assert.equal(path, `/3/device/${TOKEN}`);
      const own = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('apns-')));
      assert.deepEqual(own, {
        'apns-id': message.messageId,
        'apns-topic': 'com.example.shop',
        'apns-push-type': 'alert',
        'apns-priority': '10',
        'apns-expiration': String(START / 1_000 + 3_600),
        'apns-collapse-id': message.messageId,
      });
      assert.deepEqual(JSON.parse(body), {
        order: '1',
        messageId: message.messageId,
        aps: { alert: { title: 'Order', body: 'It is on its way' }, sound: 'default' },
      });
    });

    test('with an image, or where the app reports, is one that the app may change before it is shown', async () => {
      const report = { url: 'https://carom.example/r/t', clicks: false };
      const provider = open({}, 'callback');
      assert.equal(provider.devicesReport, true);
      const message = push({ image: 'https://i.example/1.png', url: 'shop://orders/1', report });
      await provider.send(message);
      assert.deepEqual(JSON.parse(apns.calls[0]!.body), {
        messageId: message.messageId,
        url: 'shop://orders/1',
        image: 'https://i.example/1.png',
        reportUrl: report.url,
        reportClicks: false,
        aps: { alert: { title: 'Order', body: 'It is on its way' }, 'mutable-content': 1 },
      });
    });

    test('in the background wakes the app', async () => {
      await send({}, { pushType: 'background', ttl: '0s' });
      const { headers, body } = apns.calls[0]!;
      assert.deepEqual(
        [headers['apns-push-type'], headers['apns-priority'], headers['apns-expiration']],
        ['background', '5', '0'],
      );
      const { aps, title } = JSON.parse(body) as Record<string, unknown>;
      assert.deepEqual([aps, title], [{ 'content-available': 1 }, 'Order']);
    });

    test('that is too long for Apple is not sent', async () => {
      const outcome = await send({ body: 'ä'.repeat(2_100) });
      assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
      assert.match(outcome.detail!, /Apple takes 4096/);
      assert.equal(apns.calls.length, 0);
    });

    test("goes to Apple's devices alone, and to no token that cannot be Apple's", async () => {
      const devices = [
        { address: TOKEN, platform: 'ios' },
        { address: TOKEN.replace('0', '1'), platform: 'android' },
        { address: 'fcm:token', platform: null },
      ];
      assert.equal((await send({ devices })).kind, 'accepted');
      assert.equal(apns.calls.length, 1);
      const outcome = await send({ devices: devices.slice(1) });
      assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_token' && outcome.tryElsewhere);
      assert.equal('gone' in outcome, false);
    });
  });

  describe('a reason', () => {
    type Rejected = Partial<Extract<SendOutcome, { kind: 'rejected' }>>;
    const ours = { retryable: false, tryElsewhere: false };
    const elsewhere = { retryable: false, tryElsewhere: true };
    const later = { retryable: true, tryElsewhere: true };
    const gone = { retryable: false, gone: [TOKEN] };
    const table: [status: number, reason: string, wanted: Rejected][] = [
      [400, 'BadCollapseId', { reason: 'invalid_content', ...ours }],
      [400, 'BadExpirationDate', { reason: 'invalid_content', ...ours }],
      [400, 'BadMessageId', { reason: 'invalid_content', ...ours }],
      [400, 'BadPriority', { reason: 'invalid_content', ...ours }],
      [400, 'BadTopic', { reason: 'invalid_topic', ...elsewhere }],
      [400, 'DeviceTokenNotForTopic', { reason: 'wrong_app', ...elsewhere }],
      [400, 'DuplicateHeaders', { reason: 'invalid_content', ...ours }],
      [400, 'IdleTimeout', { reason: 'provider_error', ...later }],
      [400, 'InvalidPushType', { reason: 'invalid_content', ...ours }],
      [400, 'MissingDeviceToken', { reason: 'invalid_token', ...ours }],
      [400, 'MissingTopic', { reason: 'invalid_topic', ...elsewhere }],
      [400, 'PayloadEmpty', { reason: 'invalid_content', ...ours }],
      [400, 'TopicDisallowed', { reason: 'invalid_topic', ...elsewhere }],
      [403, 'BadCertificate', { reason: 'unauthorized', ...elsewhere }],
      [403, 'BadCertificateEnvironment', { reason: 'unauthorized', ...elsewhere }],
      [403, 'BadEnvironmentKeyIdInToken', { reason: 'unauthorized', ...elsewhere }],
      [403, 'Forbidden', { reason: 'unauthorized', ...elsewhere }],
      [403, 'InvalidProviderToken', { reason: 'unauthorized', ...elsewhere }],
      [403, 'MissingProviderToken', { reason: 'unauthorized', ...elsewhere }],
      [403, 'UnrelatedKeyIdInToken', { reason: 'unauthorized', ...elsewhere }],
      [404, 'BadPath', { reason: 'invalid_token', ...ours }],
      [405, 'MethodNotAllowed', { reason: 'provider_error', ...ours }],
      [410, 'ExpiredToken', { reason: 'unregistered', ...gone }],
      [410, 'Unregistered', { reason: 'unregistered', ...gone }],
      [413, 'PayloadTooLarge', { reason: 'invalid_content', ...ours }],
      [429, 'TooManyRequests', { reason: 'device_rate_exceeded', ...later }],
      [500, 'InternalServerError', { reason: 'provider_error', ...later }],
      [503, 'ServiceUnavailable', { reason: 'provider_error', ...later }],
      [503, 'Shutdown', { reason: 'provider_error', ...later }],
      [400, 'NeverHeardOf', { reason: 'http_400', ...ours }],
      [503, 'NeverHeardOf', { reason: 'http_503', ...later }],
    ];
    test('is told apart, each of the table', async () => {
      const provider = open();
      for (const [status, reason, wanted] of table) {
        answers.push(apnsAnswer(status, reason));
        const outcome = await provider.send(push());
        assert.deepEqual({ ...outcome, ...wanted, kind: 'rejected', detail: reason }, outcome, reason);
        assert.equal('gone' in outcome, 'gone' in wanted, reason);
      }
    });

    test('of a bad token takes the device away, once Apple has taken a message here', async () => {
      const provider = open();
      const bad = apnsAnswer(400, 'BadDeviceToken');
      answers.push(bad);
      const first = await provider.send(push());
      // Sandbox tokens in production, or the other way round: all of them would go.
      assert(first.kind === 'rejected' && first.reason === 'invalid_token' && first.gone === undefined);
      await provider.send(push());
      answers.push(bad);
      const second = await provider.send(push());
      assert(second.kind === 'rejected' && second.reason === 'invalid_token');
      assert.deepEqual(second.gone, [TOKEN]);
    });

    test('without one, the status speaks', async () => {
      answers.push((response) => void response.writeHead(502).end('<html>'));
      const outcome = await send();
      assert(outcome.kind === 'rejected' && outcome.reason === 'http_502' && outcome.retryable);
      answers.push(apnsAnswer(429, undefined, { 'retry-after': '3' }));
      assert.deepEqual(await send(), { kind: 'throttled', retryAfterMs: 3_000 });
      answers.push(apnsAnswer(429, 'TooManyProviderTokenUpdates'));
      assert.deepEqual(await send(), { kind: 'throttled', retryAfterMs: 60_000 });
    });
  });

  describe('the provider token', () => {
    test('is signed by the key, shared by all messages, and renewed after 40 minutes', async () => {
      const provider = open();
      await Promise.all(Array.from({ length: 20 }, () => provider.send(push())));
      assert.equal(new Set(apns.calls.map((_, index) => bearer(index))).size, 1);
      const verified = await jwtVerify(bearer(0), createPublicKey(KEY.publicPem));
      assert.deepEqual(decodeProtectedHeader(bearer(0)), { alg: 'ES256', kid: 'ABC123DEFG' });
      assert.deepEqual(verified.payload, { iss: 'DEF123GHIJ', iat: START / 1_000 });
      tools.pass(39 * 60_000);
      await provider.send(push());
      assert.equal(bearer(20), bearer(0));
      tools.pass(60_000);
      await provider.send(push());
      assert.notEqual(bearer(21), bearer(0));
    });

    test('that is too old for Apple is renewed, and the message tried once more; not again within 20 minutes', async () => {
      const provider = open();
      const expired = apnsAnswer(403, 'ExpiredProviderToken');
      answers.push(expired);
      assert.equal((await provider.send(push())).kind, 'accepted');
      assert.notEqual(bearer(0), bearer(1));
      answers.push(expired);
      const outcome = await provider.send(push());
      assert(outcome.kind === 'rejected' && outcome.reason === 'unauthorized' && outcome.tryElsewhere);
      assert.equal(apns.calls.length, 3);
      tools.pass(20 * 60_000);
      answers.push(expired);
      assert.equal((await provider.send(push())).kind, 'accepted');
    });
  });

  describe('the connection', () => {
    test('is shared by many messages at once', async () => {
      const held: (() => void)[] = [];
      apns.answering = (response, call) => held.push(() => FATES.accepted(response, call));
      const provider = open();
      const first = provider.send(push());
      await apns.call(0);
      const others = Array.from({ length: 60 }, () => provider.send(push()));
      await apns.call(60);
      // One, or two: until the server has said how many it takes at once, a second may be opened.
      assert(apns.connections <= 2);
      for (const answer of held) answer();
      assert((await Promise.all([first, ...others])).every(({ kind }) => kind === 'accepted'));
    });

    test('carries no more at once than Apple allows, and the rest in turn', async () => {
      const narrow = await startApns(1);
      const provider = open({ baseUrl: narrow.url });
      const outcomes = await Promise.all(Array.from({ length: 30 }, () => provider.send(push())));
      assert(outcomes.every(({ kind }) => kind === 'accepted'));
      assert.equal(narrow.calls.length, 30);
      assert(narrow.connections <= 2);
      await narrow.close();
    });

    test('that Apple ends is made anew, and what it had not looked at goes out again', async () => {
      const provider = open();
      await provider.send(push());
      const [session] = apns.sessions;
      session!.goaway(0, 1);
      session!.close();
      assert(
        (await Promise.all(Array.from({ length: 20 }, () => provider.send(push())))).every(
          ({ kind }) => kind === 'accepted',
        ),
      );
      assert(apns.connections >= 2);
    });

    test('that breaks leaves what was on its way unknown, and the next message makes another', async () => {
      apns.answering = (_, { session }) => session.destroy();
      const provider = open();
      assert.deepEqual(await provider.send(push()), { kind: 'unknown', reason: 'connection_lost' });
      apns.answering = FATES.accepted;
      assert.equal((await provider.send(push())).kind, 'accepted');
    });

    test('whose stream is reset loses that message alone', async () => {
      answers.push((response) => response.stream.close(2));
      const provider = open();
      assert.deepEqual(await provider.send(push()), { kind: 'unknown', reason: 'connection_lost' });
      assert.equal((await provider.send(push())).kind, 'accepted');
      assert.equal(apns.connections, 1);
    });

    test('over which no answer comes any more is given up', async () => {
      apns.answering = () => undefined;
      const provider = open();
      const sending = provider.send(push());
      await apns.call(0);
      tools.pass(10_000);
      assert.deepEqual(await sending, { kind: 'unknown', reason: 'timeout' });
      apns.answering = FATES.accepted;
      assert.equal((await provider.send(push())).kind, 'accepted');
      assert.equal(apns.connections, 2);
    });

    test('to somebody whose certificate nobody vouches for is not made', async () => {
      const all = settingsFor(apns.url);
      delete all['ca'];
      const provider = apnsProvider.open({ ...providerConfig('apns', all), channel: 'push' }, tools);
      opened.push(provider);
      const outcome = await provider.send(push());
      assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
    });
  });

  test('settings that cannot work are told, without the key', () => {
    const good = settingsFor('https://api.push.apple.com');
    const faults: [JsonObject, string, RegExp][] = [
      [{ ...good, key: '-----BEGIN X' }, 'key', /a key of the curve P-256 in PEM/],
      [{ ...good, topic: '' }, 'topic', /is needed: your app's bundle id/],
      [{ ...good, baseUrl: 'http://127.0.0.1' }, 'baseUrl', /must begin with https/],
      [{ ...good, environment: 'test' }, 'environment', /use production, sandbox/],
      [{ ...good, ttl: '31d' }, 'ttl', /out of bounds/],
      [{ ...good, bundleId: 'x' }, 'bundleId', /not known here/],
    ];
    for (const [settings, path, message] of faults) {
      const fault = apnsProvider.faultOf(settings, tools.templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
      assert.doesNotMatch(fault.message, /BEGIN X/);
    }
    const inOneLine = { ...good, key: KEY.pem.replaceAll('\n', '\\n') };
    assert.equal(apnsProvider.faultOf(inOneLine, tools.templates), null);
  });
});
