import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#postgres/embedded.ts';
import { EmbeddedPostgresError } from '#postgres/embedded-run-as.ts';

const SIGNAL_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
const options = { timeout: 60_000 };
const isRoot = process.getuid?.() === 0;
const module = new URL('../../src/postgres/embedded.ts', import.meta.url).href;

let root = '';
/** A stopped cluster with one table; copying it is faster than making another. */
let used = '';

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'carom-embedded-'));
  used = join(root, 'used');
  const postgres = await startEmbeddedPostgres({ dataDir: used, log: () => undefined });
  await query(postgres, 'create table kept as select 42 as answer');
  await postgres.stop();
});
after(() => rm(root, { recursive: true, force: true }));

test('makes a database on the first start, and keeps it over a restart', options, async (t) => {
  const dataDir = join(root, 'first', 'below');
  const first = await start(t, dataDir);
  await query(first, 'create table kept as select 42 as answer');
  await first.stop();
  const second = await start(t, dataDir);
  assert.deepEqual(await query(second, 'select answer from kept'), [{ answer: 42 }]);
});

test('opens no TCP port, and lets only its own user in', options, async (t) => {
  const postgres = await start(t, await copyOfUsed('socket'));
  assert.deepEqual(await query(postgres, 'show listen_addresses'), [{ listen_addresses: '' }]);
  assert.equal((await stat(postgres.connection.host)).mode & 0o777, 0o700);
  assert.ok((await stat(join(postgres.connection.host, `.s.PGSQL.${postgres.connection.port}`))).isSocket());
  assert.deepEqual(await query(postgres, 'show fsync'), [{ fsync: 'on' }]);
});

test('lives in a path with spaces, quotes and commas', options, async (t) => {
  const postgres = await start(t, await copyOfUsed(`a path, with "quotes" & 'spaces' é`));
  assert.deepEqual(await query(postgres, 'select answer from kept'), [{ answer: 42 }]);
});

test('lives in a path too long for a socket', options, async (t) => {
  const dataDir = await copyOfUsed(join('long'.repeat(30), 'longer'.repeat(30)));
  const first = await start(t, dataDir);
  const { host } = first.connection;
  t.after(() => rm(host, { recursive: true, force: true }));
  assert.ok(!host.startsWith(dataDir) && (await stat(host)).isDirectory());
  assert.equal((await stat(host)).mode & 0o777, 0o700);
  await first.stop();
  assert.equal((await start(t, dataDir)).connection.host, host);
});

test('refuses a socket directory that others may enter', options, async (t) => {
  const dataDir = await copyOfUsed('trap'.repeat(30));
  const first = await start(t, dataDir);
  await first.stop();
  t.after(() => rm(first.connection.host, { recursive: true, force: true }));
  await chmod(first.connection.host, 0o755);
  await assert.rejects(start(t, dataDir), isRefusal(/not a private directory of ours; remove it/));
});

test('takes over the server of a killed Carom, and still stops it', options, async (t) => {
  const dataDir = await copyOfUsed('orphan');
  const owner = await startInChild(t, dataDir);
  const pid = await serverPid(dataDir);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  const lines: string[] = [];
  const postgres = await start(t, dataDir, lines);
  assert.equal(await serverPid(dataDir), pid);
  assert.match(lines.join('\n'), /was running, taken over \(process \d+\)/);
  await postgres.stop();
  assert.equal(await answers(postgres), false);
  assert.equal(await serverPid(dataDir), 0);
});

test('starts at once after Carom and PostgreSQL were both killed', options, async (t) => {
  const dataDir = await copyOfUsed('both');
  const owner = await startInChild(t, dataDir);
  process.kill(await serverPid(dataDir), 'SIGKILL');
  owner.kill('SIGKILL');
  const postgres = await start(t, dataDir);
  assert.deepEqual(await query(postgres, 'select answer from kept'), [{ answer: 42 }]);
});

test('refuses a data directory that a living Carom uses, and names it', options, async (t) => {
  const dataDir = await copyOfUsed('shared');
  const owner = await startInChild(t, dataDir);
  const expected = `in use by Carom \\(process ${owner.pid}\\); stop it, or choose another with --data-dir`;
  await assert.rejects(start(t, dataDir), isRefusal(new RegExp(expected)));
  owner.kill('SIGTERM');
  await once(owner, 'exit');
  await start(t, dataDir);
});

test('lets one of two first starts at the same moment win', options, async (t) => {
  const dataDir = join(root, 'race');
  const starts = await Promise.allSettled([startInChild(t, dataDir), startInChild(t, dataDir)]);
  assert.deepEqual(starts.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  const loser = starts.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  assert.match(String(loser.reason), /is in use by Carom \(process \d+\)/);
});

test('brings PostgreSQL back when it is killed, started by us or taken over', options, async (t) => {
  const dataDir = await copyOfUsed('killed');
  const owner = await startInChild(t, dataDir);
  owner.kill('SIGKILL');
  const postgres = await start(t, dataDir);
  for (const _ of ['taken over', 'started by us']) {
    const pid = await serverPid(dataDir);
    process.kill(pid, 'SIGKILL');
    await until('another server', async () => (await serverPid(dataDir)) !== pid && (await answers(postgres)));
  }
  await postgres.stop();
  assert.equal(await answers(postgres), false);
});

test('takes its lock again when only the connection breaks', options, async (t) => {
  const dataDir = await copyOfUsed('lock');
  const postgres = await start(t, dataDir);
  const holder = `select pid from pg_locks where locktype = 'advisory' and granted`;
  const [{ pid } = { pid: 0 }] = await query(postgres, holder);
  await query(postgres, `select pg_terminate_backend(${Number(pid)})`);
  await until('a new lock', async () => (await query(postgres, holder)).some((row) => row.pid !== pid));
});

test('starts although a stale postmaster.pid names a living process', options, async (t) => {
  const dataDir = await copyOfUsed('reused');
  const stale = `${process.pid}\n${dataDir}/postgres\n1700000000\n5432\n${dataDir}/postgres\n\n  1234567  7654321\nready   \n`;
  await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), stale);
  await writeFile(join(dataDir, 'postgres', '.s.PGSQL.5432.lock'), stale);
  assert.equal(await answers(await start(t, dataDir)), true);
});

