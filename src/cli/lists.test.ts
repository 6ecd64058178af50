/** `carom campaigns`, `carom providers`, `carom keys`. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { play, stubServer } from './stage.ts';
import type { Got, Reply } from './stage.ts';

async function ask(args: string[], answer: (got: Got) => Reply) {
  await using server = await stubServer(answer);
  const played = await play([...args, '--url', server.url]);
  return { ...played, got: server.got, requests: server.got.map(({ method, path }) => `${method} ${path}`) };
}

const campaign = (id: string, state: string) => ({
  id,
  name: `name of ${id}`,
  state,
  version: 3,
  channel: 'sms',
  providers: ['p', 'q'],
});

test('campaigns are listed page after page', async () => {
  const pages: Record<string, object> = {
    '/v1/campaigns?limit=200': { data: [campaign('~a', 'running')], next: 'c1' },
    '/v1/campaigns?limit=200&cursor=c1': { data: [campaign('~long-one', 'paused')], next: null },
  };
  const { out } = await ask(['campaigns'], ({ path }) => ({ body: pages[path] }));
  assert.equal(
    out,
    `id         state    version  channel  providers  name
~a         running  3        sms      p, q       name of ~a
~long-one  paused   3        sms      p, q       name of ~long-one
`,
  );
});

test('campaigns of several channels and stages show all of them', async () => {
  const { channel: _channel, providers: _providers, ...bare } = campaign('~a', 'running');
  const [sms, email] = [
    { channel: 'sms', provider: 'p' },
    { channel: 'email', providers: ['q', { id: 'r', weight: 2 }] },
  ];
  const data = [
    { ...bare, messages: [sms, email] },
    { ...bare, stages: [sms, { wait: '1h' }, { messages: [email, sms] }, { hook: {} }] },
  ];
  const { out } = await ask(['campaigns'], () => ({ body: { data, next: null } }));
  assert.deepEqual(out.match(/sms.* name/g), ['sms, email  p, q, r    name', 'sms, email  p, q, r    name']);
});

test('a list as JSON is a JSON list', async () => {
  const { out } = await ask(['campaigns', 'list', '--json'], () => ({
    body: { data: [campaign('~a', 'running')], next: null },
  }));
  assert.deepEqual(JSON.parse(out), [campaign('~a', 'running')]);
});

test('an empty list says how to fill it', async () => {
  const empty = () => ({ body: { data: [], next: null } });
  assert.equal((await ask(['campaigns'], empty)).out, 'there are no campaigns; apply a manifest\n');
  assert.equal((await ask(['providers'], empty)).out, 'there are no providers; apply a manifest\n');
  assert.equal((await ask(['keys'], empty)).out, 'there are no keys; make one with "carom keys create"\n');
});

for (const [verb, state] of [
  ['start', 'running'],
  ['pause', 'paused'],
  ['end', 'ended'],
] as const) {
  test(`campaigns ${verb}`, async () => {
    const { out, requests, got } = await ask(['campaigns', verb, '~a/b'], () => ({ body: campaign('~a/b', state) }));
    assert.deepEqual(requests, [`POST /v1/campaigns/~a%2Fb/${verb}`]);
    assert.equal(got[0]!.headers['content-type'], undefined);
    assert.equal(out, `campaign ~a/b is ${state}\n`);
  });
}

test('campaigns preview', async () => {
  const { out, got } = await ask(
    ['campaigns', 'preview', '~a', '--user', 'u', '--phone', '+49', '--token', 'x=1'],
    () => ({
      body: { body: 'Hi', html: null },
    }),
  );
  assert.deepEqual(got[0]!.body, { userId: 'u', phone: '+49', token: { x: '1' } });
  assert.equal(out, 'body: Hi\n');
});

test('campaigns preview shows each of several messages', async () => {
  const messages = [
    { stage: 0, channel: 'sms', body: 'Hi', html: null },
    { stage: 2, channel: 'email', body: 'Bye', html: '<p>Bye' },
  ];
  const { out } = await ask(['campaigns', 'preview', '~a'], () => ({
    body: { campaignId: '~a', version: 1, channel: 'sms', body: 'Hi', html: null, messages },
  }));
  assert.equal(
    out,
    `campaignId: ~a
version: 1
messages:
  - stage: 0
    channel: sms
    body: Hi
  - stage: 2
    channel: email
    body: Bye
    html: <p>Bye
`,
  );
});

test('campaigns show and providers show', async () => {
  const provider = { id: 'p', channel: 'sms', type: 'http', settings: { request: { url: 'http://x' } } };
  const { out, requests } = await ask(['providers', 'show', 'p'], () => ({ body: provider }));
  assert.deepEqual(requests, ['GET /v1/providers/p']);
  assert.equal(out, 'id: p\nchannel: sms\ntype: http\nsettings:\n  request:\n    url: http://x\n');
  assert.match(
    (await ask(['campaigns', 'show', '~a'], () => ({ body: campaign('~a', 'running') }))).out,
    /^id: ~a\nname: name of ~a\nstate: running\n/,
  );
});

test('providers', async () => {
  const provider = { id: 'p', channel: 'sms', type: 'http', receipts: 'callback' };
  const unused = { state: 'closed', calls: 0, successRate: null, latencyP95Ms: null };
  const failing = { state: 'open', calls: 40, successRate: 0.129, latencyP95Ms: 130.4 };
  const data = [
    { ...provider, health: unused },
    { ...provider, id: 'q', health: failing },
  ];
  const { out } = await ask(['providers', 'list'], () => ({ body: { data, next: null } }));
  assert.equal(
    out,
    `id  channel  type  receipts  health
p   sms      http  callback  closed
q   sms      http  callback  open, 12 % of 40 calls good, 95 % in 130 ms
`,
  );
});

test('keys: listed, created, removed', async () => {
  const key = { id: 'k1', hint: 'ck_ab…', scopes: ['trigger', 'read'] };
  assert.equal(
    (await ask(['keys'], () => ({ body: { data: [key], next: null } }))).out,
    'id  key     scopes\nk1  ck_ab…  trigger, read\n',
  );

  const created = await ask(['keys', 'create', '--scopes', 'trigger, read', '--name', 'shop'], () => ({
    status: 201,
    body: { ...key, key: 'ck_abcdef' },
  }));
  assert.deepEqual(created.got[0]!.body, { scopes: ['trigger', 'read'], name: 'shop' });
  assert.equal(created.out, 'ck_abcdef\n');
  assert.match(created.err, /key k1 may trigger, read; it is not shown again/);

  const removed = await ask(['keys', 'remove', 'k1'], () => ({ status: 204, body: '' }));
  assert.deepEqual(removed.requests, ['DELETE /v1/keys/k1']);
  assert.equal(removed.out, 'key k1 is removed\n');
});

test('limits say what is left of them, and when there will be more', async () => {
  const data = [
    { api: 'transaction', limit: '200/s', remaining: 187, retryAfter: 0 },
    { api: 'batches', limit: '10/h', remaining: 0, retryAfter: 340 },
    { api: 'users', limit: null, remaining: null, retryAfter: null },
  ];
  const { out, requests } = await ask(['limits'], () => ({ body: { data, next: null } }));
  assert.deepEqual(requests, ['GET /v1/limits?limit=200']);
  assert.equal(
    out,
    `api          limit  left  next
transaction  200/s  187
batches      10/h   0     in 340 s
users        none
`,
  );
});
