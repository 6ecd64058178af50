import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook as Oracle } from 'standardwebhooks';
import type { Clock } from '#ports/clock.ts';
import type { OutgoingCall, WebhookSender } from '#ports/webhook-sender.ts';
import { freePort } from '../../tests/support/carom.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { HttpVendor } from '../../tests/support/http-vendor.ts';
import { webhookSender } from './webhook-sender.ts';

const TIMEOUT_MS = 1_000;
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const clock: Clock = {
  now: Date.now,
  at: (instant, callback) => {
    const timer = setTimeout(callback, Math.max(0, instant - Date.now()));
    return () => clearTimeout(timer);
  },
};

let vendor: HttpVendor;
let sender: WebhookSender;
before(async () => {
  vendor = await startVendor();
  sender = webhookSender(clock, 'Carom/test', TIMEOUT_MS);
});
beforeEach(() => {
  vendor.calls.length = 0;
  vendor.answering = json(200, {});
});
after(async () => {
  await vendor.close();
  await sender.close();
});

function call(changes: Partial<OutgoingCall> = {}): OutgoingCall {
  return {
    url: `${vendor.url}/hook?a=b`,
    id: 'id-1_sent',
    format: 'cloudevents',
    body: '{"text":"é 👍"}',
    auth: { type: 'standard', secret: SECRET },
    allowPrivate: true,
    ...changes,
  };
}

test('a call is signed so that the reference implementation verifies it, for the moment of its making', async () => {
  const now = Date.now();
  assert.deepEqual(await sender.send(call(), now), { kind: 'delivered', status: 200 });
  const [{ method, url, headers, body }] = vendor.calls as [(typeof vendor.calls)[number]];
  assert.deepEqual([method, url, body], ['POST', '/hook?a=b', call().body]);
  assert.deepEqual(
    [headers['webhook-id'], headers['webhook-timestamp']],
    ['id-1_sent', String(Math.floor(now / 1_000))],
  );
  new Oracle(SECRET).verify(body, headers as Record<string, string>);
  const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
  assert.throws(() => new Oracle(other).verify(body, headers as Record<string, string>));
});

test('what is answered is data: 2xx delivers, 410 is gone, all else failed', async () => {
  const answers: [status: number, kind: string][] = [
    [201, 'delivered'],
    [204, 'delivered'],
    [301, 'failed'],
    [400, 'failed'],
    [410, 'gone'],
    [500, 'failed'],
  ];
  for (const [status, kind] of answers) {
    vendor.answering = (response) => response.writeHead(status, { location: '/' }).end();
    const outcome = await sender.send(call(), Date.now());
    assert.deepEqual([outcome.kind, outcome.status], [kind, status]);
  }
  assert.equal(vendor.calls.length, answers.length);
});

test('Retry-After is understood as seconds and as a date', async () => {
  vendor.answering = json(429, {}, { 'retry-after': '7' });
  const inSeconds = await sender.send(call(), Date.now());
  assert.equal(inSeconds.kind === 'failed' && inSeconds.retryAfterMs, 7_000);
  vendor.answering = json(503, {}, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
  const asDate = await sender.send(call(), Date.now());
  assert.ok(asDate.kind === 'failed' && Math.abs(asDate.retryAfterMs! - 60_000) < 3_000);
});

test('a receiver that hangs, hangs up, is not there, or does not stop talking costs no more than its time', async () => {
  vendor.answering = () => undefined;
  const hung = await sender.send(call(), Date.now());
  assert.deepEqual(hung, { kind: 'failed', status: null, error: 'no answer within 1 s', retryAfterMs: null });
  vendor.answering = (response) => void response.socket!.destroy();
  assert.equal((await sender.send(call(), Date.now())).kind, 'failed');
  const absent = await sender.send(call({ url: `http://127.0.0.1:${await freePort()}/` }), Date.now());
  assert.ok(absent.kind === 'failed' && /ECONNREFUSED/.test(absent.error), JSON.stringify(absent));
  vendor.answering = (response) => {
    response.writeHead(500);
    response.write('x'.repeat(100_000));
  };
  const endless = await sender.send(call(), Date.now());
  assert.ok(endless.kind === 'failed' && endless.status === 500 && endless.error.length < 300);
  vendor.answering = (response) => void response.writeHead(200).write('a');
  assert.deepEqual(await sender.send(call(), Date.now()), { kind: 'delivered', status: 200 });
});

test('connections are used again', async () => {
  const fresh = webhookSender(clock, 'Carom/test');
  const before = vendor.connections;
  for (let n = 0; n < 5; n++) {
    await fresh.send(call(), Date.now());
    await sleep(1);
  }
  await fresh.close();
  assert.equal(vendor.connections, before + 1);
});

test('private addresses are refused, and what is no address for a webhook is told so', async () => {
  const refused = await sender.send(call({ allowPrivate: false }), Date.now());
  assert.ok(refused.kind === 'failed' && /private network/.test(refused.error));
  assert.equal(vendor.calls.length, 0);
  assert.equal(sender.faultOf('https://shop.example/a?b=c', false), null);
  assert.equal(sender.faultOf('http://127.0.0.1/', true), null);
  for (const url of [
    'nothing',
    'ftp://a.example',
    'https://u:p@a.example',
    'https://a.example/#x',
    'http://127.0.0.1/',
  ]) {
    assert.ok(sender.faultOf(url, false), url);
  }
  assert.match(sender.faultOf(`https://a.example/${'a'.repeat(2_000)}`, false)!, /at most 2000/);
});
