/** A real Carom for a test: a process of its own, started and spoken to as its users do. */
/* oxlint-disable typescript/no-explicit-any -- because an answer is whatever JSON came: each test asserts what it expects of it */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** How long a start may take; on a busy machine, with initdb. */
const START_MS = 30_000;
/** How often a state that is waited for is asked. */
const POLL_MS = 10;

/** An HTTP answer, with its body parsed where it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  body: any;
}

/** What a test may set. */
export interface CaromOptions {
  /** Absent: the embedded PostgreSQL, in the data directory. */
  databaseUrl?: string;
  /** Absent: a new one, removed by `stop`. */
  dataDir?: string;
  env?: Record<string, string>;
  args?: string[];
}

/** A running node. */
export class Carom {
  readonly url: string;
  readonly dataDir: string;
  readonly adminKey: string;
  readonly process: ChildProcess;
  output = '';
  readonly #ownsDataDir: boolean;

  constructor(url: string, dataDir: string, adminKey: string, child: ChildProcess, ownsDataDir: boolean) {
    this.url = url;
    this.dataDir = dataDir;
    this.adminKey = adminKey;
    this.process = child;
    this.#ownsDataDir = ownsDataDir;
    child.stdout!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  /** Calls the API. A string body is sent as it is. */
  async call(
    method: string,
    path: string,
    options: { key?: string | null; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { key = this.adminKey, body, headers = {} } = options;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : text,
    };
  }

  /** Applies a manifest with the operator's key; throws when it is refused. */
  async apply(manifest: object): Promise<void> {
    const answer = await this.call('PUT', '/v1/manifest', { body: manifest });
    if (answer.status !== 200) throw new Error(`the manifest was refused: ${JSON.stringify(answer.body)}`);
  }

  /** The transaction as the API shows it, once it satisfies the condition. */
  async transaction(account: string, id: string, until: (view: any) => boolean, timeoutMs = 20_000): Promise<any> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const { body } = await this.call('GET', `/v1/transactions/${encodeURIComponent(id)}?account=${account}`);
      if (body.state !== undefined && until(body)) return body;
      if (Date.now() > deadline) throw new Error(`transaction ${id} is still ${JSON.stringify(body, null, 1)}`);
      await sleep(POLL_MS);
    }
  }

  /** The transaction once it has ended. */
  ended(account: string, id: string, timeoutMs?: number): Promise<any> {
    return this.transaction(account, id, ({ endedAt }) => endedAt !== null, timeoutMs);
  }

  /** Ends the process with a signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    await exited;
  }

  /** A clean stop; removes what it made. */
  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    if (this.#ownsDataDir) await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** What is answered, once it satisfies the condition. */
export async function eventually<Got>(
  ask: () => Promise<Got>,
  until: (got: Got) => boolean,
  timeoutMs = 20_000,
): Promise<Got> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const got = await ask();
    if (until(got)) return got;
    if (Date.now() > deadline) throw new Error(`it is still ${JSON.stringify(got, null, 1)}`);
    await sleep(POLL_MS);
  }
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a node and waits until it serves. */
export async function startCarom(options: CaromOptions = {}): Promise<Carom> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'carom-test-')));
  const port = await freePort();
  const args = ['start', '--port', String(port), '--data-dir', dataDir, ...(options.args ?? [])];
  const database = options.databaseUrl === undefined ? [] : ['--database-url', options.databaseUrl];
  const child = spawn(process.execPath, [MAIN, ...args, ...database], {
    env: { ...withoutCarom(process.env), CAROM_LOG_LEVEL: 'warn', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const url = `http://127.0.0.1:${port}`;
  const output = await listening(child);
  const adminKey = options.env?.['CAROM_ADMIN_KEY'] ?? (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim();
  const carom = new Carom(url, dataDir, adminKey, child, options.dataDir === undefined);
  carom.output = output + carom.output;
  return carom;
}

/** A test must not speak to the database, or with the keys, of whoever runs it. */
function withoutCarom(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = (name: string) => name.startsWith('CAROM_') || ['DATABASE_URL', 'PORT', 'HOST'].includes(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign(name)));
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`no "listening on" within ${START_MS} ms:\n${output}`));
    }, START_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (!/^listening on /m.test(output)) return;
      clearTimeout(timer);
      child.stdout!.off('data', read);
      child.stderr!.off('data', read);
      child.off('exit', exited);
      resolve(output);
    };
    const exited = (code: number | null) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code} before it served:\n${output}`));
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', read);
    child.once('exit', exited);
  });
}