test('removes what a killed first start left', options, async (t) => {
  const dataDir = join(root, 'half');
  const gone = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(gone, 'exit');
  const draft = join(dataDir, `postgres.new-${gone.pid}`);
  await mkdir(join(draft, 'base'), { recursive: true });
  await mkdir(join(dataDir, 'postgres'));
  assert.equal(await answers(await start(t, dataDir)), true);
  await assert.rejects(stat(draft), { code: 'ENOENT' });
});

test(
  'refuses the directory of another PostgreSQL version, a stranger, and a place it cannot write',
  options,
  async (t) => {
    const dataDir = await copyOfUsed('version');
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '16\n');
    await assert.rejects(
      start(t, dataDir),
      isRefusal(/made by PostgreSQL 16, and this Carom brings PostgreSQL 18; .*--data-dir/),
    );
    await rm(join(dataDir, 'postgres', 'PG_VERSION'));
    await assert.rejects(start(t, dataDir), isRefusal(/holds something that is not PostgreSQL's; move it away/));
    await assert.rejects(
      start(t, join(dataDir, 'postgres.log')),
      isRefusal(/cannot be written; make it writable, or choose/),
    );
  },
);

test('says at once, with the end of the log, why PostgreSQL does not start', options, async (t) => {
  const dataDir = await copyOfUsed('broken');
  await writeFile(join(dataDir, 'postgres', 'postgresql.auto.conf'), `shared_preload_libraries = 'nonsense'\n`);
  await assert.rejects(start(t, dataDir), isRefusal(/does not start .*postgres\.log, which ends:\n.*"nonsense"/s));
});

const rootOnly = isRoot ? options : { ...options, skip: 'only root has to be somebody else to run PostgreSQL' };

test('serves root where user namespaces are refused, below a private directory too', rootOnly, async (t) => {
  const refusing = join(root, 'refusing');
  await mkdir(refusing);
  await writeFile(join(refusing, 'unshare'), '#!/bin/sh\necho "unshare: Operation not permitted" >&2; exit 1\n', {
    mode: 0o755,
  });
  const path = `${refusing}:${process.env['PATH']}`;
  const fresh = join(root, 'no-namespace');
  const child = await startInChild(t, fresh, { PATH: path });
  assert.notEqual((await stat(join(fresh, 'postgres'))).uid, 0);
  child.kill('SIGTERM');
  await once(child, 'exit');
  // Made in a namespace as root, then served without one; and with namespaces again, as the owner it has by now.
  const moved = await copyOfUsed('moved');
  const mover = await startInChild(t, moved, { PATH: path });
  mover.kill('SIGTERM');
  await once(mover, 'exit');
  const postgres = await start(t, moved);
  assert.deepEqual(await query(postgres, 'select answer from kept'), [{ answer: 42 }]);
});

test('says what to do where nobody can run PostgreSQL', rootOnly, async (t) => {
  const child = startInChild(t, join(root, 'nobody'), { PATH: join(root, 'nowhere') });
  await assert.rejects(child, /cannot run as user 0.*run Carom as an ordinary user, or set DATABASE_URL/s);
});

async function start(t: TestContext, dataDir: string, lines: string[] = []): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: (line) => lines.push(line) });
  t.after(() => postgres.stop());
  return postgres;
}

async function copyOfUsed(name: string): Promise<string> {
  const dataDir = join(root, name);
  await mkdir(dataDir, { recursive: true });
  await cp(used, dataDir, { recursive: true });
  return dataDir;
}

/** A Carom of its own process; resolves when it serves, rejects with what it said instead. SIGTERM stops it in order. */
async function startInChild(t: TestContext, dataDir: string, env: Record<string, string> = {}): Promise<ChildProcess> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    try {
      const postgres = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log: () => undefined });
      process.once('SIGTERM', () => postgres.stop());
      console.log('serving');
    } catch (error) {
      console.log(String(error));
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  for await (const line of createInterface(child.stdout)) {
    if (line === 'serving') return child;
    throw new Error(line);
  }
  throw new Error('the child ended without a word');
}

async function query(postgres: EmbeddedPostgres, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ ...postgres.connection, connectionTimeoutMillis: SIGNAL_TIMEOUT_MS });
  // A server that dies under us shows in the query.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** False while nobody listens, or the server is not ready. */
async function answers(postgres: EmbeddedPostgres): Promise<boolean> {
  try {
    await query(postgres, 'select 1');
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P03', '57P02', '57P01'].includes(code)) return false;
    throw error;
  }
}

async function serverPid(dataDir: string): Promise<number> {
  try {
    return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + SIGNAL_TIMEOUT_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `waited ${SIGNAL_TIMEOUT_MS} ms for ${what}`);
    await delay(POLL_MS);
  }
}

function isRefusal(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EmbeddedPostgresError, String(error));
    assert.match(error.message, message);
    return true;
  };
}
