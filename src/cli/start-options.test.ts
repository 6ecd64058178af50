import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { play } from './stage.ts';
import type { MigrateOptions, StartOptions } from './start-options.ts';

async function startWith(args: string[], env: Record<string, string> = {}) {
  let options: StartOptions | null = null;
  const played = await play(['start', ...args], {
    env: { CAROM_DATA_DIR: undefined, ...env },
    start: async (given: StartOptions) => void (options = given),
  });
  return { ...played, options: options as StartOptions | null };
}

const DEFAULTS: StartOptions = {
  port: 8080,
  host: '127.0.0.1',
  dataDir: './.carom',
  databaseUrl: null,
  publicUrl: null,
  demo: false,
  role: 'all',
  smtp: null,
};
const ENVIRONMENT = {
  PORT: '9000',
  HOST: '0.0.0.0',
  CAROM_DATA_DIR: '/var/lib/carom',
  DATABASE_URL: 'postgres://db/carom',
  CAROM_PUBLIC_URL: 'https://carom.example.com/',
  CAROM_ROLE: 'worker',
  CAROM_SMTP_PORT: '2525',
  CAROM_SMTP_CERT: 'c.pem',
  CAROM_SMTP_KEY: 'k.pem',
};

test('nothing said: the defaults', async () => {
  assert.deepEqual((await startWith([])).options, DEFAULTS);
  const empty = Object.fromEntries(Object.keys(ENVIRONMENT).map((name) => [name, '']));
  assert.deepEqual((await startWith([], empty)).options, DEFAULTS);
});

test('the environment says it', async () => {
  assert.deepEqual((await startWith([], ENVIRONMENT)).options, {
    port: 9000,
    host: '0.0.0.0',
    dataDir: '/var/lib/carom',
    databaseUrl: 'postgres://db/carom',
    publicUrl: 'https://carom.example.com',
    demo: false,
    role: 'worker',
    smtp: { port: 2525, tlsFiles: { cert: 'c.pem', key: 'k.pem' } },
  });
});

test('flags win over the environment', async () => {
  const flags = ['--port', '1', '--host', '::1', '--data-dir', 'd', '--database-url', 'postgresql://other/carom'];
  const { options } = await startWith(
    [...flags, '--public-url=http://x', '--demo', '--role', 'all', '--smtp-port', '26'],
    ENVIRONMENT,
  );
  assert.deepEqual(options, {
    port: 1,
    host: '::1',
    dataDir: 'd',
    databaseUrl: 'postgresql://other/carom',
    publicUrl: 'http://x',
    demo: true,
    role: 'all',
    smtp: { port: 26, tlsFiles: { cert: 'c.pem', key: 'k.pem' } },
  });
});

describe('what cannot be is refused with status 2, and nothing starts', () => {
  for (const [args, env, message] of [
    [['--port', '65536'], {}, /--port \(or PORT\) must be a whole number from 0 to 65535, not "65536"/],
    [['--port', '80a'], {}, /not "80a"/],
    [['--port=-1'], {}, /not "-1"/],
    [[], { PORT: 'http' }, /not "http"/],
    [['--role', 'boss'], {}, /must be one of all, api, worker, not "boss"/],
    [['--database-url', 'mysql://u:secret@db'], {}, /must begin with postgres:\/\/\n/],
    [['--public-url', 'carom.example.com'], {}, /must be an address such as/],
    [['--smtp-port', 'x'], {}, /--smtp-port \(or CAROM_SMTP_PORT\) must be a whole number/],
    [['--smtp-port', '25', '--smtp-cert', 'c.pem'], {}, /go together/],
    [['--smtp-port', '25', '--role', 'api'], {}, /needs --role all or worker/],
    [['--colour'], {}, /unknown option '--colour'/],
    [['now'], {}, /too many arguments/],
  ] as [string[], Record<string, string>, RegExp][]) {
    test([...args, ...Object.values(env)].join(' '), async () => {
      const { options, status, err } = await startWith(args, env);
      assert.deepEqual({ options, status }, { options: null, status: 2 });
      assert.match(err, message);
    });
  }
});

test('migrate is told where the database is', async () => {
  let options: MigrateOptions | null = null;
  const migrate = async (given: MigrateOptions) => void (options = given);
  const { status } = await play(['migrate', '--data-dir', 'd'], { migrate, env: { DATABASE_URL: 'postgres://db/x' } });
  assert.deepEqual({ status, options }, { status: 0, options: { dataDir: 'd', databaseUrl: 'postgres://db/x' } });
});
