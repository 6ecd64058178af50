/**
 * The PostgreSQL that Carom brings along: started with it, kept alive by it, taken over after a crash.
 *
 * One Carom owns a data directory. The truth about that is a lock in PostgreSQL, held on a connection of its own: PostgreSQL releases it
 * when a Carom dies, however it dies. The same connection tells when PostgreSQL went away, whoever started it, so nothing is polled and a
 * server that somebody merely suspended is left alone. If Carom is killed, PostgreSQL stays, and the next start takes it over.
 */
import { existsSync } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { createCluster, openDataDirectory, socketDirectory } from './embedded-cluster.ts';
import { type Cluster, findServer, isServing, PORT, spawnServer, stopServer } from './embedded-process.ts';
import { type Binaries, EmbeddedPostgresError, findBinaries, hasCode } from './embedded-run-as.ts';

const START_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 3_000;
const CONNECT_RETRY_MS = 15;
/** A killed Carom's lock is released as soon as PostgreSQL notices, which takes milliseconds. */
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_RETRY_MS = 50;
const RESTART_DELAY_MIN_MS = 100;
const RESTART_DELAY_MAX_MS = 5_000;
const LOG_TAIL_MAX_BYTES = 3_000;
const USER = 'carom';
const DATABASE = 'carom';
/** Two numbers that nothing else in this database locks: "caro", and this use of it. */
const OWNER_LOCK = [0x63_61_72_6f, 1];

export interface EmbeddedPostgres {
  /** What `pg` needs to connect: over a Unix socket, no TCP port is opened. */
  connection: { host: string; port: number; user: string; database: string };
  /** Fast shutdown; returns when the process is gone. Throws EmbeddedPostgresError when it does not go. */
  stop(): Promise<void>;
}

interface Server {
  cluster: Cluster;
  binaries: Binaries;
  socketDir: string;
  log: (line: string) => void;
  stopping: AbortSignal;
  /** The process last seen serving; it may be gone. */
  pid: number;
}

/** An open connection that holds the owner's lock. */
interface Ownership {
  client: Client;
  lost: Promise<void>;
}

/**
 * Starts (or takes over) the PostgreSQL kept in `<dataDir>/postgres`, and restarts it when it dies, until `stop`.
 * Throws EmbeddedPostgresError with a message that names the remedy.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: (line: string) => void;
}): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const cluster = await openDataDirectory(options.dataDir);
  await createCluster(cluster, binaries);
  const socketDir = (await findServer(cluster))?.socketDir || (await socketDirectory(cluster));
  const stopping = new AbortController();
  const server: Server = { cluster, binaries, socketDir, log: options.log, stopping: stopping.signal, pid: 0 };
  const supervised = supervise(server, await takeOwnership(server));
  let stopped: Promise<void> | null = null;
  return {
    connection: { host: socketDir, port: PORT, user: USER, database: DATABASE },
    stop: () => {
      stopping.abort();
      stopped ??= supervised.then(() => stopServer(cluster, server.pid));
      return stopped;
    },
  };
}

/** Brings PostgreSQL back whenever the connection that owns it breaks. Ends, the lock released, when `stopping` says so. */
async function supervise(server: Server, first: Ownership): Promise<void> {
  const { stopping, log } = server;
  const stopped = new Promise<void>((resolve) => stopping.addEventListener('abort', () => resolve(), { once: true }));
  let ownership: Ownership | null = first;
  let delayMs = RESTART_DELAY_MIN_MS;
  while (!stopping.aborted) {
    try {
      ownership ??= await takeOwnership(server);
      delayMs = RESTART_DELAY_MIN_MS;
      await Promise.race([ownership.lost, stopped]);
      if (stopping.aborted) break;
      log('PostgreSQL closed the connection; bringing it back');
    } catch (error) {
      if (stopping.aborted) break;
      // Whatever keeps PostgreSQL from coming back may pass (a full disk, no memory): said, and tried again.
      log(`PostgreSQL is not back yet: ${error instanceof Error ? error.message : String(error)}`);
      delayMs = Math.min(delayMs * 2, RESTART_DELAY_MAX_MS);
    }
    ownership = null;
    await Promise.race([delay(delayMs), stopped]);
  }
  await rm(pidFile(server.cluster), { force: true });
  await ownership?.client.end();
}

