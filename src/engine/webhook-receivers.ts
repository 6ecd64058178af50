/**
 * How each receiver is doing, as this node sees it: how many calls it may have at once, and whether it is left alone for a while.
 *
 * A receiver nobody knows gets a few calls at a time, more with each that succeeds, half with each that fails. After several
 * failures in a row it is left alone for a second, then two, four, …: then one call shows whether it is back. So a dead one
 * holds up nobody else, and a million calls that wait for it cost nothing.
 */
import type { Instant } from '#domain/time.ts';
import type { WebhookName } from '#ports/webhook-store.ts';

/** Calls under way to a receiver that has not been called yet, and at most. */
const WINDOW_FIRST = 8;
const WINDOW_MAX = 256;
/** Failures in a row after which it is left alone. */
const FAILURES_MAX = 5;
/** For how long, in ms; each further failure doubles it. */
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 60_000;
/** Receivers remembered; beyond that, the one that was called least recently is forgotten. */
const REMEMBERED_MAX = 10_000;

/** One receiver. */
export interface Receiver {
  /** Calls claimed for it and not settled. */
  underWay: number;
  window: number;
  failures: number;
  pausedUntil: Instant;
  /** Counts how often its calls were looked for. */
  looks: number;
}

/** All that are known. */
export interface Receivers {
  of(name: WebhookName): Receiver;
  /** Calls under way to all of them. */
  underWay(): number;
}

/** None yet. */
export function createReceivers(): Receivers {
  const known = new Map<string, Receiver>();
  return {
    of({ accountId, webhookId }) {
      const key = JSON.stringify([accountId, webhookId]);
      const receiver = known.get(key) ?? fresh();
      known.delete(key);
      known.set(key, receiver);
      if (known.size > REMEMBERED_MAX) forgetOne(known);
      return receiver;
    },
    underWay: () => known.values().reduce((sum, receiver) => sum + receiver.underWay, 0),
  };
}

function fresh(): Receiver {
  return { underWay: 0, window: WINDOW_FIRST, failures: 0, pausedUntil: 0, looks: 0 };
}

function forgetOne(known: Map<string, Receiver>): void {
  for (const [key, { underWay }] of known) {
    if (underWay > 0) continue;
    known.delete(key);
    return;
  }
}

/** Calls that may be claimed for it now. */
export function roomOf({ underWay, window, pausedUntil }: Receiver, now: Instant): number {
  return now < pausedUntil ? 0 : Math.max(0, window - underWay);
}

/** It took a call. */
export function noteSuccess(receiver: Receiver): void {
  receiver.failures = 0;
  receiver.pausedUntil = 0;
  receiver.window = Math.min(WINDOW_MAX, receiver.window + 1);
}

/** It did not. @param askedMs how long it asked to be left alone; null: it did not say. */
export function noteFailure(receiver: Receiver, now: Instant, askedMs: number | null): void {
  receiver.failures += 1;
  receiver.window = Math.max(1, Math.floor(receiver.window / 2));
  const doublings = receiver.failures - FAILURES_MAX;
  const pauseMs = doublings < 0 ? 0 : Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** doublings);
  receiver.pausedUntil = now + Math.max(pauseMs, Math.min(askedMs ?? 0, PAUSE_MAX_MS));
}
