/** The calls of journeys, against a real HTTP server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { buildConnector } from 'undici';
import type { JsonObject } from '#domain/request.ts';
import type { HookCaller } from '#ports/hook.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { freshMessageId, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import { hookCaller } from './hook.ts';

let vendor: HttpVendor;
let tools: TestTools;
let hooks: HookCaller;
beforeEach(async () => {
  vendor = await startVendor();
  tools = testTools();
  hooks = hookCaller(tools);
});
afterEach(async () => {
  await vendor.close();
  await hooks.close();
});

function call(request: JsonObject, context: JsonObject = {}, messageId = freshMessageId()): Promise<SendOutcome> {
  const whole = { url: `${vendor.url}/hook`, ...request };
  assert.equal(hooks.faultOf(whole), null);
  return hooks.call({ request: whole, messageId, context, allowPrivate: true });
}

describe('a hook', () => {
  test('sends what the author wrote, filled in with everything the trigger has', async () => {
    const messageId = freshMessageId();
    const outcome = await call(
      {
        url: `${vendor.url}/crm/{{ user_id }}?from={{ txn_id }}`,
        headers: { Authorization: 'Bearer t0ken', 'X-Name': '{{ first_name }}' },
        json: {
          order: '{{ token }}',
          all: ['{{ stock }}', '{{ nothing }}'],
          text: 'Hi {{ first_name }}',
          gone: '{{ nothing }}',
        },
      },
      {
        user_id: 'a b',
        txn_id: 't&1',
        first_name: 'Ana',
        token: { id: 7, lines: [1, 2] },
        stock: false,
        message_id: messageId,
      },
      messageId,
    );
    assert.deepEqual(outcome, { kind: 'accepted', ref: null });
    const got = await vendor.call(0);
    assert.deepEqual([got.method, got.url], ['POST', '/crm/a%20b?from=t%261']);
    assert.equal(got.headers['idempotency-key'], messageId);
    assert.deepEqual([got.headers.authorization, got.headers['x-name']], ['Bearer t0ken', 'Ana']);
    assert.deepEqual(JSON.parse(got.body), { order: { id: 7, lines: [1, 2] }, all: [false, null], text: 'Hi Ana' });
  });

  test('sends another method, a form, a text, or nothing', async () => {
    await call({ method: 'put', form: { a: '{{ x }}' } }, { x: '1&2' });
    await call({ method: 'PATCH', body: 'x is {{ x }}' }, { x: 1 });
    await call({ method: 'GET' });
    assert.deepEqual(
      vendor.calls.map(({ method, body }) => `${method} ${body}`),
      ['PUT a=1%262', 'PATCH x is 1', 'GET '],
    );
  });

  const answers: [what: string, answering: Answering, outcome: SendOutcome][] = [
    ['any 2xx', json(204, ''), { kind: 'accepted', ref: null }],
    ['what is not JSON', (response) => response.end('<p>thanks</p>'), { kind: 'accepted', ref: null }],
    ['429', json(429, {}, { 'retry-after': '3' }), { kind: 'throttled', retryAfterMs: 3_000 }],
    ['500', json(500, 'no'), { kind: 'rejected', reason: 'http_500', detail: '"no"', retryable: true }],
    ['404', json(404, 'no'), { kind: 'rejected', reason: 'http_404', detail: '"no"', retryable: false }],
    [
      'a redirect, which is not followed',
      (response) => response.writeHead(302, { location: '/other' }).end(),
      { kind: 'rejected', reason: 'http_302', detail: null, retryable: false },
    ],
    ['a broken connection', (response) => response.socket!.destroy(), { kind: 'unknown', reason: 'connection_lost' }],
    [
      'no HTTP',
      (response) => void response.socket!.end('what?\r\n\r\n'),
      { kind: 'unknown', reason: 'unreadable_answer' },
    ],
  ];
  for (const [what, answering, outcome] of answers) {
    test(`takes ${what}`, async () => {
      vendor.answering = answering;
      assert.deepEqual(await call({}), outcome);
      assert.equal(vendor.calls.length, 1);
    });
  }

  test('that hangs is given up after its timeout, 10 s unless it says otherwise', async () => {
    vendor.answering = () => undefined;
    const [usual, shorter] = [call({}), call({ timeout: '2s' })];
    await vendor.call(1);
    tools.pass(2_000);
    assert.deepEqual(await shorter, { kind: 'unknown', reason: 'timeout' });
    tools.pass(7_999);
    assert.equal(await Promise.race([usual, Promise.resolve('waits')]), 'waits');
    tools.pass(1);
    assert.deepEqual(await usual, { kind: 'unknown', reason: 'timeout' });
  });

  test('that nobody listens to was not made', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const outcome = await call({ url: `http://127.0.0.1:${port}/` });
    assert.ok(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });

  test('that cannot be rendered is refused, and nothing is sent', async () => {
    const loop = '{% for i in 1..1000 %}{% for j in 1..1000 %}{{ x }}{% endfor %}{% endfor %}';
    for (const [request, reason] of [
      [{ body: loop }, 'render_error'],
      [{ headers: { 'X-A': '{{ x }}' } }, 'invalid_content'],
      [{ url: `${vendor.url}/{{ x }}/`, json: {} }, 'accepted'],
    ] as [JsonObject, string][]) {
      const outcome = await call(request, { x: 'a\r\nX-B: 1' });
      assert.equal(outcome.kind === 'rejected' ? outcome.reason : outcome.kind, reason);
    }
    assert.deepEqual(
      vendor.calls.map(({ url }) => url),
      ['/a%0D%0AX-B%3A%201/'],
    );
  });

  test('connects as it is told for the account', async () => {
    const asked: boolean[] = [];
    await hooks.close();
    hooks = hookCaller({
      ...tools,
      connector: (allowPrivate) => {
        asked.push(allowPrivate);
        if (allowPrivate) return buildConnector({});
        return (_options, callback) => callback(new Error('is a private address'), null);
      },
    });
    const request = { url: `${vendor.url}/hook` };
    const refused = await hooks.call({ request, messageId: freshMessageId(), context: {}, allowPrivate: false });
    assert.deepEqual(refused, {
      kind: 'rejected',
      reason: 'connection_failed',
      detail: 'is a private address',
      retryable: true,
    });
    await hooks.call({ request, messageId: freshMessageId(), context: {}, allowPrivate: true });
    assert.deepEqual([asked, vendor.calls.length], [[false, true], 1]);
  });

  test('keeps its connections for a minute, and no longer', async () => {
    for (let times = 0; times < 3; times++) {
      await call({});
      await new Promise((resolve) => setImmediate(resolve)); // the connection is free a moment after the answer
    }
    assert.equal(vendor.connections, 1);
    tools.pass(60_000);
    await call({});
    assert.equal(vendor.connections, 2);
  });

  test('is answered also while others are closed', async () => {
    let answer = () => {};
    vendor.answering = (response, got) => (answer = () => json(200, {})(response, got));
    const outcome = call({});
    await vendor.call(0);
    const closed = hooks.close();
    answer();
    assert.equal((await outcome).kind, 'accepted');
    await closed;
  });
});

describe('a fault in a hook, and where', () => {
  const url = 'https://crm.example/hook';
  const bad: [path: string, message: RegExp, request: JsonObject][] = [
    ['url', /is missing/, {}],
    ['url', /written out/, { url: 'https://{{ host }}/' }],
    ['url', /written out/, { url: 'file:///etc/passwd' }],
    ['urll', /is not known here/, { url, urll: 1 }],
    ['method', /POST, GET/, { url, method: 'FETCH' }],
    ['json.a.0', /is no template/, { url, json: { a: ['{{'] } }],
    ['form', /stands beside json/, { url, json: {}, form: {} }],
    ['headers.Idempotency-Key', /is set by Carom/, { url, headers: { 'Idempotency-Key': '1' } }],
    ['timeout', /out of bounds; use 10ms to 30000ms/, { url, timeout: '31s' }],
    ['body', /cannot go with GET/, { url, method: 'GET', body: 'x' }],
  ];
  for (const [path, message, request] of bad) {
    test(`${path} in ${JSON.stringify(request)}`, () => {
      const fault = hooks.faultOf(request);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    });
  }
});
