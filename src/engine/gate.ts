/** What stands between the engine and a provider: how many calls at once, and a pause the provider asked for. */
import type { Instant } from '#domain/time.ts';

/** Admitted calls whose places are kept in the queue before they are cleared away. */
const COMPACT_FROM = 1_000;

/** One provider's gate on this node. */
export interface Gate {
  /** Resolves when the call may begin; {@link Gate.leave} must follow. */
  enter(): Promise<void>;
  leave(): void;
  /** Changes how many calls there may be at once; those under way go on. */
  widen(concurrency: number): void;
  /** Nothing is sent before the instant: the provider said so. */
  pauseUntil(instant: Instant): void;
  /** Milliseconds still to wait; 0: none. */
  pausedForMs(now: Instant): number;
}

/** A gate that lets nobody through until it is widened. */
export function createGate(): Gate {
  const waiting: (() => void)[] = [];
  let head = 0;
  let under = 0;
  let concurrency = 0;
  let pausedUntil: Instant = 0;

  function admit(): void {
    while (under < concurrency && head < waiting.length) {
      under++;
      waiting[head++]!();
    }
    if (head < waiting.length && head < COMPACT_FROM) return;
    waiting.splice(0, head);
    head = 0;
  }

  return {
    enter: () => {
      if (under < concurrency) {
        under++;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    leave: () => {
      under--;
      admit();
    },
    widen: (wider) => {
      concurrency = wider;
      admit();
    },
    pauseUntil: (instant) => {
      pausedUntil = Math.max(pausedUntil, instant);
    },
    pausedForMs: (now) => Math.max(0, pausedUntil - now),
  };
}
