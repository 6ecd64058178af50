/**
 * A token bucket that several nodes take from (semantics §9). Asking it for each request would cost a statement each, so a
 * node leases some tokens ahead, takes from those in memory, and tells what it has used when it asks for more.
 *
 * What is leased is set aside: nobody else gets it. So all nodes together never take more than the bucket gives, whatever
 * they do at the same time. A lease ends by itself: a node that died delays its tokens by {@link LEASE_MS} and no more.
 */
import { tokenMsOf } from './rate-bucket.ts';
import type { FullAt, Rate } from './rate-bucket.ts';
import type { NodeId } from './ids.ts';
import type { Instant } from './time.ts';

/** How long a lease lasts, in ms. A node that uses the bucket asks again several times within it. */
export const LEASE_MS = 3_000;

/** A rate with the size of its bucket. */
export interface BucketRate extends Rate {
  /** Tokens that the full bucket holds; may have a fraction, but not be below 1. */
  burst: number;
}

/** Tokens set aside for a node. None, but a lease: the node uses the bucket. */
export interface Lease {
  node: NodeId;
  tokens: number;
  until: Instant;
}

/** What all nodes know of a bucket. */
export interface SharedBucket {
  rate: BucketRate;
  fullAt: FullAt;
  leases: Lease[];
}

/** What a node tells and wants. */
export interface Ask {
  node: NodeId;
  /** As the node knows it from the configuration. */
  rate: BucketRate;
  /** Tokens used since it last asked; more than it had leased means debt. */
  used: number;
  /** How long ago the last of them was, in ms. */
  usedAgoMs: number;
  /** Tokens that it wants to hold from now on, those it holds already included. */
  want: number;
  /** It does not use the bucket any longer, until it asks again. */
  leaves: boolean;
}

/** The answer. */
export interface Grant {
  /** Tokens that the node holds now, for {@link LEASE_MS}. */
  tokens: number;
  /** Tokens that nobody holds; with a fraction, below 0 in debt. */
  free: number;
  /** Until a whole token is free, in ms. */
  nextInMs: number;
  /** Nodes that use the bucket, this one included. */
  sharers: number;
}

/** Settles an ask. @param shared null: nobody has used the bucket yet. */
export function exchange(
  shared: SharedBucket | null,
  { node, rate, used, usedAgoMs, want, leaves }: Ask,
  now: Instant,
): { shared: SharedBucket; grant: Grant } {
  const tokenMs = tokenMsOf(rate);
  const before = shared ? carryOver(shared, rate, now) : 0;
  const fullAt = used > 0 ? Math.max(before, now - usedAgoMs) + used * tokenMs : before;
  const others = (shared?.leases ?? []).filter((lease) => lease.node !== node && lease.until > now);
  const setAside = others.reduce((sum, { tokens }) => sum + tokens, 0);
  const there = rate.burst - Math.max(fullAt - now, 0) / tokenMs - setAside;
  const tokens = leaves ? 0 : Math.max(0, Math.min(want, Math.floor(there + EPSILON)));
  const leases = leaves ? others : [...others, { node, tokens, until: now + LEASE_MS }];
  const free = there - tokens;
  const nextInMs = Math.max(0, Math.ceil((1 - free - EPSILON) * tokenMs));
  return { shared: { rate, fullAt, leases }, grant: { tokens, free, nextInMs, sharers: others.length + 1 } };
}

/** The bucket's state under another rate: the tokens used up stay so, at most as many as the new bucket holds. */
function carryOver({ rate: from, fullAt }: SharedBucket, to: BucketRate, now: Instant): FullAt {
  if (from.count === to.count && from.perMs === to.perMs) return fullAt;
  const usedTokens = Math.max(fullAt - now, 0) / tokenMsOf(from);
  return now + Math.min(usedTokens, to.burst) * tokenMsOf(to);
}

/** Sums of fractions must not cost a token. */
const EPSILON = 1e-6;
