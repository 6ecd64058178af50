/**
 * A token bucket (semantics §9), kept as one number by the generic cell rate algorithm: the theoretical arrival time of
 * the next request. The bucket may go into debt: fallback legs are never refused, they only use it up.
 */
import type { Instant } from './time.ts';

/** So many per period; the burst is one period's worth. */
export interface Rate {
  count: number;
  perMs: number;
}

/** The bucket's whole state: when it will be full again. Starts at 0. */
export type FullAt = Instant;

/** What taking from the bucket came to. */
export interface Taken {
  allowed: boolean;
  /** The state to keep. */
  fullAt: FullAt;
  /** Whole tokens left; never below 0. */
  remaining: number;
  /** Milliseconds until one token is there. */
  retryAfterMs: number;
}

/** Parses `200/s`, `100/m`, `5/h`; null when it is no rate. */
export function parseRate(text: string): Rate | null {
  const match = /^(\d{1,9})\/(s|m|min|h)$/.exec(text.trim());
  if (!match || Number(match[1]) === 0) return null;
  const perMs = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'min' | 'h'];
  return { count: Number(match[1]), perMs };
}

/** The inverse of {@link parseRate}. */
export function formatRate({ count, perMs }: Rate): string {
  return `${count}/${perMs === 1_000 ? 's' : perMs === 60_000 ? 'm' : 'h'}`;
}

/**
 * Takes `cost` tokens if at least one is there, else none.
 * @param cost what is used up when allowed; more than the tokens there are means debt.
 */
export function take(rate: Rate, fullAt: FullAt, now: Instant, cost: number): Taken {
  const tokenMs = rate.perMs / rate.count;
  const usedMs = Math.max(fullAt - now, 0);
  const allowed = usedMs + tokenMs <= rate.perMs + EPSILON_MS;
  const after = allowed ? now + usedMs + cost * tokenMs : fullAt;
  const freeMs = rate.perMs - Math.max(after - now, 0);
  return {
    allowed,
    fullAt: after,
    remaining: Math.max(0, Math.floor((freeMs + EPSILON_MS) / tokenMs)),
    retryAfterMs: Math.max(0, Math.ceil(tokenMs - freeMs - EPSILON_MS)),
  };
}

/** Uses up `cost` tokens whether they are there or not. */
export function use(rate: Rate, fullAt: FullAt, now: Instant, cost: number): FullAt {
  return Math.max(fullAt, now) + (cost * rate.perMs) / rate.count;
}

/** The bucket's state when its rate has changed: the tokens used up stay so, at most as many as the new bucket holds. */
export function carryOver(from: Rate, to: Rate, fullAt: FullAt, now: Instant): FullAt {
  if (from.count === to.count && from.perMs === to.perMs) return fullAt;
  const usedTokens = (Math.max(fullAt - now, 0) * from.count) / from.perMs;
  return now + (Math.min(usedTokens, to.count) * to.perMs) / to.count;
}

/** Sums of fractions of a millisecond must not cost a token. */
const EPSILON_MS = 1e-6;
