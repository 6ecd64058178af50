/**
 * Turns of the event loop for work that keeps the thread. What a tenant's template may take is bounded, but ten thousand of
 * them in one turn would keep everybody else's requests, receipts and health checks waiting, and in one row everybody
 * else's messages. So after a few milliseconds of such work the thread is given back for as long, and while tenants wait
 * they take turns. Work that takes less than half of the time runs at once, and costs two looks at a clock.
 */

/** How long such work may keep the thread, in ms, before input and output are served. One piece of it may take longer. */
export const TURN_MS = 8;

/** Pieces of work, in turns. */
export interface FairTurns {
  /**
   * Does the work now, or, while others wait, when it is its turn: after what the same tenant asked for earlier. What it
   * throws, now or later, is the caller's.
   */
  run<Result>(whose: string, work: () => Result | Promise<Result>): Result | Promise<Result>;
}

/**
 * @param now a clock in ms; only differences count.
 * @param pause calls back after so many ms.
 */
export function fairTurns(
  now: () => number = () => performance.now(),
  pause: (callback: () => void, ms: number) => void = setTimeout,
): FairTurns {
  let turnStartedAt = now();
  let spentMs = 0;
  let isPausing = false;
  /** By tenant; the one whose turn it is comes first. */
  const waiting = new Map<string, (() => void)[]>();

  const isUp = (): boolean => spentMs >= TURN_MS;

  function startTurn(at: number): void {
    turnStartedAt = at;
    spentMs = 0;
  }

  function timed<Result>(work: () => Result, startedAt: number): Result {
    try {
      return work();
    } finally {
      spentMs += now() - startedAt;
    }
  }

  /**
   * After as long as the work has taken: half of the thread is the others'. They may need many turns of the event loop,
   * each of which takes up but one new connection.
   */
  function takeLater(): void {
    if (!isPausing) pause(take, Math.ceil(spentMs));
    isPausing = true;
  }

  /** Lets those go on whose turn it is, one piece of work each, until the time is up. */
  function take(): void {
    isPausing = false;
    startTurn(now());
    for (const [whose, works] of waiting) {
      if (isUp()) break;
      waiting.delete(whose);
      works.shift()!();
      // Behind the others; the loop comes by again.
      if (works.length > 0) waiting.set(whose, works);
    }
    if (waiting.size > 0) takeLater();
  }

  function wait(whose: string, work: () => void): void {
    takeLater();
    const works = waiting.get(whose);
    if (works) works.push(work);
    else waiting.set(whose, [work]);
  }

  return {
    run(whose, work) {
      const at = now();
      if (waiting.size === 0) {
        // The others have had their half of it.
        if (at - turnStartedAt >= 2 * spentMs) startTurn(at);
        if (!isUp()) return timed(work, at);
      }
      return new Promise((resolve) => {
        // An async function, so that what the work throws becomes the rejection.
        wait(whose, () => resolve((async () => timed(work, now()))()));
      });
    },
  };
}