/** Connects, starting PostgreSQL where needed, and takes the owner's lock. Throws when another Carom has it. */
async function takeOwnership(server: Server): Promise<Ownership> {
  const ownership = await bringUp(server);
  const deadline = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    const { rows } = await ownership.client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock($1, $2) as taken',
      OWNER_LOCK,
    );
    if (rows[0]?.taken) break;
    if (performance.now() > deadline) {
      await ownership.client.end();
      const file = pidFile(server.cluster);
      const owner = existsSync(file) ? `process ${(await readFile(file, 'utf8')).trim()}` : 'another process';
      const remedy = 'stop it, or choose another with --data-dir';
      throw new EmbeddedPostgresError(
        `the data directory ${server.cluster.dataDir} is in use by Carom (${owner}); ${remedy}`,
      );
    }
    await delay(LOCK_RETRY_MS, undefined, { signal: server.stopping });
  }
  await writeFile(pidFile(server.cluster), `${process.pid}\n`);
  return ownership;
}

const pidFile = (cluster: Cluster): string => join(cluster.dataDir, 'carom.pid');

/** Connects to the server that runs, or to one that it starts. */
async function bringUp(server: Server): Promise<Ownership> {
  const { cluster, log } = server;
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    server.stopping.throwIfAborted();
    const beganAt = performance.now();
    const logStart = existsSync(cluster.logFile) ? (await stat(cluster.logFile)).size : 0;
    const running = await findServer(cluster);
    if (running === null) await refuseUnseenServer(server);
    server.pid = running?.pid ?? (await spawnServer(cluster, server.binaries, server.socketDir));
    const connected = await connectWhileServing(server, deadline);
    if (connected !== null) {
      const how = running ? 'was running, taken over' : `started in ${Math.round(performance.now() - beganAt)} ms`;
      log(`PostgreSQL in ${cluster.dir} ${how} (process ${server.pid})`);
      return connected;
    }
    const said = await tail(cluster.logFile, logStart);
    // Remnants of a killed server are about to leave, or another Carom started one at this moment: look again.
    const passing = running !== null || /pre-existing shared memory block|lock file .* already exists/.test(said);
    if (!passing || performance.now() > deadline) {
      throw new EmbeddedPostgresError(
        `PostgreSQL does not start in ${cluster.dir}; see ${cluster.logFile}, which ends:\n${said}`,
      );
    }
    await delay(RESTART_DELAY_MIN_MS, undefined, { signal: server.stopping });
  }
}

/** Two servers on one directory destroy it. PostgreSQL's own guard does not see into another container on the same volume; its socket does. */
async function refuseUnseenServer(server: Server): Promise<void> {
  if (!existsSync(join(server.cluster.dir, 'postmaster.pid'))) return;
  try {
    await (await connect(server, 'template1')).client.end();
  } catch {
    // Whatever it is, it is not a server that lets us in; what is left of a crash refuses connections.
    return;
  }
  const remedy = 'stop the Carom there, or choose another with --data-dir';
  throw new EmbeddedPostgresError(
    `${server.cluster.dir} is served by a PostgreSQL out of sight, perhaps in another container; ${remedy}`,
  );
}

/** Null when the process ends before it lets us in. */
async function connectWhileServing(server: Server, deadline: number): Promise<Ownership | null> {
  for (;;) {
    try {
      return await connect(server, DATABASE);
    } catch (error) {
      if (hasCode(error, '3D000')) await nameDatabase(server);
      else if (!(await isServing(server.pid, server.cluster.dir))) return null;
      else if (performance.now() > deadline) {
        const remedy = `wait for it or end it, see ${server.cluster.logFile}`;
        throw new EmbeddedPostgresError(
          `PostgreSQL (process ${server.pid}) does not let us in: ${String(error)}; ${remedy}`,
          { cause: error },
        );
      }
    }
    await delay(CONNECT_RETRY_MS, undefined, { signal: server.stopping });
  }
}

async function connect({ socketDir }: Server, database: string): Promise<Ownership> {
  const address = { host: socketDir, port: PORT, user: USER, database };
  const client = new Client({
    ...address,
    application_name: 'carom owner',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  const lost = new Promise<void>((resolve) => client.once('end', () => resolve()));
  // 'end' follows and says the same; without a listener Node would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return { client, lost };
}

/** The empty database that `initdb` made becomes ours: renaming it takes a tenth of the time that making another one takes. */
async function nameDatabase(server: Server): Promise<void> {
  const { client } = await connect(server, 'template1');
  try {
    await client.query(`alter database postgres rename to ${DATABASE}`);
  } catch (error) {
    // Another Carom, starting at the same moment, did it: no such database any more, or ours is there.
    if (!hasCode(error, '3D000', '42P04')) throw error;
  } finally {
    await client.end();
  }
}

async function tail(file: string, start: number): Promise<string> {
  const bytes = await readFile(file);
  return bytes
    .subarray(start > bytes.length ? 0 : start)
    .subarray(-LOG_TAIL_MAX_BYTES)
    .toString()
    .trim();
}
