import type { Instant } from '#domain/time.ts';

/** The time, and waiting for it. Everything outside the domain asks this, so that tests can move it. */
export interface Clock {
  now(): Instant;
  /** Calls back once, at or soon after the instant. The returned function calls it off. */
  at(instant: Instant, callback: () => void): () => void;
}
