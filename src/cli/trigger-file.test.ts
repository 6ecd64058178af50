/** `carom trigger --file`. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { play, stubServer } from './stage.ts';
import type { Got, Reply } from './stage.ts';

const CSV = 'userId,phone\nana,+919876543210\nbob\n';
const ACCEPTED = { id: 'b1', state: 'running', campaignIds: ['~a'], mode: 'all', total: 2, badRows: 0 };
const REFUSED = { index: 1, target: 'bob', userId: null, state: 'refused', reason: 'bad_row', transactionId: null };
const BAD = { ...REFUSED, detail: 'line 3: it has 1 cell, the "header" has 2 columns' };

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carom-file-'));
  await writeFile(join(folder, 'users.csv'), CSV);
  await writeFile(join(folder, 'users.jsonl'), '{"userId": "ana"}\n');
  await writeFile(join(folder, 'users.txt'), CSV);
});
after(() => rm(folder, { recursive: true, force: true }));

async function send(args: string[], answer: (got: Got, calls: number) => Reply, more: Parameters<typeof play>[1] = {}) {
  let calls = 0;
  await using server = await stubServer((got) => answer(got, ++calls));
  const files = args.map((arg) => (/^(users|errors)\./.test(arg) ? join(folder, arg) : arg));
  const played = await play(['trigger', ...files, '--url', server.url], more);
  return { ...played, got: server.got };
}

const keyOf = ({ headers }: Got) => headers['idempotency-key'];

test('the file is the body, what all share is the query', async () => {
  const options = [
    '--ttl',
    '60',
    '--param',
    'a=1',
    '--param',
    'b=x y',
    '--target-by',
    'phone',
    '--unknown-users',
    'skip',
  ];
  const { got, out, status } = await send(
    [
      '~a',
      '--campaign',
      '~b',
      '--mode',
      'all',
      '--start-at',
      '2030-01-01T00:00:00Z',
      '--file',
      'users.csv',
      ...options,
    ],
    () => ({ status: 202, body: ACCEPTED }),
  );
  assert.equal(status, 0);
  assert.equal(out, 'batch       b1\nstate       running\nrecipients  2\n');
  const [{ method, path, headers, body }] = got as [Got];
  assert.deepEqual([method, headers['content-type'], body], ['POST', 'text/csv', CSV]);
  assert.deepEqual(Object.fromEntries(new URL(path, 'http://x').searchParams), {
    campaignIds: '~a,~b',
    mode: 'all',
    ttl: '60',
    startAt: '2030-01-01T00:00:00Z',
    params: '{"a":"1","b":"x y"}',
    targetBy: 'phone',
    unknownUsers: 'skip',
  });
  assert.match(String(keyOf(got[0]!)), /^file-[0-9a-f]{40}$/);
});

test('the key is that of file and options, unless one is given; NDJSON says so', async () => {
  const key = async (...args: string[]) => {
    const { got } = await send(['~a', '--file', ...args], () => ({ status: 202, body: ACCEPTED }));
    return [keyOf(got[0]!), got[0]!.headers['content-type']];
  };
  const [first, again] = [await key('users.csv'), await key('users.csv')];
  assert.deepEqual(first, again);
  assert.notEqual((await key('users.csv', '--param', 'a=1'))[0], first[0]);
  assert.notEqual((await key('users.jsonl'))[0], first[0]);
  assert.equal((await key('users.jsonl'))[1], 'application/x-ndjson');
  assert.equal((await key('users.csv', '--upload-key', 'spring'))[0], 'spring');
});

test('a repeat says that it is one, and is followed like a first one', async () => {
  const headers = { 'idempotent-replayed': 'true' };
  const counts = { completed: 2, refused: 0 };
  const ended = { ...ACCEPTED, state: 'ended', endedAt: 'now', counts, recipients: [], next: null };
  const { err, out, status } = await send(['~a', '--file', 'users.csv', '--follow', '--json'], ({ method }) =>
    method === 'POST' ? { status: 202, headers, body: ACCEPTED } : { body: ended },
  );
  assert.match(err, /this file was sent before, as batch b1: nothing is sent twice.* name it with --upload-key/);
  assert.deepEqual(JSON.parse(out), ended);
  assert.equal(status, 0);
});

test('bad rows are told of, and the exit status says that there are some', async () => {
  const { err, out, status, got } = await send(['~a', '--file', 'users.csv'], ({ method }) =>
    method === 'POST' ? { status: 202, body: { ...ACCEPTED, badRows: 1 } } : { body: { data: [BAD], next: null } },
  );
  assert.equal(got[1]!.path, '/v1/batches/b1/recipients?state=refused&limit=5');
  assert.equal(out, 'batch       b1\nstate       running\nrecipients  2, 1 of them refused\n');
  assert.equal(err, `  ${BAD.detail}\nerror: 1 of 2 recipients were refused; --errors FILE writes them down\n`);
  assert.equal(status, 1);
});

test('all who are refused are written down, page by page, also those of whom that is known only later', async () => {
  const ended = {
    ...ACCEPTED,
    badRows: 1,
    state: 'ended',
    endedAt: 'now',
    counts: { completed: 0, refused: 2 },
    recipients: [],
    next: null,
  };
  const unknown = { ...REFUSED, index: 0, target: 'ana, "A"', reason: 'unknown_user', detail: null };
  const { err, status } = await send(
    ['~a', '--file', 'users.csv', '--errors', 'errors.csv', '--follow'],
    ({ method, path }) => {
      if (method === 'POST') return { status: 202, body: { ...ACCEPTED, badRows: 1 } };
      if (!path.includes('/recipients')) return { body: ended };
      return { body: path.includes('cursor=0') ? { data: [BAD], next: null } : { data: [unknown], next: '0' } };
    },
  );
  assert.equal(status, 1);
  assert.match(err, /2 of 2 recipients were refused; see .*errors\.csv/);
  assert.equal(
    await readFile(join(folder, 'errors.csv'), 'utf8'),
    `index,target,reason,detail
0,"ana, ""A""",unknown_user,
1,bob,bad_row,"line 3: it has 1 cell, the ""header"" has 2 columns"
`,
  );
});

test('a file whose answer does not come is sent again under its key; one that is not wanted is not', async () => {
  const problem = { status: 503, body: { detail: 'this node is stopping' } };
  const stopping = await send(['~a', '--file', 'users.csv'], (_, calls) =>
    calls < 3 ? problem : { status: 202, body: ACCEPTED },
  );
  assert.deepEqual([stopping.status, stopping.got.length, stopping.sleptMs], [0, 3, 3_000]);
  assert.equal(new Set(stopping.got.map(keyOf)).size, 1);
  assert.match(stopping.err, /this node is stopping\nthe file is sent again \(2 of 4\)/);
  const gone = await send(['~a', '--file', 'users.csv'], () => problem);
  assert.deepEqual([gone.status, gone.got.length], [1, 4]);
  const refused = await send(['~a', '--file', 'users.csv'], () => ({
    status: 400,
    body: { detail: 'the file is not UTF-8' },
  }));
  assert.deepEqual([refused.status, refused.got.length, refused.err], [1, 1, 'error: the file is not UTF-8\n']);
});

test('on a terminal there is a bar while the file is sent', async () => {
  const { out } = await send(['~a', '--file', 'users.csv'], () => ({ status: 202, body: ACCEPTED }), { isTty: true });
  assert(
    out.startsWith(`\r\u001b[Kusers.csv ${'█'.repeat(30)} 100 %  0.0 of 0.0 MB\r\u001b[Kbatch`),
    JSON.stringify(out),
  );
});

test('a command line that cannot be meant is refused before anything is sent', async () => {
  const wrong: [args: string[], message: RegExp][] = [
    [['--file', 'users.csv'], /name at least one campaign/],
    [['~a'], /name the user with --user, or a file of recipients with --file/],
    [['~a', '--file', 'users.txt'], /ends in \.csv, \.ndjson, \.jsonl, unlike ".*users\.txt"/],
    [['~a', '--file', 'users.ndjson'], /the file ".*users\.ndjson" cannot be read: ENOENT/],
    [['~a', '--file', 'users.csv', '--user', 'u'], /--user is for one user; leave it out, or leave out --file/],
    [['~a', '--file', 'users.csv', '--txn-id', 'u'], /--txn-id is for one user/],
    [['~a', '--user', 'u', '--errors', 'errors.csv'], /--errors is for --file/],
    [['~a', '--user', 'u', '--target-by', 'email'], /--target-by is for --file/],
    [['~a', '--file', 'users.csv', '--target-by', 'shoe'], /Allowed choices are user_id, email/],
  ];
  for (const [args, message] of wrong) {
    const { err, status, got } = await send(args, () => ({}));
    assert.match(err, message);
    assert.deepEqual([status, got.length], [2, 0], args.join(' '));
  }
});
