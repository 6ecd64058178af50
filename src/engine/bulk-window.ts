/**
 * How much of a node's hands batches may fill. What a batch has under way delays everybody else's by as much: in the queues
 * for the processor and the database. So it is measured how long its own acceptances take; while that is short more are let
 * in, and when it grows, fewer. A machine that has time is used, also where providers answer slowly, and one that is busy
 * is left to single transactions. While there are none, nobody is delayed and the window stays wide: code that has just been
 * started is slow whatever waits for it.
 */

/** How long an acceptance may take, in ms: one round of writing beside others. */
const GOOD_MS = 15;
/** Transactions of batches in a node's hands that may be waiting for it. */
const MIN = 20;
const MIN_WITHOUT_SINGLES = 150;
const START = 100;
const MAX = 1_000;
/** How the window widens after each good acceptance, and narrows after a slow one. */
const WIDER_BY = 5;
const NARROWER_TO = 0.8;

/** The window of a node. */
export interface BulkWindow {
  /** Transactions of batches that may be in hand. @param withSingles whether single transactions are about. */
  size(withSingles: boolean): number;
  /** An acceptance of several has taken so long. */
  took(ms: number): void;
}

/** A window of middle size. */
export function bulkWindow(): BulkWindow {
  let size = START;
  return {
    size: (withSingles) => (withSingles ? size : Math.max(size, MIN_WITHOUT_SINGLES)),
    took: (ms) => {
      size = ms > GOOD_MS ? Math.max(MIN, Math.floor(size * NARROWER_TO)) : Math.min(MAX, size + WIDER_BY);
    },
  };
}
