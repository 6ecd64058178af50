/** Connections to addresses that nobody knows in advance: a pool for each origin, bounded in number, given up when idle. */
import { Pool } from 'undici';
import type { buildConnector } from 'undici';
import type { Clock } from '#ports/clock.ts';

/** Connections to one origin, each with one call at a time; further calls wait, within their own timeout. */
const CONNECTIONS_MAX = 64;
/** Origins with connections. The one that was used least recently gives way; its calls under way are still answered. */
const ORIGINS_MAX = 256;
/** How long an origin without calls keeps its connections, in ms. */
const IDLE_MS = 60_000;
/** Making a connection takes no longer, in ms; the call's own timeout may end it earlier. */
const CONNECT_TIMEOUT_MS = 30_000;

/** Lends pools. */
export interface OriginPools {
  /** The pool of an origin; `release` is to be called once the call is over. */
  borrow(origin: string, allowPrivate: boolean): { pool: Pool; release(): void };
  /** Closes all of them once their calls are answered. */
  close(): Promise<void>;
}

interface Lent {
  pool: Pool;
  calls: number;
  /** Calls off the end of its idle time. */
  keep: () => void;
}

/** @param connector makes connections, and may refuse private addresses. */
export function originPools(
  clock: Clock,
  connector?: (allowPrivate: boolean) => buildConnector.connector,
): OriginPools {
  // In the order of use: the first is the one that was used least recently.
  const pools = new Map<string, Lent>();
  const closing = new Set<Promise<void>>();

  function drop(key: string, lent: Lent): void {
    if (pools.get(key) === lent) pools.delete(key);
    lent.keep();
    const closed = lent.pool.close().finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function open(origin: string, allowPrivate: boolean): Lent {
    const connect = connector?.(allowPrivate) ?? { timeout: CONNECT_TIMEOUT_MS };
    const pool = new Pool(origin, { connections: CONNECTIONS_MAX, pipelining: 1, allowH2: false, connect });
    return { pool, calls: 0, keep: () => undefined };
  }

  return {
    borrow(origin, allowPrivate) {
      const key = `${allowPrivate} ${origin}`;
      const lent = pools.get(key) ?? open(origin, allowPrivate);
      pools.delete(key);
      pools.set(key, lent);
      if (pools.size > ORIGINS_MAX) drop(...pools.entries().next().value!);
      lent.keep();
      lent.calls += 1;
      return {
        pool: lent.pool,
        release() {
          lent.calls -= 1;
          if (lent.calls === 0 && pools.get(key) === lent)
            lent.keep = clock.at(clock.now() + IDLE_MS, () => drop(key, lent));
        },
      };
    },
    async close() {
      for (const [key, lent] of pools) drop(key, lent);
      await Promise.all(closing);
    },
  };
}
