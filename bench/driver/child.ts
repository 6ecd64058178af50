/** The processes of a measurement: started with a line to us that ends them when we are gone, and ended by us. */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

/** How long a process may take to say that it is ready. */
const READY_MS = 60_000;
/** How long it may take to end once asked; Carom drains. */
const END_MS = 20_000;

const LIFELINE = new URL('../../scripts/lifeline.mjs', import.meta.url).href;

/** A process of ours, ready to serve. */
export interface Child {
  process: ChildProcess;
  pid: number;
  /** From the spawn to the line that says it is ready. */
  startedInMs: number;
  end(): Promise<void>;
}

const running = new Set<Child>();

/**
 * Runs a file on this Node, and resolves when it prints `listening on …`.
 * @param stderr a file descriptor for what it logs.
 */
export async function startChild(
  file: string,
  args: string[],
  env: Record<string, string>,
  stderr: number,
): Promise<Child> {
  const startedAt = performance.now();
  const stdio: StdioOptions = ['ignore', 'pipe', stderr, 'ipc'];
  const child = spawn(process.execPath, ['--import', LIFELINE, file, ...args], {
    stdio,
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit').then(() => undefined);
  const one: Child = {
    process: child,
    pid: child.pid!,
    startedInMs: 0,
    end: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const forced = setTimeout(() => child.kill('SIGKILL'), END_MS);
        child.kill('SIGTERM');
        await ended;
        clearTimeout(forced);
      }
      running.delete(one);
    },
  };
  running.add(one);
  await ready(child, file, ended);
  one.startedInMs = performance.now() - startedAt;
  return one;
}

async function ready(child: ChildProcess, file: string, ended: Promise<void>): Promise<void> {
  const lines = createInterface({ input: child.stdout! });
  const listening = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.startsWith('listening on ') && resolve());
    setTimeout(() => reject(new Error(`${file} is not ready after ${READY_MS / 1_000} s`)), READY_MS).unref();
  });
  const died = ended.then(() =>
    Promise.reject(new Error(`${file} ended before it was ready (status ${child.exitCode})`)),
  );
  await Promise.race([listening, died]);
}

/** Ends whatever is still running. */
export async function endChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child.end()));
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
