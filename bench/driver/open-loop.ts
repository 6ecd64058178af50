/**
 * Load that does not wait for the server: requests are due at fixed instants whatever became of the earlier ones, and
 * their latency counts from when they were due. A server that stalls is so charged for all that would have come meanwhile.
 */
import { openConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import type { MakeRequest } from './requests.ts';

/** Connections kept open; requests beyond them wait, and their waiting counts. */
const CONNECTIONS = 128;
const TICK_MS = 1;
/** Done, accepted, sent on. */
const GOOD = [200, 202, 302];

/** What an open loop came to. Instants are of {@link sharedNow}. */
export interface OpenLoopResult {
  /** When each request was due. */
  dueAt: number[];
  /** From when it was due to its answer, in ms; null for one that was refused. */
  acceptMs: (number | null)[];
  driverBusy: number;
}

/** Milliseconds since 1970 with their fractions: the same clock in all processes of this machine. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Runs so many requests a second for the given time. */
export async function openLoop(options: {
  port: number;
  perSecond: number;
  seconds: number;
  make: MakeRequest;
  txnId(n: number): string;
}): Promise<OpenLoopResult> {
  const { port, perSecond, seconds, make, txnId } = options;
  const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => openConnection(port)));
  const free: Connection[] = [...all];
  const waiting: number[] = [];
  const total = Math.round(perSecond * seconds);
  const startAt = sharedNow() + 50;
  const dueAt = Array.from({ length: total }, (_, n) => startAt + (n * 1_000) / perSecond);
  const acceptMs: (number | null)[] = [];
  const idleBefore = performance.eventLoopUtilization();
  let answered = 0;
  await new Promise<void>((resolve, reject) => {
    const ask = async (connection: Connection, n: number) => {
      const { status } = await connection.send(make(txnId(n), n));
      acceptMs[n] = GOOD.includes(status) ? sharedNow() - dueAt[n]! : null;
      if (++answered === total) resolve();
      const next = waiting.shift();
      if (next === undefined) free.push(connection);
      else await ask(connection, next);
    };
    let n = 0;
    const tick = () => {
      for (const now = sharedNow(); n < total && dueAt[n]! <= now; n++) {
        const connection = free.pop();
        if (connection) ask(connection, n).catch(reject);
        else waiting.push(n);
      }
      if (n < total) setTimeout(tick, TICK_MS);
    };
    tick();
  });
  for (const connection of all) connection.close();
  const driverBusy = performance.eventLoopUtilization(idleBefore).utilization;
  return { dueAt, acceptMs, driverBusy };
}
