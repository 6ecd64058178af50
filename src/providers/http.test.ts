import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { START, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { httpProvider } from './http.ts';

/** The manifest's example (docs/providers/http.md), for a vendor at this address. */
const settingsFor = (url: string): JsonObject => ({
  request: {
    method: 'POST',
    url: `${url}/send`,
    headers: { Authorization: 'Bearer t0ken' },
    timeout: '10s',
    json: {
      to: '{{ to }}',
      from: '{{ from }}',
      text: '{{ body }}',
      id: '{{ message_id }}',
      callback: '{{ receipt_url }}',
    },
  },
  response: { accepted: 'status = 200 and body.status != "rejected"', ref: 'body.id', reason: 'body.message' },
  receipt: {
    ref: 'body.id',
    status: 'body.status',
    statuses: { delivered: 'delivered', failed: 'undelivered', sent: 'sent' },
  },
});

const DIGITS: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

describeProvider('http', async () => {
  const vendor = await startVendor();
  const tools = testTools();
  const provider = httpProvider.open(providerConfig('http', settingsFor(vendor.url)), tools);
  const seen = new Set<string>();
  const answers: Record<Fate, Answering> = {
    accepted: (response, call) => json(200, { id: `ref-${String(call.headers['idempotency-key'])}` })(response, call),
    refused: json(200, { status: 'rejected', message: 'invalid_number' }),
    failing: json(503, {}),
    throttled: json(429, {}, { 'retry-after': '2' }),
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
    message: (fate) => outgoing({ to: `+91999999999${DIGITS.indexOf(fate)}` }),
    arrived: async () => void (await vendor.call(0)),
    names: () => vendor.calls.map(({ headers }) => String(headers['idempotency-key'])),
    passTimeout: () => tools.pass(10_000),
    callback: ({ messageId }, report) =>
      callbackOf(report === 'delivered' ? { id: `ref-${messageId}`, status: 'delivered' } : { status: 'sent' }),
    foreignCallback: ({ messageId }) => callbackOf({ id: `ref-${messageId}`, status: 'pondering' }),
    async close() {
      await vendor.close();
      await provider.close();
    },
  };
});

const callbackOf = (body: JsonObject | JsonObject[], query: Record<string, string> = {}) => ({
  method: 'POST',
  query,
  headers: {},
  body,
});

describe('http', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let opened: Provider[];

  beforeEach(async () => {
    vendor = await startVendor();
    tools = testTools();
    opened = [];
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.map((provider) => provider.close()));
  });

  const open = (settings: JsonObject): Provider => {
    assert.equal(httpProvider.faultOf(settings, tools.templates), null);
    const provider = httpProvider.open(providerConfig('http', settings), tools);
    opened.push(provider);
    return provider;
  };
  const request = (changes: JsonObject): JsonObject => ({ request: { url: `${vendor.url}/send`, ...changes } });
  const send = (settings: JsonObject, message: Partial<OutgoingMessage> = {}): Promise<SendOutcome> =>
    open(settings).send(outgoing(message));

  describe('the request', () => {
    test('is the settings, filled in', async () => {
      await send(settingsFor(vendor.url), { messageId: '018f0000-0000-7000-8000-000000010007', from: null });
      const call = await vendor.call(0);
      assert.equal(call.method, 'POST');
      assert.equal(call.url, '/send');
      assert.equal(call.headers.authorization, 'Bearer t0ken');
      assert.equal(call.headers['content-type'], 'application/json');
      assert.equal(call.headers['idempotency-key'], '018f0000-0000-7000-8000-000000010007');
      assert.equal(call.headers['user-agent'], 'carom');
      assert.equal(call.headers['accept-encoding'], undefined);
      assert.deepEqual(JSON.parse(call.body), {
        to: '+919999999999',
        text: 'Hi Ana',
        id: '018f0000-0000-7000-8000-000000010007',
        callback: 'http://127.0.0.1:8080/v1/receipts/http-1/s3cret?message=018f0000-0000-7000-8000-000000010007',
      });
    });

    test('in JSON keeps raw values raw, and texts within their quotes', async () => {
      const template = { name: 'otp', language: 'en', variables: ['1', '2'] };
      const body = 'quote " backslash \\ newline \n {{ to }} 🙂';
      await send(
        request({
          json: {
            raw: '{{ template.variables }}',
            all: '{{ template }}',
            missing: '{{ data.x }}',
            text: 'x {{ body }}',
            list: ['{{ image }}', 1],
            fixed: true,
          },
        }),
        { template, body },
      );
      assert.deepEqual(JSON.parse((await vendor.call(0)).body), {
        raw: ['1', '2'],
        all: template,
        text: `x ${body}`,
        list: [null, 1],
        fixed: true,
      });
    });

    test('in a form encodes its fields', async () => {
      await send(
        request({ form: { to: '{{ to }}', text: '{{ body }}', none: '{{ html }}', v: '{{ template.variables }}' } }),
        {
          body: 'a&b=c é',
          template: { name: 't', language: null, variables: ['1', '2'] },
        },
      );
      const call = await vendor.call(0);
      assert.equal(call.headers['content-type'], 'application/x-www-form-urlencoded');
      assert.deepEqual(
        [...new URLSearchParams(call.body)],
        [
          ['to', '+919999999999'],
          ['text', 'a&b=c é'],
          ['v', '1'],
          ['v', '2'],
        ],
      );
    });

    test('as a text is the template', async () => {
      await send(
        request({ method: 'PUT', headers: { 'Content-Type': 'text/xml' }, body: '<sms><![CDATA[{{ body }}]]></sms>' }),
      );
      const call = await vendor.call(0);
      assert.equal(call.method, 'PUT');
      assert.equal(call.headers['content-type'], 'text/xml');
      assert.equal(call.body, '<sms><![CDATA[Hi Ana]]></sms>');
    });

    test('percent-encodes values in the address', async () => {
      await send(
        {
          request: { method: 'GET', url: `${vendor.url}/to/{{ to }}?text={{ body }}&key={{ secrets.key }}` },
          secrets: { key: 'k&y' },
        },
        { body: 'a&b=c/d é?#' },
      );
      assert.equal((await vendor.call(0)).url, '/to/%2B919999999999?text=a%26b%3Dc%2Fd%20%C3%A9%3F%23&key=k%26y');
    });

    test('refuses what a header or an address cannot hold', async () => {
      for (const [settings, message] of [
        [request({ headers: { 'X-Text': '{{ body }}' } }), { body: 'a\r\nX-Admin: 1' }],
        [request({ headers: { 'X-Text': '{{ body }}' } }), { body: 'नमस्ते' }],
        [{ request: { url: `${vendor.url}/to/{{ to }}/x` } }, { to: '..' }],
      ] as const) {
        const outcome = await send(settings, message);
        assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
      }
      assert.equal(vendor.calls.length, 0);
    });

    test('that goes over a bound is a render error', async () => {
      const outcome = await send(
        request({ body: '{% for i in 1..1000 %}{% for j in 1..1000 %}{{ body }}{% endfor %}{% endfor %}' }),
      );
      assert(outcome.kind === 'rejected' && outcome.reason === 'render_error' && !outcome.retryable);
    });
  });

  describe('the answer', () => {
    const table: [what: string, answer: Answering, response: JsonObject, outcome: SendOutcome][] = [
      ['2xx is accepted', json(202, {}), {}, { kind: 'accepted', ref: null }],
      ['the reference may be a number', json(200, { id: 7 }), { ref: 'body.id' }, { kind: 'accepted', ref: '7' }],
      [
        'no status is no rejection',
        json(200, { id: 'a' }),
        { accepted: 'status = 200 and body.status != "rejected"', ref: 'body.id' },
        { kind: 'accepted', ref: 'a' },
      ],
      [
        '4xx is a refusal',
        json(400, { message: 'bad' }),
        {},
        { kind: 'rejected', reason: 'http_400', detail: '{"message":"bad"}', retryable: false },
      ],
      [
        'with a reason',
        json(400, { message: 'bad' }),
        { reason: 'body.message' },
        { kind: 'rejected', reason: 'bad', detail: null, retryable: false },
      ],
      ['5xx may pass', json(500, {}), {}, { kind: 'rejected', reason: 'http_500', detail: '{}', retryable: true }],
      [
        'what may pass can be said',
        json(409, {}),
        { retryable: 'status = 409' },
        { kind: 'rejected', reason: 'http_409', detail: '{}', retryable: true },
      ],
      [
        'a redirect is not followed',
        (r) => r.writeHead(302, { location: '/other' }).end(),
        {},
        { kind: 'rejected', reason: 'http_302', detail: null, retryable: false },
      ],
      [
        '429 waits as long as it says',
        json(429, {}, { 'retry-after': '7' }),
        {},
        { kind: 'throttled', retryAfterMs: 7_000 },
      ],
      [
        '429 waits until a date',
        json(429, {}, { 'retry-after': new Date(START + 90_000).toUTCString() }),
        {},
        { kind: 'throttled', retryAfterMs: 90_000 },
      ],
      ['429 without a time waits a second', json(429, {}), {}, { kind: 'throttled', retryAfterMs: 1_000 }],
      [
        '429 never waits more than an hour',
        json(429, {}, { 'retry-after': '999999' }),
        {},
        { kind: 'throttled', retryAfterMs: 3_600_000 },
      ],
      [
        '429 never waits for nothing',
        json(429, {}, { 'retry-after': '0' }),
        {},
        { kind: 'throttled', retryAfterMs: 100 },
      ],
      [
        'throttling can be said',
        json(200, { wait: 3 }),
        { accepted: 'body.ok', retryAfter: 'body.wait' },
        { kind: 'throttled', retryAfterMs: 3_000 },
      ],
      [
        'HTML is text',
        (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<h1>OK: 77</h1>'),
        { accepted: '$contains(body, "OK")', ref: '$substringBefore($substringAfter(body, ": "), "<")' },
        { kind: 'accepted', ref: '77' },
      ],
      [
        'JSON by another name is JSON',
        (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('{"id":"x"}'),
        { ref: 'body.id' },
        { kind: 'accepted', ref: 'x' },
      ],
      [
        'broken JSON is text',
        (r) => r.writeHead(200, { 'content-type': 'application/json' }).end('{"id":'),
        { ref: 'body.id' },
        { kind: 'accepted', ref: null },
      ],
      [
        'headers can be read',
        (r) => r.writeHead(201, { 'X-Id': 'h1' }).end(),
        { ref: 'headers."x-id"' },
        { kind: 'accepted', ref: 'h1' },
      ],
      [
        'an expression that fails on 2xx leaves it unknown',
        json(200, {}),
        { accepted: '$error("no")' },
        { kind: 'unknown', reason: 'unreadable_answer' },
      ],
      [
        'an expression that never ends does too',
        json(200, {}),
        { accepted: '($f := function() { $f() }; $f())' },
        { kind: 'unknown', reason: 'unreadable_answer' },
      ],
      [
        'a regular expression that never ends does too',
        json(200, { t: `${'a'.repeat(40)}b` }),
        { accepted: '$contains(body.t, /(a+)+$/)' },
        { kind: 'unknown', reason: 'unreadable_answer' },
      ],
      [
        'what is not HTTP is unknown',
        (r) => void r.socket!.end('ERR go away\r\n\r\n'),
        {},
        { kind: 'unknown', reason: 'unreadable_answer' },
      ],
      [
        'a connection broken before the answer is unknown',
        (r) => r.socket!.destroy(),
        {},
        { kind: 'unknown', reason: 'connection_lost' },
      ],
      [
        'a connection broken in a body that is needed is unknown',
        breakOff(200),
        { ref: 'body.id' },
        { kind: 'unknown', reason: 'connection_lost' },
      ],
      [
        'a connection broken in a body that is not needed is accepted',
        breakOff(200),
        {},
        { kind: 'accepted', ref: null },
      ],
      [
        'a connection broken in an error is that error',
        breakOff(500),
        { ref: 'body.id' },
        { kind: 'rejected', reason: 'http_500', detail: '{"id"', retryable: true },
      ],
      [
        '50 MB that are needed are unknown',
        flood(200),
        { ref: 'body.id' },
        { kind: 'unknown', reason: 'unreadable_answer' },
      ],
      ['50 MB that are not needed are accepted', flood(200), {}, { kind: 'accepted', ref: null }],
    ];
    for (const [what, answer, response, outcome] of table) {
      test(what, async () => {
        vendor.answering = answer;
        assert.deepEqual(await send({ ...request({ json: {} }), response }), outcome);
      });
    }
  });

  describe('time', () => {
    test('that runs out without an answer leaves it unknown, and frees the connection', async () => {
      vendor.answering = () => undefined;
      const provider = open({ ...request({ timeout: '2s' }), concurrency: 1 });
      const sending = provider.send(outgoing());
      await vendor.call(0);
      tools.pass(1_999);
      tools.pass(1);
      assert.deepEqual(await sending, { kind: 'unknown', reason: 'timeout' });
      vendor.answering = json(200, {});
      assert.equal((await provider.send(outgoing())).kind, 'accepted');
    });

    test('is not extended by a body that trickles in', async () => {
      const trickle = Promise.withResolvers<void>();
      vendor.answering = (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"id":');
        trickle.resolve();
      };
      const sending = send({ ...request({}), response: { accepted: 'body.id' } });
      await trickle.promise;
      await headersRead();
      tools.pass(10_000);
      assert.deepEqual(await sending, { kind: 'unknown', reason: 'timeout' });
    });

    test('that runs out before a connection is free means that nothing was sent', async () => {
      vendor.answering = () => undefined;
      const provider = open({ ...request({}), concurrency: 1 });
      const first = provider.send(outgoing());
      await vendor.call(0);
      const second = provider.send(outgoing());
      tools.pass(10_000);
      assert.deepEqual(await first, { kind: 'unknown', reason: 'timeout' });
      const detail = 'no connection within 10000 ms';
      assert.deepEqual(await second, { kind: 'rejected', reason: 'connection_failed', detail, retryable: true });
      vendor.answering = json(200, {});
      assert.equal((await provider.send(outgoing())).kind, 'accepted');
      assert.equal(vendor.calls.length, 2);
    });
  });

  test('a connection that is refused may be tried again', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const outcome = await send({ request: { url: `http://127.0.0.1:${port}/` } });
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
    assert.match(outcome.detail!, /ECONNREFUSED/);
  });

  test('a certificate that does not fit is a connection that was not made', async () => {
    const server = createServer((socket) => socket.end('no tls here')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const outcome = await send({ request: { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` } });
    server.close();
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });

  test('connections are kept, and never more than allowed', async () => {
    const provider = open({ ...request({ json: {} }), concurrency: 4 });
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 20 }, () => provider.send(outgoing())));
    assert.equal(vendor.calls.length, 100);
    assert(vendor.connections <= 4);
  });

  test('after closing nothing is sent', async () => {
    const provider = open(request({}));
    await provider.close();
    const outcome = await provider.send(outgoing());
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });
});

/** Starts a body and cuts the line once it has been written. */
function breakOff(status: number): Answering {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.write('{"id"', () => setImmediate(() => response.socket!.destroy()));
  };
}

/** A body of 50 MB, as fast as it is taken. */
function flood(status: number): Answering {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    let left = 800;
    const pour = (): void => {
      while (left-- > 0) if (!response.write('x'.repeat(65_536))) return void response.once('drain', pour);
      response.end();
    };
    pour();
  };
}

/** Bytes that are in the socket are read by then. */
async function headersRead(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
