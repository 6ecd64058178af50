/**
 * The rates of semantics §9. A bucket's state is one number, by the generic cell rate algorithm: the instant at which it
 * will be full again. It may go into debt: fallback legs are never refused, they only use it up.
 */
import type { Instant } from './time.ts';

/** So many per period. */
export interface Rate {
  count: number;
  perMs: number;
}

/** The bucket's whole state: when it will be full again. Starts at 0. */
export type FullAt = Instant;

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

/** How long one token takes to come, in ms. */
export function tokenMsOf({ count, perMs }: Rate): number {
  return perMs / count;
}
