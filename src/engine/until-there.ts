import { setTimeout as sleep } from 'node:timers/promises';
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';

/** The pause between tries while the database is away. */
const AWAY_PAUSE_MS = 250;

/**
 * Repeats the work while the store is away or overloaded: for what has happened and must be written down. How much waits
 * here is bounded by what may be under way at once.
 * @throws what the work throws for any other reason, and its last error once the signal is aborted.
 */
export async function untilThere<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof StoreUnavailableError || error instanceof OverloadedError;
      if (!mayPass || signal.aborted) throw error;
      await sleep(AWAY_PAUSE_MS);
    }
  }
}
