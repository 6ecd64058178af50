import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import test, { describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { httpBench } from '../../tests/support/http-bench.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering } from '../../tests/support/http-vendor.ts';
import { callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
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

const callbackOf = (body: JsonObject | JsonObject[], query: Record<string, string> = {}) =>
  callbackWith(body, { query });

describe('http', () => {
  const bench = httpBench();

  describe('time', () => {
    test('that runs out without an answer leaves it unknown, and frees the connection', async () => {
      bench.vendor.answering = () => undefined;
      const provider = bench.open({ ...bench.request({ timeout: '2s' }), concurrency: 1 });
      const sending = provider.send(outgoing());
      await bench.vendor.call(0);
      bench.tools.pass(1_999);
      bench.tools.pass(1);
      assert.deepEqual(await sending, { kind: 'unknown', reason: 'timeout' });
      bench.vendor.answering = json(200, {});
      assert.equal((await provider.send(outgoing())).kind, 'accepted');
    });

    test('is not extended by a body that trickles in', async () => {
      const trickle = Promise.withResolvers<void>();
      bench.vendor.answering = (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"id":');
        trickle.resolve();
      };
      const sending = bench.send({ ...bench.request({}), response: { accepted: 'body.id' } });
      await trickle.promise;
      await headersRead();
      bench.tools.pass(10_000);
      assert.deepEqual(await sending, { kind: 'unknown', reason: 'timeout' });
    });

    test('that runs out before a connection is free means that nothing was sent', async () => {
      bench.vendor.answering = () => undefined;
      const provider = bench.open({ ...bench.request({}), concurrency: 1 });
      const first = provider.send(outgoing());
      await bench.vendor.call(0);
      const second = provider.send(outgoing());
      bench.tools.pass(10_000);
      assert.deepEqual(await first, { kind: 'unknown', reason: 'timeout' });
      const detail = 'no connection within 10000 ms';
      assert.deepEqual(await second, { kind: 'rejected', reason: 'connection_failed', detail, retryable: true });
      bench.vendor.answering = json(200, {});
      assert.equal((await provider.send(outgoing())).kind, 'accepted');
      assert.equal(bench.vendor.calls.length, 2);
    });
  });

  test('a connection that is refused may be tried again', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const outcome = await bench.send({ request: { url: `http://127.0.0.1:${port}/` } });
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
    assert.match(outcome.detail!, /ECONNREFUSED/);
  });

  test('a certificate that does not fit is a connection that was not made', async () => {
    const server = createServer((socket) => socket.end('no tls here')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const outcome = await bench.send({
      request: { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` },
    });
    server.close();
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });

  test('connections are kept, and never more than allowed', async () => {
    const provider = bench.open({ ...bench.request({ json: {} }), concurrency: 4 });
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 20 }, () => provider.send(outgoing())));
    assert.equal(bench.vendor.calls.length, 100);
    assert(bench.vendor.connections <= 4);
  });

  test('after closing nothing is sent', async () => {
    const provider = bench.open(bench.request({}));
    await provider.close();
    const outcome = await provider.send(outgoing());
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });
});

/** Bytes that are in the socket are read by then. */
async function headersRead(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
