/** `carom batches`. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { play, stubServer } from './stage.ts';
import type { Got, Reply } from './stage.ts';

async function ask(args: string[], answer: (got: Got) => Reply, more: Parameters<typeof play>[1] = {}) {
  await using server = await stubServer(answer);
  const played = await play(['batches', ...args, '--url', server.url], more);
  return { ...played, requests: server.got.map(({ method, path }) => `${method} ${path}`) };
}

const batch = (changes: object = {}) => ({
  id: 'b1',
  state: 'running',
  campaignIds: ['~a', '~b'],
  mode: 'all',
  total: 200,
  createdAt: '2026-05-21T10:00:00.000Z',
  startAt: '2026-05-21T10:00:00.000Z',
  endedAt: null,
  counts: { total: 200, waiting: 100, running: 20, completed: 70, refused: 10, failed: 0 },
  recipients: [],
  next: null,
  ...changes,
});

const ENDED = { state: 'ended', endedAt: '2026-05-21T10:01:00.000Z', counts: { completed: 200 } };

test('the newest are listed', async () => {
  const { out, requests } = await ask([], () => ({ body: { data: [batch()], next: 'more' } }), { columns: 100 });
  assert.deepEqual(requests, ['GET /v1/batches?limit=20']);
  assert.equal(
    out,
    `id  state    recipients  campaigns  created                   ended
b1  running  200         ~a, ~b     2026-05-21T10:00:00.000Z
`,
  );
  assert.equal((await ask(['list'], () => ({ body: { data: [], next: null } }))).out, 'there are no batches\n');
});

test('one is shown with a bar and its recipients', async () => {
  const nobody = {
    index: 0,
    target: 'zoe',
    userId: null,
    state: 'refused',
    reason: 'unknown_user',
    transactionId: null,
  };
  const ana = { index: 1, target: 'ana', userId: 'ana', state: 'completed', reason: null, transactionId: 't1' };
  const body = batch({ recipients: [nobody, ana], next: '1' });
  const { out, requests } = await ask(['show', 'b1', '--state', 'refused', '--limit', '2'], () => ({ body }));
  assert.deepEqual(requests, ['GET /v1/batches/b1?state=refused&limit=2']);
  assert.equal(
    out,
    `batch b1 is running
${'█'.repeat(20)}${'░'.repeat(30)} 40 %  80 of 200
70 completed · 10 refused · 20 running · 100 waiting

#  target  user  state                  transaction
0  zoe           refused: unknown_user
1  ana     ana   completed              t1

… and more: --limit, --state, or GET /v1/batches/{id}?cursor=
`,
  );
});

test('--follow looks until the end; on a terminal the bar stays in its place', async () => {
  const views = () => [batch(), batch({ counts: { completed: 150, running: 50 } }), batch(ENDED)];
  let left = views();
  const played = await ask(['show', 'b1', '--follow'], () => ({ body: left.shift()! }), { isTty: true, rows: 24 });
  assert.equal(played.requests.length, 3);
  assert.equal(played.status, 0);
  assert.equal(played.out.split('\u001b[3A\u001b[J').length, 3);
  assert.match(played.out, /100 % {2}200 of 200/);
  left = views();
  const plain = await ask(['show', 'b1', '--follow'], () => ({ body: left.shift()! }));
  assert.equal(plain.out.match(/batch b1 is/g)?.length, 1);
  left = [batch({ ...ENDED, state: 'cancelled' })];
  assert.equal((await ask(['show', 'b1', '--follow'], () => ({ body: left.shift()! }))).status, 1);
});

for (const [verb, state] of [
  ['pause', 'paused'],
  ['resume', 'running'],
  ['cancel', 'cancelled'],
] as const) {
  test(`batches ${verb}`, async () => {
    const { out, requests } = await ask([verb, 'b/1'], () => ({ body: batch({ state }) }));
    assert.deepEqual(requests, [`POST /v1/batches/b%2F1/${verb}`]);
    assert.equal(out, `batch b/1 is ${state}\n`);
  });
}

test('a limit that is none is a fault of the command line', async () => {
  const { status, err } = await ask(['--limit', '1000'], () => ({}));
  assert.equal(status, 2);
  assert.match(err, /"1000" is no whole number from 1 to 200/);
});
