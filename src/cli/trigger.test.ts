import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { play, stubServer } from './stage.ts';
import type { Reply } from './stage.ts';

const ACCEPTED = {
  id: '019f3a1c-8a3f-7c1e-9d2a-3f0000000012',
  txnId: 'order 1',
  userId: 'u',
  mode: 'all',
  state: 'running',
  late: false,
  ttl: null,
  startAt: '2026-05-21T10:00:00.000Z',
  expiresAt: null,
  createdAt: '2026-05-21T10:00:00.000Z',
  endedAt: null,
  legs: [],
  timeline: [],
};
const ENDED = { ...ACCEPTED, state: 'succeeded', endedAt: '2026-05-21T10:00:00.100Z' };

test('every option has its place in the request', async () => {
  await using server = await stubServer(() => ({ status: 202, body: ACCEPTED }));
  const args = [
    '~a',
    '~b',
    '--user',
    'u',
    '--mode',
    'all',
    '--phone',
    '+49',
    '--email',
    'u@x',
    '--txn-id',
    't',
    '--ttl',
    '60',
  ];
  const more = [
    '--start-at',
    '2026-05-21T10:00:00Z',
    '--token-json',
    '{"a":{"b":1},"c":0}',
    '--token',
    'c=x=y',
    '--token',
    'd=',
  ];
  const { out, status } = await play([
    'trigger',
    ...args,
    ...more,
    '--param',
    'p=1',
    '--event',
    'E',
    '--skip-triggers',
    '--url',
    server.url,
  ]);
  assert.deepEqual(server.got[0]!.body, {
    campaignIds: ['~a', '~b'],
    mode: 'all',
    userId: 'u',
    txnId: 't',
    ttl: 60,
    startAt: '2026-05-21T10:00:00Z',
    token: { a: { b: 1 }, c: 'x=y', d: '' },
    params: { p: '1' },
    email: 'u@x',
    phone: '+49',
    track: { eventName: 'E' },
    skipTriggers: true,
  });
  assert.equal(`${server.got[0]!.method} ${server.got[0]!.path}`, 'POST /v1/transactions');
  assert.equal(out, 'id     019f3a1c-8a3f-7c1e-9d2a-3f0000000012\ntxnId  order 1\nstate  running\n');
  assert.equal(status, 0);
});

test('what is not said is not sent', async () => {
  await using server = await stubServer(() => ({ status: 202, body: ACCEPTED }));
  await play(['trigger', '~a', '--user', 'u', '--url', server.url]);
  const expected = { campaignIds: ['~a'], mode: 'fallback_on_delivery_failure', userId: 'u' };
  assert.deepEqual(server.got[0]!.body, expected);
});

test('a repeat says that it is one', async () => {
  await using server = await stubServer(() => ({
    status: 202,
    headers: { 'idempotent-replayed': 'true' },
    body: ACCEPTED,
  }));
  const { err, out } = await play(['trigger', '~a', '--user', 'u', '--json', '--url', server.url]);
  assert.match(err, /txnId order 1 was triggered before: nothing is sent again/);
  assert.deepEqual(JSON.parse(out), ACCEPTED);
});

test('a dry run shows what would be sent', async () => {
  const message = {
    channel: 'sms',
    provider: 'sms-demo',
    to: '+49',
    from: 'CAROM',
    body: 'Hi\nthere',
    html: null,
    txnId: 't',
  };
  const ready = { state: 'ready', reason: null, message };
  const skipped = { state: 'skipped', reason: 'no_address', message: null };
  const hook = { stage: 1, state: 'ready', reason: null, method: 'POST', url: 'https://crm.example/' };
  const staged = (stage: number, part: object) => ({ stage, channel: 'sms', ...part });
  const legs = [
    { position: 0, campaignId: '~a', version: 1, ...ready, messages: [staged(0, ready)], hooks: [] },
    { position: 1, campaignId: '~b', version: 1, ...skipped, messages: [staged(0, skipped)], hooks: [] },
    {
      position: 2,
      campaignId: '~c',
      version: 1,
      ...skipped,
      messages: [staged(0, skipped), staged(2, { ...ready, message: { ...message, from: null, body: 'Later' } })],
      hooks: [hook],
    },
  ];
  await using server = await stubServer(() => ({ body: { ...ACCEPTED, state: 'dry_run', legs } }));
  const { out } = await play(['trigger', '~a', '~b', '--user', 'u', '--dry-run', '--url', server.url]);
  assert.equal(server.got[0]!.path, '/v1/transactions?dryRun=true');
  assert.equal(
    out,
    `0 ~a  sms through sms-demo to +49
    from      CAROM
    body      Hi
              there
1 ~b  skipped: no_address
2 ~c
  stage 0 sms  skipped: no_address
  stage 1  hook: POST https://crm.example/
  stage 2  sms through sms-demo to +49
    body      Later
this was a dry run: nothing is sent
`,
  );
});

