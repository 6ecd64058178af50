import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { play, stubServer } from './stage.ts';

const LIST = { body: { data: [], next: null } };

describe('the key', () => {
  for (const [what, args, env, sent] of [
    ['--key first', ['--key', 'flag'], { CAROM_KEY: 'env', CAROM_ADMIN_KEY: 'admin' }, 'Bearer flag'],
    ['then CAROM_KEY', [], { CAROM_KEY: 'env', CAROM_ADMIN_KEY: 'admin' }, 'Bearer env'],
    ['then CAROM_ADMIN_KEY', [], { CAROM_ADMIN_KEY: 'admin' }, 'Bearer admin'],
    ['none', [], {}, undefined],
  ] as [string, string[], Record<string, string>, string | undefined][]) {
    test(what, async () => {
      await using server = await stubServer(() => LIST);
      await play(['campaigns', 'list', ...args], { env: { ...env, CAROM_URL: server.url } });
      assert.equal(server.got[0]!.headers['authorization'], sent);
    });
  }

  test('last the data directory’s admin.key', async () => {
    await using server = await stubServer(() => LIST);
    const dataDir = await mkdtemp(join(tmpdir(), 'carom cli '));
    await writeFile(join(dataDir, 'admin.key'), 'operator\n');
    await play(['campaigns', '--url', `${server.url}/`, '--data-dir', dataDir, '--account', 'demo']);
    await rm(dataDir, { recursive: true });
    const { headers, path } = server.got[0]!;
    assert.equal(headers['authorization'], 'Bearer operator');
    assert.equal(headers['carom-account'], 'demo');
    assert.equal(path, '/v1/campaigns?limit=200');
  });
});

describe('errors are a line with a remedy', () => {
  test('nobody there', async () => {
    const server = await stubServer(() => LIST);
    await server[Symbol.asyncDispose]();
    const { status, err } = await play(['campaigns', '--url', server.url]);
    assert.equal(status, 1);
    assert.equal(
      err,
      `error: no Carom answers at ${server.url} (ECONNREFUSED): start it with "npm start" or "carom start", or name it with --url\n`,
    );
  });

  for (const [what, reply, err] of [
    [
      'a problem',
      {
        status: 404,
        body: { title: 'There is no such thing', detail: 'there is no transaction with the id or txnId "x"' },
      },
      'error: there is no transaction with the id or txnId "x"\n',
    ],
    [
      'a problem with faults',
      {
        status: 400,
        body: {
          detail: 'userId must be string',
          errors: [
            { path: ['userId'], message: 'must be string' },
            { path: ['legs', 0, 'x'], message: 'is odd' },
          ],
        },
      },
      '  legs[0].x: is odd\nerror: userId must be string\n',
    ],
    [
      'a key that is not known',
      { status: 401, body: { detail: 'the API key is not valid' } },
      'error: the API key is not valid (the key came from --key)\n',
    ],
    [
      'an account that is to be named',
      { status: 400, body: { detail: 'name one in the header carom-account' } },
      'error: name one with --account\n',
    ],
    ['an error that is no problem', { status: 502, body: '<html>' }, 'error: the server answered 502\n'],
  ] as const) {
    test(what, async () => {
      await using server = await stubServer(() => reply);
      const played = await play(['transaction', 'x', '--url', server.url, '--key', 'k']);
      assert.deepEqual({ err: played.err, status: played.status, out: played.out }, { err, status: 1, out: '' });
    });
  }

  test('something that is not Carom', async () => {
    await using server = await stubServer(() => ({ body: '<html>' }));
    const { status, err } = await play(['transaction', 'x', '--url', server.url]);
    assert.equal(status, 1);
    assert.match(err, /does not speak JSON: is it Carom\?/);
  });

  test('a key that cannot be sent', async () => {
    const { status, err } = await play(['transaction', 'x', '--key', 'two words']);
    assert.equal(status, 2);
    assert.match(err, /the key from --key is empty or holds characters/);
  });
});
