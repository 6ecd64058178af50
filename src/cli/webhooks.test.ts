/** `carom webhooks`. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { play, stubServer } from './stage.ts';
import type { Got, Reply } from './stage.ts';

async function ask(args: string[], answer: (got: Got) => Reply) {
  await using server = await stubServer(answer);
  const played = await play(['webhooks', ...args, '--url', server.url]);
  return { ...played, got: server.got, requests: server.got.map(({ method, path }) => `${method} ${path}`) };
}

test('are listed, with the reason why one is disabled', async () => {
  const webhook = {
    id: 'crm',
    url: 'https://a.example/',
    events: ['message.sent'],
    format: 'cloudevents',
    enabled: true,
  };
  const data = [webhook, { ...webhook, id: 'old', enabled: false, disabledReason: 'it is gone' }];
  const { out } = await ask([], () => ({ body: { data, next: null } }));
  assert.match(out, /^id +state +format +url +events\ncrm +enabled .*\nold +disabled .*\nold: it is gone\n$/);
  assert.match((await ask([], () => ({ body: { data: [], next: null } }))).out, /there are no webhooks/);
});

test('the log of one is narrowed as asked for', async () => {
  const call = {
    id: 'i_sent',
    type: 'message.sent',
    state: 'failed',
    attempts: 11,
    status: 500,
    error: 'answered 500',
    at: 't',
  };
  const args = ['calls', 'crm', '--state', 'failed', '--limit', '5'];
  const { out, requests } = await ask(args, () => ({ body: { data: [call], next: null } }));
  assert.deepEqual(requests, ['GET /v1/webhooks/crm/calls?state=failed&limit=5']);
  assert.match(out, /failed +message.sent +11 +500 +answered 500 +i_sent/);
});

test('a test says what came back, and fails when it was not taken', async () => {
  const good = await ask(['test', 'crm'], () => ({ body: { delivered: true, status: 200, error: null, tookMs: 7 } }));
  assert.deepEqual([good.out, good.requests], ['answered 200 after 7 ms\n', ['POST /v1/webhooks/crm/test']]);
  const body = { delivered: false, status: null, error: 'no answer within 15 s', tookMs: 15_000 };
  const bad = await ask(['test', 'crm'], () => ({ body }));
  assert.deepEqual([bad.status, bad.out], [1, 'failed after 15000 ms: no answer within 15 s\n']);
});

test('one call, or those of a time, are made again; nothing or both is a mistake', async () => {
  const one = await ask(['replay', 'crm', 'i_sent'], () => ({ status: 202, body: {} }));
  assert.deepEqual(one.requests, ['POST /v1/webhooks/crm/calls/i_sent/replay']);
  const since = '2026-05-21T10:00:00Z';
  const many = await ask(['replay', 'crm', '--since', since], () => ({ status: 202, body: { replayed: 3 } }));
  assert.deepEqual([many.out, many.requests], ['3 calls are made again\n', ['POST /v1/webhooks/crm/replay']]);
  for (const args of [[], ['i_sent', '--since', since]]) {
    assert.equal((await ask(['replay', 'crm', ...args], () => ({ body: {} }))).status, 2);
  }
});
