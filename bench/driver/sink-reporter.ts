/** How the sink reports: over connections kept open, again and again until it is heard, as vendors do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from './connection.ts';
import type { Connection } from './connection.ts';

const CONNECTIONS_MAX = 512;
const RETRY_MS = 100;

/** A reporter without connections; they are made when needed. */
export function createReporter() {
  const free: Connection[] = [];
  const waiting: ((connection: Connection | null) => void)[] = [];
  let open = 0;

  async function enter(port: number): Promise<Connection> {
    const idle = free.pop();
    if (idle) return idle;
    if (open >= CONNECTIONS_MAX) {
      const handed = await new Promise<Connection | null>((resolve) => waiting.push(resolve));
      if (handed) return handed;
    }
    open++;
    return openConnection(port);
  }

  /** @param connection null when it broke: whoever waits makes another. */
  function leave(connection: Connection | null): void {
    if (!connection) open--;
    const next = waiting.shift();
    if (next) next(connection);
    else if (connection) free.push(connection);
  }

  async function tryOnce(port: number, request: string): Promise<boolean> {
    let connection: Connection | null = null;
    try {
      connection = await enter(port);
      const { status } = await connection.send(request);
      leave(connection);
      return status === 200;
    } catch {
      leave(null); // it broke: the caller tries again, on another
      return false;
    }
  }

  return {
    /** Resolves with the number of tries when the report was taken. @param make the text of the request to a path. */
    report: async (callback: string, make: (path: string) => string): Promise<number> => {
      const { port, pathname, search } = new URL(callback);
      const request = make(pathname + search);
      for (let tries = 1; ; tries++) {
        if (await tryOnce(Number(port), request)) return tries;
        await sleep(RETRY_MS);
      }
    },
  };
}
