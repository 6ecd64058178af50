/** What goes wrong between us and a vendor, and what it means for the message. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import test, { afterEach, beforeEach, describe } from 'node:test';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor } from '../../tests/support/http-vendor.ts';
import { START, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { connectVendor, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

const TIMEOUT_MS = 10_000;
const REQUEST = { method: 'POST', path: '/send?x=1', headers: {}, body: '{}' } as const;

describe('a call to a vendor', () => {
  let vendor: HttpVendor;
  let tools: TestTools;
  let judged: VendorAnswer[];
  const servers: Server[] = [];
  beforeEach(async () => {
    vendor = await startVendor();
    tools = testTools();
    judged = [];
  });
  afterEach(async () => {
    await vendor.close();
    for (const server of servers.splice(0)) server.close();
  });

  async function call(baseUrl = vendor.url): Promise<SendOutcome> {
    const connections = connectVendor(baseUrl, { connections: 2, timeoutMs: TIMEOUT_MS }, tools.clock);
    try {
      const judge = (answer: VendorAnswer): SendOutcome => {
        judged.push(answer);
        return { kind: 'accepted', ref: 'judged' };
      };
      return outcomeOfCall(await connections.call(REQUEST), judge, tools.clock);
    } finally {
      await connections.close();
    }
  }

  /** A vendor that speaks as it likes: bytes, not HTTP. */
  async function rawVendor(speak: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined); // whoever is cut off mid-sentence is told so
      speak(socket);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const notSent = (outcome: SendOutcome) =>
    outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable;

  test('goes below the base address, and its answer is the vendor’s file’s to judge', async () => {
    vendor.answering = json(418, { a: 1 }, { 'X-Thing': 'y' });
    await call(`${vendor.url}/v2`);
    assert.equal((await vendor.call(0)).url, '/v2/send?x=1');
    const [answer] = judged;
    assert.deepEqual([answer!.status, answer!.headers['x-thing'], answer!.json], [418, 'y', { a: 1 }]);
  });

  test('that is answered with HTML is judged without JSON, and a redirect is not followed', async () => {
    vendor.answering = (response) => response.writeHead(302, { location: '/elsewhere' }).end('<html>');
    await call();
    assert.deepEqual([judged[0]!.status, judged[0]!.json, judged[0]!.text], [302, undefined, '<html>']);
    assert.equal(vendor.calls.length, 1);
  });

  test('for which there is no connection was not sent', async () => {
    const refused = await rawVendor(() => undefined);
    servers[0]!.close();
    await once(servers[0]!, 'close');
    assert(notSent(await call(`http://${refused}`)));
    // A name that no name server can know.
    assert(notSent(await call(`http://${'a'.repeat(64)}.example`)));
    // Not the protocol it should be.
    assert(notSent(await call(`https://${await rawVendor((socket) => socket.end('no tls here'))}`)));
    assert.equal(judged.length, 0);
  });

  test('whose answer does not come, breaks off, or is no HTTP, may have been taken', async () => {
    const arrived = Promise.withResolvers<void>();
    const silent = await rawVendor((socket) => void socket.once('data', () => arrived.resolve()));
    const waiting = call(`http://${silent}`);
    await arrived.promise;
    tools.pass(TIMEOUT_MS);
    assert.deepEqual(await waiting, { kind: 'unknown', reason: 'timeout' });
    const broken = await rawVendor((socket) => void socket.once('data', () => socket.destroy()));
    assert.deepEqual(await call(`http://${broken}`), { kind: 'unknown', reason: 'connection_lost' });
    const strange = await rawVendor(
      (socket) => void socket.once('data', () => socket.end('220 smtp.example ESMTP\r\n')),
    );
    assert.deepEqual(await call(`http://${strange}`), { kind: 'unknown', reason: 'unreadable_answer' });
  });

  test('whose answer trickles in is not waited for longer', async () => {
    const begun = Promise.withResolvers<void>();
    const loris = await rawVendor((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
        begun.resolve();
      });
    });
    const waiting = call(`http://${loris}`);
    await begun.promise;
    tools.pass(TIMEOUT_MS);
    assert.deepEqual(await waiting, { kind: 'unknown', reason: 'timeout' });
  });

  test('whose answer is too long to read is believed in its status alone', async () => {
    const long =
      (status: number): Answering =>
      (response) =>
        response.writeHead(status).end('x'.repeat(70_000));
    vendor.answering = long(200);
    assert.deepEqual(await call(), { kind: 'unknown', reason: 'unreadable_answer' });
    vendor.answering = long(500);
    await call();
    assert.deepEqual([judged.length, judged[0]!.status], [1, 500]);
  });

  test('that is too many waits as long as the vendor says, within bounds', async () => {
    const cases: [string | null, number][] = [
      [null, 1_000],
      ['7', 7_000],
      ['0', 100],
      ['999999', 3_600_000],
      [new Date(START + 30_000).toUTCString(), 30_000],
      ['soon', 1_000],
    ];
    for (const [retryAfter, retryAfterMs] of cases) {
      vendor.answering = json(429, {}, retryAfter === null ? {} : { 'retry-after': retryAfter });
      assert.deepEqual(await call(), { kind: 'throttled', retryAfterMs });
    }
    assert.equal(judged.length, 0);
  });
});
