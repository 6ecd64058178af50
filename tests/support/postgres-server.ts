/** A PostgreSQL for several nodes, which a test may stop, kill, freeze and bring back. Nobody else brings it back. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const HOST = fileURLToPath(new URL('./postgres-host.ts', import.meta.url));
const POLL_MS = 20;
const CONNECT_TIMEOUT_MS = 3_000;

/** A server on a Unix socket, in a data directory of its own. */
export class PostgresServer {
  readonly #dataDir: string;
  #host: ChildProcess | null = null;
  #connection: pg.ClientConfig = {};
  #frozen: number[] = [];

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** For `DATABASE_URL`. */
  get url(): string {
    const { host, port, user, database } = this.#connection;
    return `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host!)}`;
  }

  /** Starts it, or starts it again; resolves when it lets clients in. */
  async start(): Promise<void> {
    const host = spawn(process.execPath, [HOST, this.#dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await Promise.race([
      once(host.stdout, 'data'),
      once(host, 'exit').then(([status]) => Promise.reject(new Error(`PostgreSQL did not start: ${status}`))),
    ])) as [Buffer];
    this.#connection = JSON.parse(line.toString()) as pg.ClientConfig;
    this.#host = host;
  }

  /** Ends the server with a signal, having ended what would bring it back; resolves when it lets nobody in. */
  async end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    await this.#endHost('SIGKILL');
    process.kill(await this.#postmaster(), signal);
    while (await this.#answers()) await sleep(POLL_MS);
  }

  /** Stops all processes of the server, as a machine that hangs would. */
  async freeze(): Promise<void> {
    const postmaster = await this.#postmaster();
    const client = await this.#connect();
    // First the one that could make others while they are listed.
    process.kill(postmaster, 'SIGSTOP');
    const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity');
    this.#frozen = [postmaster, ...rows.map(({ pid }) => pid)];
    for (const pid of this.#frozen) process.kill(pid, 'SIGSTOP');
  }

  /** Continues what was frozen. */
  thaw(): void {
    for (const pid of this.#frozen.splice(0)) process.kill(pid, 'SIGCONT');
  }

  /** Runs SQL on a connection of its own. */
  async query<Row extends object>(text: string): Promise<Row[]> {
    const client = await this.#connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends it and removes its data. */
  async close(): Promise<void> {
    this.thaw();
    // One that a failed test left down, or without its host, is taken over to be stopped.
    if (!this.#host) await this.start();
    await this.#endHost('SIGTERM');
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async #endHost(signal: NodeJS.Signals): Promise<void> {
    const host = this.#host;
    this.#host = null;
    if (!host || host.exitCode !== null || host.signalCode !== null) return;
    const ended = once(host, 'exit');
    host.kill(signal);
    await ended;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ ...this.#connection, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    // What breaks is told by the call that it breaks.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async #postmaster(): Promise<number> {
    return Number.parseInt(await readFile(join(this.#dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query('select 1');
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return false;
    }
  }
}

/** Starts a new, empty one. */
export async function startPostgres(): Promise<PostgresServer> {
  const server = new PostgresServer(await mkdtemp(join(tmpdir(), 'carom-postgres-')));
  await server.start();
  return server;
}