describe('--follow', () => {
  const answers =
    (...bodies: object[]) =>
    (): Reply => ({ body: bodies.length > 1 ? bodies.shift() : bodies[0] });

  test('draws it when it has ended', async () => {
    await using server = await stubServer(answers(ACCEPTED, ACCEPTED, ACCEPTED, ENDED));
    const { out, status, sleptMs } = await play(['trigger', '~a', '--user', 'u', '--follow', '--url', server.url]);
    assert.equal(server.got.length, 4);
    assert.equal(server.got[1]!.path, `/v1/transactions/${ACCEPTED.id}`);
    assert.equal(sleptMs, 100 + 130);
    assert.match(out, /^✓ succeeded after 100 ms\n/);
    assert.equal(status, 0);
  });

  test('on a terminal, over what was there before', async () => {
    await using server = await stubServer(answers(ACCEPTED, ACCEPTED, ENDED));
    const { out } = await play(['transaction', 'order 1', '--follow', '--url', server.url], {
      isTty: true,
      env: { NO_COLOR: '1' },
    });
    assert.equal(server.got[0]!.path, '/v1/transactions/order%201');
    const frames = out.split('\u001b[8A\u001b[J');
    assert.deepEqual(
      frames.map((frame) => frame.split('\n')[0]),
      ['▸ running for 500 ms', '▸ running for 500 ms', '✓ succeeded after 100 ms'].slice(0, frames.length),
    );
    assert.equal(frames.length, 3);
  });

  test('a chain that failed is a failure', async () => {
    await using server = await stubServer(answers({ ...ENDED, state: 'expired' }));
    const { status, err, out } = await play(['transaction', 'x', '--follow', '--url', server.url]);
    assert.equal(status, 1);
    assert.equal(err, 'error: the transaction ended expired\n');
    assert.match(out, /^✕ expired/);
  });

  test('without it, only what is there', async () => {
    await using server = await stubServer(answers({ ...ENDED, state: 'expired' }));
    assert.equal((await play(['transaction', 'x', '--url', server.url])).status, 0);
  });
});

test('colours on a terminal, unless NO_COLOR; ASCII where the locale is', async () => {
  await using server = await stubServer(() => ({ body: ENDED }));
  const args = ['transaction', 'x', '--url', server.url];
  // oxlint-disable-next-line no-control-regex -- colours are control characters
  const colours = /\u001b\[/;
  assert.match((await play(args, { isTty: true })).out, colours);
  assert.doesNotMatch((await play(args, { isTty: true, env: { NO_COLOR: '1' } })).out, colours);
  assert.doesNotMatch((await play(args)).out, colours);
  assert.match((await play(args, { env: { LANG: 'C' } })).out, /^\+ succeeded/);
  assert.match((await play(args, { env: { LANG: 'C', LC_ALL: 'de_DE.UTF-8' } })).out, /^✓ succeeded/);
});

test('a transaction is done again, under an id of one’s own, and the new one is shown', async () => {
  await using server = await stubServer(({ method }) =>
    method === 'POST' ? { status: 202, body: { ...ACCEPTED, id: 'new one' } } : { body: { ...ENDED, id: 'new one' } },
  );
  const args = ['transaction', 'order 1', '--replay', '--txn-id', 'again', '--json', '--url', server.url];
  assert.equal((await play(args)).status, 0);
  assert.deepEqual(
    server.got.map(({ method, path, body }) => [method, path, body]),
    [
      ['POST', '/v1/transactions/order%201/replay', { txnId: 'again' }],
      ['GET', '/v1/transactions/new%20one', null],
    ],
  );
  const alone = await play(['transaction', 'order 1', '--txn-id', 'again', '--url', server.url]);
  assert.equal(alone.status, 2);
  assert.match(alone.err, /--txn-id is for --replay/);
});
