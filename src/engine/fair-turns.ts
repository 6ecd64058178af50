/**
 * Turns of the event loop for work that keeps the thread. What a tenant's template may take is bounded, but ten thousand of
 * them in one turn would keep everybody else's requests, receipts and health checks waiting, and in one row everybody
 * else's messages. So after a few milliseconds of such work the thread is given back, and while tenants wait they take
 * turns. Ordinary work runs at once, and costs two looks at a clock.
 */

/** How long such work may keep the thread, in ms, before input and output are served. One piece of it may take longer. */
export const TURN_MS = 8;

/**
 * Turns of the event loop that are left to others in between: in each, one new connection is taken up and what has come
 * on the others is read. Those in which nothing is to be done take some microseconds.
 */
const TURNS_OF_OTHERS = 8;

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
 * @param nextTurn calls back when input and output have been served.
 */
export function fairTurns(
  now: () => number = () => performance.now(),
  nextTurn: (callback: () => void) => void = afterOthers,
): FairTurns {
  /** Since the thread was last given back. It need not have been in one turn: an early pause does no harm. */
  let spentMs = 0;
  /** By tenant; the one whose turn it is comes first. */
  const waiting = new Map<string, (() => void)[]>();

  let isNextTurnAwaited = false;

  const isUp = (): boolean => spentMs >= TURN_MS;

  function awaitNextTurn(): void {
    if (!isNextTurnAwaited) nextTurn(take);
    isNextTurnAwaited = true;
  }

  function timed<Result>(work: () => Result): Result {
    const startedAt = now();
    try {
      return work();
    } finally {
      spentMs += now() - startedAt;
    }
  }

  /** Lets those go on whose turn it is, one piece of work each, until the time is up. */
  function take(): void {
    isNextTurnAwaited = false;
    spentMs = 0;
    for (const [whose, works] of waiting) {
      if (isUp()) break;
      waiting.delete(whose);
      works.shift()!();
      // Behind the others; the loop comes by again.
      if (works.length > 0) waiting.set(whose, works);
    }
    if (waiting.size > 0) awaitNextTurn();
  }

  function wait(whose: string, work: () => void): void {
    awaitNextTurn();
    const works = waiting.get(whose);
    if (works) works.push(work);
    else waiting.set(whose, [work]);
  }

  return {
    run(whose, work) {
      if (!isUp() && waiting.size === 0) return timed(work);
      return new Promise((resolve) => {
        // An async function, so that what the work throws becomes the rejection.
        wait(whose, () => resolve((async () => timed(work))()));
      });
    },
  };
}

function afterOthers(callback: () => void, turns = TURNS_OF_OTHERS): void {
  setImmediate(() => (turns > 1 ? afterOthers(callback, turns - 1) : callback()));
}
