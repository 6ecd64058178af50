/** A clock that stands still until a test moves it. */
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';

/** 2026-05-21T10:00:00Z: where a test's clock starts. */
const START: Instant = Date.UTC(2026, 4, 21, 10);

/** The clock, and the hand that moves it. */
export interface TestClock extends Clock {
  /** Moves the time on and calls back what falls due on the way, each at its own time, in order; also what is set meanwhile. */
  advance(durationMs: number): void;
}

/** A clock that shows `start`. */
export function testClock(start: Instant = START): TestClock {
  let now = start;
  let timers: { instant: Instant; callback: () => void }[] = [];
  return {
    now: () => now,
    at: (instant, callback) => {
      const timer = { instant, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance: (durationMs) => {
      const end = now + durationMs;
      for (;;) {
        const due = timers.filter(({ instant }) => instant <= end).toSorted((a, b) => a.instant - b.instant)[0];
        if (!due) break;
        timers = timers.filter((other) => other !== due);
        now = Math.max(now, due.instant);
        due.callback();
      }
      now = end;
    },
  };
}
