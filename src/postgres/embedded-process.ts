/** The process that serves the embedded PostgreSQL's data directory: started, found, ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AS_OURSELVES,
  type Binaries,
  chooseRunAs,
  EmbeddedPostgresError,
  hasCode,
  run,
  SERVER_ENVIRONMENT,
} from './embedded-run-as.ts';

/** Part of the socket's name; no TCP port is opened. */
export const PORT = 5432;
const CHOWN_TIMEOUT_MS = 120_000;
const PS_TIMEOUT_MS = 5_000;
/** Signals, and how long they have. Fast shutdown first; then, also for a server that somebody suspended, the immediate one. */
const SHUTDOWNS = [
  [['SIGINT'], 10_000],
  [['SIGQUIT', 'SIGCONT'], 5_000],
] as const;
const POLL_MS = 10;
const EXEC_LOOKS_MAX = 5;
const LOG_MAX_BYTES = 10_000_000;

/** Given on the command line, so that a newer Carom's choice reaches existing data directories too. */
const SETTINGS = {
  listen_addresses: '',
  port: PORT,
  unix_socket_permissions: '0700',
  cluster_name: 'carom',
  max_connections: 60,
  shared_buffers: '128MB',
  fsync: 'on',
  wal_compression: 'on',
  max_wal_size: '1GB',
  checkpoint_timeout: '15min',
  jit: 'off',
  autovacuum: 'on',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
} as const;

/** Where things are: absolute, symbolic links resolved. */
export interface Cluster {
  dataDir: string;
  dir: string;
  logFile: string;
}

/**
 * Starts the server in a session of its own, so that a Ctrl-C meant for Carom leaves it serving until Carom has drained.
 * Gives its process id; whether it comes up shows in the log file and by connecting.
 */
export async function spawnServer(cluster: Cluster, binaries: Binaries, socketDir: string): Promise<number> {
  const runAs = await chooseRunAs(cluster.dataDir, cluster.dir, binaries);
  if (runAs.owner) await giveTo(runAs.owner, [cluster.dir, socketDir]);
  await forgetStranger(cluster, socketDir);
  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"` });
  const args = ['-D', cluster.dir, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const [command = '', ...rest] = [...runAs.prefix, binaries.postgres, ...args];
  if (existsSync(cluster.logFile) && (await stat(cluster.logFile)).size > LOG_MAX_BYTES) {
    await rename(cluster.logFile, `${cluster.logFile}.1`);
  }
  const log = await open(cluster.logFile, 'a', 0o600);
  try {
    const child = spawn(command, rest, {
      ...runAs.spawnAs,
      cwd: '/',
      env: SERVER_ENVIRONMENT,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await once(child, 'spawn');
    child.unref();
    return child.pid ?? 0;
  } finally {
    await log.close();
  }
}

async function giveTo({ uid, gid }: { uid: number; gid: number }, directories: string[]): Promise<void> {
  for (const directory of directories) {
    if ((await stat(directory)).uid === uid) continue;
    await run(AS_OURSELVES, 'chown', ['-R', `${uid}:${gid}`, directory], CHOWN_TIMEOUT_MS);
  }
}

/** The server at work on the cluster, as `postmaster.pid` tells; null when that file is left from before a crash. */
export async function findServer({ dir }: Cluster): Promise<{ pid: number; socketDir: string } | null> {
  const file = join(dir, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const [pid, , , , socketDir = ''] = (await readFile(file, 'utf8')).split('\n');
  return (await isServing(Number(pid), dir)) ? { pid: Number(pid), socketDir } : null;
}

/** Whether process `pid` lives and is a server on `dir`, and not something that was given the number later. */
export async function isServing(pid: number, dir: string): Promise<boolean> {
  if (pid <= 0 || !isTaken(pid)) return false;
  try {
    if (process.platform !== 'linux') {
      return (await run(AS_OURSELVES, 'ps', ['-ww', '-o', 'command=', '-p', String(pid)], PS_TIMEOUT_MS)).includes(dir);
    }
    // A process in the middle of its exec shows no command line for an instant; the dead and the kernel's own never have one.
    for (let looks = 0; looks < EXEC_LOOKS_MAX; looks++) {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      if (commandLine !== '') return commandLine.split('\0').includes(dir);
      await delay(POLL_MS);
    }
    return false;
  } catch (error) {
    // It ended while we looked: /proc has no such entry, `ps` exits with 1.
    if (hasCode(error, 'ENOENT', 'ESRCH', '1')) return false;
    throw error;
  }
}

/** PostgreSQL refuses to start while the number in a stale `postmaster.pid` belongs to any process, so such a file has to go first. */
async function forgetStranger({ dir }: Cluster, socketDir: string): Promise<void> {
  const file = join(dir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(await readFile(file, 'utf8'), 10);
  if (!isTaken(pid) || (await isServing(pid, dir))) return;
  await rm(file, { force: true });
  await rm(join(socketDir, `.s.PGSQL.${PORT}.lock`), { force: true });
}

/** Ends the server by a fast shutdown, a server that does not heed it by an immediate one; returns when it is gone. */
export async function stopServer(cluster: Cluster, startedPid: number): Promise<void> {
  const pid = (await findServer(cluster))?.pid ?? startedPid;
  for (const [signals, timeoutMs] of SHUTDOWNS) {
    for (const signal of signals) if (await isServing(pid, cluster.dir)) process.kill(pid, signal);
    const deadline = performance.now() + timeoutMs;
    while (await isServing(pid, cluster.dir)) {
      if (performance.now() > deadline) break;
      await delay(POLL_MS);
    }
  }
  if (await isServing(pid, cluster.dir)) {
    throw new EmbeddedPostgresError(`PostgreSQL (process ${pid}) does not stop; end it with "kill -9 ${pid}"`);
  }
}

/** Whether some process, a dead one nobody has reaped included, has this id. */
export function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    if (hasCode(error, 'EPERM')) return true;
    throw error;
  }
}
