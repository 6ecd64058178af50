import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { play, stubServer } from './stage.ts';
import type { CliIo } from './io.ts';
import type { Reply } from './stage.ts';

let dataDir = '';
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'carom-doctor-'));
  await writeFile(join(dataDir, 'admin.key'), 'operator\n', { mode: 0o600 });
});
after(() => rm(dataDir, { recursive: true }));

const list = (...data: object[]): Reply => ({ body: { data, next: null } });
const reportsTo = (receiptUrl: string): Reply => ({ body: { id: 'p', receiptUrl } });

const HEALTHY: Record<string, Reply> = {
  '/healthz': { body: { status: 'alive', version: '1.2.3' } },
  '/readyz': { body: { status: 'ready' } },
  '/v1/accounts': list({ id: 'demo' }, { id: 'shop' }),
  '/v1/campaigns': list({ id: '~a', state: 'running' }, { id: '~b', state: 'paused' }),
  '/v1/providers': list(
    { id: 's', type: 'sandbox', receipts: 'callback' },
    { id: 'p', type: 'http', receipts: 'callback' },
  ),
  '/v1/providers/p': reportsTo('https://x.org/v1/receipts/p/s'),
};
const FORBIDDEN: Reply = { status: 403, body: { detail: 'the API key lacks the scope "admin"' } };

async function doctor(replies: Record<string, Reply> = {}, given: Partial<CliIo> = {}) {
  await using server = await stubServer(
    ({ path }) => ({ ...HEALTHY, ...replies })[path.split('?')[0]!] ?? { status: 404 },
  );
  return await play(['doctor', '--url', server.url, '--data-dir', dataDir], given);
}

test('all is well', async () => {
  const { out, status } = await doctor();
  assert.equal(status, 0, out);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('✓')),
    [],
  );
  assert.match(out, /✓ campaigns +2, of these 1 running\n/);
  assert.match(out, /✓ accounts +2 \(demo, shop\)\n/);
  assert.match(out, /✓ receipts +vendors report to https:\/\/x\.org\n/);
  assert.match(out, /✓ API key +accepted; the key came from .*admin\.key\n/);
});

describe('what is broken has a remedy, and status 1', () => {
  for (const [what, replies, given, finding] of [
    ['an old Node', {}, { nodeVersion: '20.1.0' }, /✕ Node +20\.1\.0 is older than 24\n +→ run "npm ci"/],
    [
      'no database',
      { '/readyz': { status: 503, body: { detail: 'the database cannot be reached' } } },
      {},
      /✕ database +the database cannot be reached\n +→ see that PostgreSQL runs/,
    ],
    [
      'a wrong key',
      { '/v1/campaigns': { status: 401, body: { detail: 'the API key is not valid' } } },
      {},
      /✕ API key +the API key is not valid .*\n +→ name a valid one/,
    ],
    [
      'an address that is none',
      { '/v1/providers/p': reportsTo('carom/v1') },
      {},
      /✕ receipts +vendors are given "carom\/v1", which is no address\n +→ start the server with CAROM_PUBLIC_URL/,
    ],
  ] as [string, Record<string, Reply>, Partial<CliIo>, RegExp][]) {
    test(what, async () => {
      const { out, err, status } = await doctor(replies, given);
      assert.match(out, finding);
      assert.equal(status, 1);
      assert.equal(err, 'error: 1 check failed\n');
    });
  }

  test('no server: what depends on it is not asked', async () => {
    const server = await stubServer(() => ({}));
    await server[Symbol.asyncDispose]();
    const { out, status } = await play(['doctor', '--url', server.url, '--data-dir', dataDir]);
    assert.match(out, /✕ server +no Carom answers at .*start it with "npm start"/);
    assert.doesNotMatch(out, /database/);
    assert.equal(status, 1);
  });

  test(
    'an operator’s key that others may read',
    { skip: process.platform === 'win32' && 'Windows has no such permissions' },
    async () => {
      await chmod(join(dataDir, 'admin.key'), 0o644);
      const { out, status } = await doctor();
      await chmod(join(dataDir, 'admin.key'), 0o600);
      assert.match(out, /✕ data directory .*may be read by others \(mode 644\)\n +→ chmod 600/);
      assert.equal(status, 1);
    },
  );

  test(
    'an embedded database’s key that others may read',
    { skip: process.platform === 'win32' && 'Windows has no such permissions' },
    async () => {
      const file = join(dataDir, 'secret.key');
      await writeFile(file, 'key\n', { mode: 0o640 });
      await chmod(file, 0o640);
      const { out, status } = await doctor();
      await chmod(file, 0o600);
      assert.match(out, /✕ data directory .*secret\.key may be read by others \(mode 640\)\n +→ chmod 600/);
      assert.equal(status, 1);
      assert.match((await doctor()).out, /admin\.key and secret\.key are private/);
      await rm(file);
    },
  );
});

describe('what is only doubtful is status 0', () => {
  for (const [what, replies, finding] of [
    [
      'receipts to this machine',
      { '/v1/providers/p': reportsTo('http://127.0.0.1:8080/v1/receipts/p/s') },
      /! receipts +vendors cannot call back to http:\/\/127\.0\.0\.1:8080 \(p\)\n +→ start the server with CAROM_PUBLIC_URL/,
    ],
    ['another version', { '/healthz': { body: { version: '9' } } }, /! server .*version 9; this command is 1\.2\.3\n/],
    ['no campaign', { '/v1/campaigns': list() }, /! campaigns +0, none running\n +→ apply a manifest/],
    ['no account', { '/v1/accounts': list() }, /! accounts +none\n +→ apply a manifest/],
    ['a key that may not see addresses', { '/v1/providers/p': FORBIDDEN }, /! receipts +the key may not see/],
    [
      'an account to be named',
      { '/v1/campaigns': { status: 400, body: { detail: 'name one in the header carom-account' } } },
      /! API key +accepted, but name one with --account\n/,
    ],
  ] as [string, Record<string, Reply>, RegExp][]) {
    test(what, async () => {
      const { out, status } = await doctor(replies);
      assert.match(out, finding);
      assert.equal(status, 0);
    });
  }

  test('the sandbox needs nobody to call back', async () => {
    const { out } = await doctor({ '/v1/providers': list({ id: 's', type: 'sandbox', receipts: 'callback' }) });
    assert.match(out, /✓ receipts +no provider outside reports to here\n/);
  });

  test('an account’s own key is not asked about others', async () => {
    const { out, status } = await doctor({ '/v1/accounts': FORBIDDEN });
    assert.doesNotMatch(out, /accounts/);
    assert.equal(status, 0);
  });
});
