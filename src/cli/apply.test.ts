import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test, { after, before, describe } from 'node:test';
import type { Got, Reply } from './stage.ts';
import { play, stubServer } from './stage.ts';

let folder = '';
before(async () => (folder = relative('.', await mkdtemp(join(tmpdir(), 'carom-apply-')))));
after(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string>): Promise<string> {
  const inside = await mkdtemp(join(folder, 'm '));
  for (const [name, text] of Object.entries(files)) await writeFile(join(inside, name), text);
  return inside;
}

const CHANGES = [
  { action: 'create', kind: 'campaign', id: '~order-sms', fields: [{ field: 'body', from: null, to: 'Hi' }] },
  {
    action: 'update',
    kind: 'campaign',
    id: '~otp',
    fields: [
      { field: 'body', from: 'Hi', to: 'Hello' },
      { field: 'ttl', from: null, to: 3 },
    ],
  },
  { action: 'remove', kind: 'provider', id: 'sms-old', fields: [] },
];

async function apply(args: string[], answer: (got: Got) => Reply, env: Record<string, string> = {}) {
  await using server = await stubServer(answer);
  const played = await play(['apply', ...args, '--url', server.url, '--key', 'k'], { env });
  return { ...played, got: server.got, requests: server.got.map(({ method, path }) => `${method} ${path}`) };
}

test('all are tried before any is applied', async () => {
  const dir = await write({
    'b.yml': 'account: b\nname: ${NAME}\n',
    'a.yaml': 'account: a\n---\naccount: c\n',
    'notes.md': '# no manifest',
  });
  const { got, requests, out, status } = await apply([dir], () => ({ body: { changes: CHANGES } }), { NAME: 'Bee' });
  const [dry, real] = ['PUT /v1/manifest?dryRun=true', 'PUT /v1/manifest'];
  assert.deepEqual(requests, [dry, dry, dry, real, real, real]);
  assert.deepEqual(
    got.slice(3).map(({ body }) => body),
    [{ account: 'a' }, { account: 'c' }, { account: 'b', name: 'Bee' }],
  );
  assert.equal(status, 0);
  assert.match(out, /9 changes applied\n$/);
});

test('a dry run says in words what would change', async () => {
  const dir = await write({ 'demo.yaml': 'account: demo\n' });
  const { out, requests } = await apply(['--dry-run', '--prune', join(dir, 'demo.yaml')], () => ({
    body: { changes: CHANGES },
  }));
  assert.deepEqual(requests, ['PUT /v1/manifest?dryRun=true&prune=true']);
  assert.equal(
    out,
    `account demo (${join(dir, 'demo.yaml')})
  + campaign ~order-sms
  ~ campaign ~otp
      body: "Hi" → "Hello"
      ttl: nothing → 3
  - provider sms-old
3 changes; this was a dry run, nothing was applied
`,
  );
});

test('nothing to change', async () => {
  const dir = await write({ 'demo.json': '{"account": "demo"}' });
  assert.match(
    (await apply([dir], () => ({ body: { changes: [] } }))).out,
    /nothing to change: all of it is so already\n$/,
  );
});

test('--json', async () => {
  const dir = await write({ 'demo.yaml': 'account: demo' });
  const { out } = await apply([dir, '--json'], () => ({ body: { changes: CHANGES } }));
  assert.deepEqual(JSON.parse(out), {
    dryRun: false,
    manifests: [{ account: 'demo', files: [join(dir, 'demo.yaml')], changes: CHANGES }],
  });
});

describe('documents about one account belong together', () => {
  test('in one request, with faults found in the right file', async () => {
    const dir = await write({
      '1.yaml': 'account: demo\nname: Demo\nproviders:\n  - { id: p1 }\n',
      '2.yaml': 'account: demo\nproviders:\n  - { id: p2 }\n  - { id: p3, type: odd }\ncampaigns: []\n',
    });
    const errors = [
      { path: ['providers', 2, 'type'], message: 'must be one of sandbox, http' },
      { path: ['providers', 0, 'channel'], message: 'is missing' },
      { path: ['name'], message: 'is too short' },
    ];
    const { got, err, status } = await apply([dir], () => ({ status: 400, body: { detail: 'no', errors } }));
    assert.equal(got.length, 1);
    assert.deepEqual(got[0]!.body, {
      account: 'demo',
      name: 'Demo',
      providers: [{ id: 'p1' }, { id: 'p2' }, { id: 'p3', type: 'odd' }],
      campaigns: [],
    });
    assert.equal(status, 1);
    assert.equal(
      err,
      `${dir}/1.yaml:2:7 name is too short
${dir}/1.yaml:4:5 providers[0].channel is missing
${dir}/2.yaml:4:21 providers[2].type must be one of sandbox, http
error: nothing was applied: the manifest has 3 faults
`,
    );
  });

  test('and must agree', async () => {
    const dir = await write({ '1.yaml': 'account: demo\nname: Demo\n', '2.yaml': 'name: Other\naccount: demo\n' });
    const { err, got } = await apply([dir], () => ({}));
    assert.equal(got.length, 0);
    assert.match(err, /2\.yaml:1:7 name differs from .*1\.yaml:2:7; say it once\n/);
  });
});

describe('nothing is applied', () => {
  test('when the server finds a fault in one of them', async () => {
    const dir = await write({ 'm.yaml': 'account: a\n---\naccount: b\nlimits:\n  transaction: fast\n' });
    const { requests, err } = await apply([dir], ({ body }) =>
      (body as { account: string }).account === 'a'
        ? { body: { changes: [] } }
        : {
            status: 400,
            body: { detail: 'no', errors: [{ path: ['limits', 'transaction'], message: 'must be a rate' }] },
          },
    );
    assert.equal(requests.filter((request) => !request.includes('dryRun')).length, 0);
    assert.match(
      err,
      /m\.yaml:5:16 limits\.transaction must be a rate\nerror: nothing was applied: the manifest has a fault\n$/,
    );
  });

  test('when files cannot be understood: all of their faults at once', async () => {
    const dir = await write({ 'a.yaml': 'account: [\n', 'b.yaml': 'account: ${WHO}\nname: ${NAME}\n' });
    const { err, got, status } = await apply([dir], () => ({}));
    assert.deepEqual({ requests: got.length, status }, { requests: 0, status: 1 });
    assert.match(
      err,
      /a\.yaml:\d:\d .*\n.*b\.yaml:1:10 \$\{WHO\} has no value.*\n.*b\.yaml:2:7 \$\{NAME\} has no value/,
    );
  });

  for (const [what, path, message] of [
    ['a file that is not there', 'nowhere.yaml', /nowhere\.yaml cannot be read: there is no such file or folder/],
    ['a folder without any', 'empty', /empty holds no \*\.yaml, \*\.yml or \*\.json/],
  ] as const) {
    test(what, async () => {
      await mkdir(join(folder, 'empty'), { recursive: true });
      const { err, status } = await apply([join(folder, path)], () => ({}));
      assert.equal(status, 1);
      assert.match(err, message);
    });
  }

  test('a server that goes away in the middle', async () => {
    const dir = await write({ 'm.yaml': 'account: a\n---\naccount: b\n' });
    let applied = 0;
    const { err } = await apply([dir], ({ path }) =>
      path.includes('dryRun') || applied++ === 0
        ? { body: { changes: [] } }
        : { status: 503, body: { detail: 'away' } },
    );
    assert.match(err, /away; applied before that: .*m\.yaml\. Apply all of it again/);
  });
});
