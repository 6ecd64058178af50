/** When a webhook's call is made again, and when it is given up. */
import type { Instant } from './time.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The pauses before the second attempt, the third …, in ms: 23 h 42 min in all. */
export const WEBHOOK_PAUSES_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  4 * HOUR_MS,
  8 * HOUR_MS,
  8 * HOUR_MS,
];
/** How long a call is tried for, in ms; a webhook that nothing has reached for so long is disabled. */
export const WEBHOOK_PATIENCE_MS = 24 * HOUR_MS;
/** A pause is shortened by up to this share, so that the retries of one outage spread out. */
const JITTER_SHARE = 0.2;
/** The longest `Retry-After` that is honoured, in ms. */
export const WEBHOOK_RETRY_AFTER_MAX_MS = HOUR_MS;

/** What came of one attempt. The outside world's outcomes are data. */
export type WebhookOutcome =
  | { kind: 'delivered'; status: number }
  /** Something else was answered; `status` null: nothing was. `error` is for people. */
  | { kind: 'failed'; status: number | null; error: string; retryAfterMs: number | null }
  /** The receiver is gone and says so (410). */
  | { kind: 'gone'; status: number; error: string };

/** What is to be done with a call after an attempt. */
export type WebhookVerdict = { next: 'delivered' | 'failed' } | { next: 'waiting'; dueAt: Instant };

/**
 * Judges an attempt.
 * @param attempts made so far, this one included.
 * @param giveUpAt no attempt is made after it.
 * @param dice 0…1.
 */
export function judge(
  outcome: WebhookOutcome,
  { attempts, giveUpAt }: { attempts: number; giveUpAt: Instant },
  now: Instant,
  dice: number,
): WebhookVerdict {
  if (outcome.kind === 'delivered') return { next: 'delivered' };
  if (outcome.kind === 'gone') return { next: 'failed' };
  const pauseMs = WEBHOOK_PAUSES_MS[attempts - 1];
  if (pauseMs === undefined) return { next: 'failed' };
  const askedMs = Math.min(outcome.retryAfterMs ?? 0, WEBHOOK_RETRY_AFTER_MAX_MS);
  const dueAt = now + Math.max(askedMs, Math.round(pauseMs * (1 - JITTER_SHARE * dice)));
  return dueAt >= giveUpAt ? { next: 'failed' } : { next: 'waiting', dueAt };
}
