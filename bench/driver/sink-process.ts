/** The sink, as the driver has it in hand. */
import { fileURLToPath } from 'node:url';
import { freePort, startChild } from './child.ts';
import type { Seen } from './sink-memory.ts';
import type { Told } from './webhook-memory.ts';

const SINK = fileURLToPath(new URL('../sink.ts', import.meta.url));
const STDERR = 2;

/** A running sink. */
export interface Sink {
  port: number;
  /** Where it is a message centre. */
  smppPort: number;
  pid: number;
  /** Transactions whose delivery the node has been told of, and has confirmed, since the last reset. */
  ended(): number;
  /** Resolves when that number has changed. */
  changed(): Promise<void>;
  reset(): Promise<void>;
  seen(): Promise<Seen>;
  /** What webhooks told it. */
  told(): Promise<Told>;
  end(): Promise<void>;
}

/** Starts a sink on a free port. */
export async function startSink(): Promise<Sink> {
  const port = await freePort();
  const smppPort = await freePort();
  const child = await startChild(SINK, [String(port), String(smppPort)], {}, STDERR);
  let ended = 0;
  let waiting: (() => void)[] = [];
  child.process.on('message', (count) => {
    ended = count as number;
    const told = waiting;
    waiting = [];
    for (const resolve of told) resolve();
  });
  const ask = async (method: string, path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, { method })).json();
  return {
    port,
    smppPort,
    pid: child.pid,
    ended: () => ended,
    changed: () => new Promise((resolve) => waiting.push(resolve)),
    reset: async () => {
      await ask('POST', '/reset');
      ended = 0;
    },
    seen: async () => (await ask('GET', '/seen')) as Seen,
    told: async () => (await ask('GET', '/told')) as Told,
    end: () => child.end(),
  };
}
