/** What stands between the engine and a provider: how many calls at once, and a pause the provider asked for. */
import type { Instant } from '#domain/time.ts';

/** Calls to one provider under way at once, from one node. */
export const CONCURRENCY_DEFAULT = 128;

/** One provider's gate on this node. */
export interface Gate {
  /** Resolves when the call may begin; {@link Gate.leave} must follow. */
  enter(): Promise<void>;
  leave(): void;
  /** Nothing is sent before the instant: the provider said so. */
  pauseUntil(instant: Instant): void;
  /** Milliseconds still to wait; 0: none. */
  pausedForMs(now: Instant): number;
}

/** An open gate for so many calls at once. */
export function createGate(concurrency: number): Gate {
  const waiting: (() => void)[] = [];
  let head = 0;
  let under = 0;
  let pausedUntil: Instant = 0;
  return {
    enter: () => {
      if (under < concurrency) {
        under++;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    leave: () => {
      const next = waiting[head];
      if (!next) {
        under--;
        return;
      }
      head++;
      if (head === waiting.length) {
        waiting.length = 0;
        head = 0;
      }
      next();
    },
    pauseUntil: (instant) => {
      pausedUntil = Math.max(pausedUntil, instant);
    },
    pausedForMs: (now) => Math.max(0, pausedUntil - now),
  };
}
