import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { jwtVerify } from 'jose';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { START, callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import { serviceAccount } from '../../tests/support/push-keys.ts';
import { fcmProvider } from './fcm.ts';

const ACCOUNT = serviceAccount('https://oauth2.googleapis.com/token');
const accountAt = (url: string): JsonObject => ({ ...ACCOUNT.file, token_uri: `${url}/token` });
const isTokenCall = (url: string) => url === '/token';
const giveToken = json(200, { access_token: 'ya29.1', expires_in: 3_599, token_type: 'Bearer' });

/** Errors as Google's pages show them. */
const error = (code: number, status: string, message: string, details: object[] = []) =>
  json(code, { error: { code, message, status, details } });
const fcmError = (errorCode: string) => ({
  '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError',
  errorCode,
});
const UNREGISTERED = error(404, 'NOT_FOUND', 'Requested entity was not found.', [fcmError('UNREGISTERED')]);

const FATES: Record<Exclude<Fate, 'throttled'>, Answering> = {
  accepted: json(200, { name: 'projects/shop-1/messages/0:1500415314455276%31bd1c9631bd1c96' }),
  refused: error(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.', [fcmError('INVALID_ARGUMENT')]),
  failing: error(503, 'UNAVAILABLE', 'The service is currently unavailable.', [fcmError('UNAVAILABLE')]),
  unanswered: () => undefined,
};

describeProvider('fcm', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const settings = { serviceAccount: accountAt(vendor.url), baseUrl: vendor.url };
  const provider = fcmProvider.open({ ...providerConfig('fcm', settings), channel: 'push' }, tools);
  const seen = new Set<string>();
  const arrivals = new Map<string, () => void>();
  vendor.answering = (response, call) => {
    if (isTokenCall(call.url)) return giveToken(response, call);
    const { token } = (JSON.parse(call.body) as { message: { token: string } }).message;
    const wanted = token.split(' ')[0] as Fate;
    if (wanted !== 'throttled') FATES[wanted](response, call);
    else if (seen.has(token)) FATES.accepted(response, call);
    else error(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded.', [fcmError('QUOTA_EXCEEDED')])(response, call);
    seen.add(token);
    arrivals.get(token)?.();
  };
  let made = 0;
  return {
    provider,
    message: (fate) => outgoing({ channel: 'push', to: `${fate} ${made++}` }),
    arrived: async ({ to }) => {
      if (!seen.has(to)) await new Promise<void>((resolve) => arrivals.set(to, resolve));
    },
    names: () =>
      vendor.calls
        .filter(({ url }) => !isTokenCall(url))
        .map(({ body }) => (JSON.parse(body) as { message: { data: { messageId: string } } }).message.data.messageId),
    passTimeout: () => tools.pass(10_000),
    callback: ({ messageId }, report) =>
      callbackWith(report === 'delivered' ? { messageId, status: 'delivered' } : { status: 'delivered' }),
    // The words are ours: FCM itself reports nothing.
    foreignCallback: () => null,
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

describe('fcm', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let opened: Provider[];
  let answers: Answering[];
  let tokenAnswers: Answering[];
  beforeEach(async () => {
    vendor = await startVendor();
    tools = testTools();
    [opened, answers, tokenAnswers] = [[], [], []];
    vendor.answering = (response, call) => {
      const [queue, otherwise] = isTokenCall(call.url) ? [tokenAnswers, giveToken] : [answers, FATES.accepted];
      (queue.shift() ?? otherwise)(response, call);
    };
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
  });

  function open(settings: JsonObject = {}, receipts: 'none' | 'callback' = 'none'): Provider {
    const all = { serviceAccount: accountAt(vendor.url), baseUrl: vendor.url, ...settings };
    assert.equal(fcmProvider.faultOf(all, tools.templates), null);
    const provider = fcmProvider.open({ ...providerConfig('fcm', all), channel: 'push', receipts }, tools);
    opened.push(provider);
    return provider;
  }

  const push = (changes: Partial<OutgoingMessage> = {}) =>
    outgoing({ channel: 'push', to: 'tok-1', title: 'Order', body: 'It is on its way', ...changes });
  const send = (message: Partial<OutgoingMessage> = {}, settings: JsonObject = {}): Promise<SendOutcome> =>
    open(settings).send(push(message));
  const sent = () => vendor.calls.filter(({ url }) => !isTokenCall(url));
  const messageSent = (index = 0) => (JSON.parse(sent()[index]!.body) as { message: Record<string, unknown> }).message;
  const devices = (...addresses: string[]) => addresses.map((address) => ({ address, platform: null }));

  describe('a message', () => {
    test('goes to the project, with the token of its service account', async () => {
      const message = push({ image: 'https://i.example/1.png', url: 'https://shop.example/o/1', data: { order: '1' } });
      assert.deepEqual(await open().send(message), {
        kind: 'accepted',
        ref: 'projects/shop-1/messages/0:1500415314455276%31bd1c9631bd1c96',
      });
      const [call] = sent();
      assert.deepEqual([call!.method, call!.url], ['POST', '/v1/projects/shop-1/messages:send']);
      assert.equal(call!.headers.authorization, 'Bearer ya29.1');
      const { messageId } = message;
      assert.deepEqual(messageSent(), {
        token: 'tok-1',
        notification: { title: 'Order', body: 'It is on its way', image: 'https://i.example/1.png' },
        data: { order: '1', messageId, url: 'https://shop.example/o/1' },
        android: { priority: 'HIGH', notification: { tag: messageId } },
        apns: {
          headers: { 'apns-collapse-id': messageId, 'apns-push-type': 'alert', 'apns-priority': '10' },
          payload: { aps: { 'mutable-content': 1 } },
          fcm_options: { image: 'https://i.example/1.png' },
        },
        webpush: { headers: { Urgency: 'high' }, fcm_options: { link: 'https://shop.example/o/1' } },
      });
    });

    test('that the app shows itself has all in its data, and where to report', async () => {
      const report = { url: 'https://carom.example/r/t', clicks: true };
      const settings = { content: 'data', priority: 'normal', ttl: '1h', androidChannel: 'orders', sound: 'default' };
      const provider = open(settings, 'callback');
      assert.equal(provider.devicesReport, true);
      const message = push({ report });
      await provider.send(message);
      const { messageId } = message;
      assert.deepEqual(messageSent(), {
        token: 'tok-1',
        data: {
          title: 'Order',
          body: 'It is on its way',
          messageId,
          reportUrl: report.url,
          reportClicks: 'true',
        },
        android: { priority: 'NORMAL', ttl: '3600s' },
        apns: {
          headers: { 'apns-collapse-id': messageId, 'apns-push-type': 'background', 'apns-priority': '5' },
          payload: { aps: { 'content-available': 1 } },
        },
        webpush: { headers: { Urgency: 'normal', TTL: '3600' } },
      });
    });

    test('that the system shows may be reported too, by an extension of the app', async () => {
      const report = { url: 'https://carom.example/r/t', clicks: false };
      await open({ sound: 'default' }, 'callback').send(push({ report, data: { messageId: 'mine', order: '1' } }));
      const { notification, data, apns, android } = messageSent() as Record<string, Record<string, unknown>>;
      assert.deepEqual(notification, { title: 'Order', body: 'It is on its way' });
      assert.deepEqual([data!['reportUrl'], data!['reportClicks'], data!['order']], [report.url, 'false', '1']);
      assert.notEqual(data!['messageId'], 'mine');
      assert.deepEqual(apns!['payload'], { aps: { 'mutable-content': 1, sound: 'default' } });
      assert.equal((android!['notification'] as Record<string, string>)['sound'], 'default');
    });

    test('that is too long for FCM is not sent', async () => {
      const outcome = await send({ body: 'ä'.repeat(2_100) });
      assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
      assert.match(outcome.detail!, /FCM takes 4096/);
      assert.equal(vendor.calls.length, 0);
    });

    test('goes to all devices; one that took it is enough, and those that are gone are named', async () => {
      vendor.answering = (response, call) => {
        if (isTokenCall(call.url)) return giveToken(response, call);
        (call.body.includes('"dead') ? UNREGISTERED : FATES.accepted)(response, call);
      };
      const outcome = await send({ devices: devices('dead-1', 'alive', 'dead-2') });
      assert(outcome.kind === 'accepted' && outcome.ref !== null);
      assert.deepEqual(outcome.gone, ['dead-1', 'dead-2']);
      assert.equal(sent().length, 3);
    });

    test('is refused when no device took it, and may be tried again when one may take it later', async () => {
      vendor.answering = (response, call) => {
        if (isTokenCall(call.url)) return giveToken(response, call);
        (call.body.includes('"dead') ? UNREGISTERED : FATES.failing)(response, call);
      };
      assert.deepEqual(await send({ devices: devices('dead-1', 'away') }), {
        kind: 'rejected',
        reason: 'provider_error',
        detail: 'The service is currently unavailable.',
        retryable: true,
        tryElsewhere: true,
        gone: ['dead-1'],
      });
    });

    test('goes to the devices of its platforms, and to those of none', async () => {
      const mixed = [
        { address: 'i', platform: 'ios' },
        { address: 'a', platform: 'android' },
        { address: 'x', platform: null },
      ];
      assert.equal((await send({ devices: mixed }, { platforms: ['Android'] })).kind, 'accepted');
      assert.deepEqual(
        sent()
          .map(({ body }) => (JSON.parse(body) as { message: { token: string } }).message.token)
          .toSorted(),
        ['a', 'x'],
      );
      const none = await send({ devices: mixed.slice(0, 1) }, { platforms: ['android'] });
      assert(none.kind === 'rejected' && none.reason === 'no_device' && none.tryElsewhere);
    });
  });

  describe('an error', () => {
    const QUOTA_OF_DEVICE = {
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [{ subject: 'device', description: 'Device message rate exceeded' }],
    };
    const BAD_TOKEN = {
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [{ field: 'message.token', description: 'Invalid registration token' }],
    };
    const cases: [what: string, answer: Answering, outcome: Partial<Extract<SendOutcome, { kind: 'rejected' }>>][] = [
      ['UNREGISTERED', UNREGISTERED, { reason: 'unregistered', retryable: false, gone: ['tok-1'] }],
      [
        'INVALID_ARGUMENT of the token',
        error(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.', [fcmError('INVALID_ARGUMENT'), BAD_TOKEN]),
        { reason: 'invalid_token', retryable: false, gone: ['tok-1'] },
      ],
      [
        'INVALID_ARGUMENT of the token, in words',
        error(400, 'INVALID_ARGUMENT', 'The registration token is not a valid FCM registration token', [
          fcmError('INVALID_ARGUMENT'),
        ]),
        { reason: 'invalid_token', retryable: false, gone: ['tok-1'] },
      ],
      ['INVALID_ARGUMENT of anything else', FATES.refused, { reason: 'invalid_content', retryable: false, tryElsewhere: false }],
      [
        'SENDER_ID_MISMATCH',
        error(403, 'PERMISSION_DENIED', 'SenderId mismatch', [fcmError('SENDER_ID_MISMATCH')]),
        { reason: 'wrong_app', retryable: false, tryElsewhere: true },
      ],
      [
        'THIRD_PARTY_AUTH_ERROR',
        error(401, 'UNAUTHENTICATED', 'Auth error from APNS or Web Push Service', [fcmError('THIRD_PARTY_AUTH_ERROR')]),
        { reason: 'unauthorized', retryable: false, tryElsewhere: true },
      ],
      [
        'PERMISSION_DENIED',
        error(403, 'PERMISSION_DENIED', "Permission 'cloudmessaging.messages.create' denied"),
        { reason: 'unauthorized', retryable: false, tryElsewhere: true },
      ],
      ['an unknown project', error(404, 'NOT_FOUND', 'Project shop-1 not found'), { reason: 'not_found', tryElsewhere: true }],
      ['INTERNAL', error(500, 'INTERNAL', 'Internal error encountered.', [fcmError('INTERNAL')]), { reason: 'provider_error', retryable: true }],
      ['UNAVAILABLE', FATES.failing, { reason: 'provider_error', retryable: true }],
      [
        'QUOTA_EXCEEDED of the device alone',
        error(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded.', [fcmError('QUOTA_EXCEEDED'), QUOTA_OF_DEVICE]),
        { reason: 'device_rate_exceeded', retryable: true },
      ],
      ['a page', (response) => response.writeHead(502).end('<!DOCTYPE html><title>Error 502'), { reason: 'http_502', retryable: true }],
      ['a shape nobody knows', json(400, { error: { details: [null], message: 4 } }), { reason: 'http_400', retryable: false }],
    ]; // prettier-ignore
    for (const [what, answer, wanted] of cases) {
      test(`${what} is told apart`, async () => {
        answers.push(answer);
        const outcome = await send();
        assert.equal(outcome.kind, 'rejected');
        assert.deepEqual({ ...outcome, ...wanted }, outcome);
        assert.equal('gone' in outcome, 'gone' in wanted);
      });
    }

    test('200 without a name is nothing that FCM says', async () => {
      for (const answer of [json(200, {}), (response) => void response.end('<html>Welcome')] as Answering[]) {
        answers.push(answer);
        assert.deepEqual(await send(), { kind: 'unknown', reason: 'unreadable_answer' });
      }
    });

    test('QUOTA_EXCEEDED waits as long as it says, and a minute where it does not', async () => {
      const quota = [fcmError('QUOTA_EXCEEDED')];
      answers.push(json(429, { error: { status: 'RESOURCE_EXHAUSTED', details: quota } }, { 'retry-after': '7' }));
      assert.deepEqual(await send(), { kind: 'throttled', retryAfterMs: 7_000 });
      answers.push(error(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded.', quota));
      assert.deepEqual(await send(), { kind: 'throttled', retryAfterMs: 60_000 });
    });
  });

  describe('the access token', () => {
    test('is asked for with what the service account has signed', async () => {
      await send();
      const [call] = vendor.calls;
      assert.equal(call!.url, '/token');
      const form = new URLSearchParams(call!.body);
      assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
      const verified = await jwtVerify(form.get('assertion')!, createPublicKey(ACCOUNT.publicPem), {
        currentDate: new Date(START),
      });
      assert.deepEqual(verified.protectedHeader, { alg: 'RS256', typ: 'JWT', kid: 'key-1' });
      assert.deepEqual(verified.payload, {
        scope: 'https://www.googleapis.com/auth/firebase.messaging',
        iss: 'push@shop-1.iam.gserviceaccount.com',
        aud: `${vendor.url}/token`,
        iat: START / 1_000,
        exp: START / 1_000 + 3_600,
      });
    });

    test('is asked for once by many messages, kept, and renewed before it ends', async () => {
      const provider = open();
      const tokenCalls = () => vendor.calls.filter(({ url }) => isTokenCall(url)).length;
      await Promise.all(Array.from({ length: 20 }, () => provider.send(push())));
      assert.equal(tokenCalls(), 1);
      tools.pass(54 * 60_000);
      await provider.send(push());
      assert.equal(tokenCalls(), 1);
      tools.pass(60_000);
      await provider.send(push());
      assert.equal(tokenCalls(), 2);
    });

    test('that is refused is renewed once', async () => {
      const refused = error(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
      answers.push(refused);
      tokenAnswers.push(giveToken, json(200, { access_token: 'ya29.2' }));
      const provider = open();
      assert.equal((await provider.send(push())).kind, 'accepted');
      assert.deepEqual(
        sent().map(({ headers }) => headers.authorization),
        ['Bearer ya29.1', 'Bearer ya29.2'],
      );
      answers.push(refused, refused);
      const outcome = await provider.send(push());
      assert(outcome.kind === 'rejected' && outcome.reason === 'unauthorized' && outcome.tryElsewhere);
    });

    test('that is not given says why, without the key', async () => {
      const cases: [Answering, object][] = [
        [
          json(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }),
          { reason: 'unauthorized', detail: 'no token: invalid_grant: Invalid JWT Signature.', retryable: false, tryElsewhere: true },
        ],
        [json(503, {}), { reason: 'provider_error', detail: 'no token: status 503', retryable: true, tryElsewhere: true }],
        [(response) => response.destroy(), { reason: 'connection_failed', detail: 'no token: connection_lost', retryable: true, tryElsewhere: true }],
        [json(200, { token_type: 'Bearer' }), { reason: 'unauthorized', detail: 'no token: status 200', retryable: false, tryElsewhere: true }],
      ]; // prettier-ignore
      for (const [answer, wanted] of cases) {
        tokenAnswers.push(answer);
        assert.deepEqual(await send(), { kind: 'rejected', ...wanted });
      }
      assert.equal(sent().length, 0);
    });
  });

  test('settings that cannot work are told, without the key', () => {
    const { file } = ACCOUNT;
    const faults: [JsonObject, string, RegExp][] = [
      [{}, 'serviceAccount', /is needed: the JSON of a service account/],
      [{ serviceAccount: '{"private' }, 'serviceAccount', /must be the JSON/],
      [{ serviceAccount: { ...file, private_key: '' } }, 'serviceAccount', /no client_email or private_key/],
      [{ serviceAccount: { ...file, private_key: '-----BEGIN X' } }, 'serviceAccount', /must hold an RSA key in PEM/],
      [{ serviceAccount: { ...file, project_id: '' } }, 'projectId', /is needed/],
      [{ serviceAccount: file, ttl: '40d' }, 'ttl', /out of bounds/],
      [{ serviceAccount: file, content: 'both' }, 'content', /not known; use notification, data/],
      [{ serviceAccount: file, platforms: 'ios' }, 'platforms', /must be a list/],
      [{ serviceAccount: file, key: 'x' }, 'key', /not known here/],
    ];
    for (const [settings, path, message] of faults) {
      const fault = fcmProvider.faultOf(settings, tools.templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
      assert.doesNotMatch(fault.message, /BEGIN X|MII/);
    }
    assert.equal(fcmProvider.faultOf({ serviceAccount: JSON.stringify(file) }, tools.templates), null);
  });
});
