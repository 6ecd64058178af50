/** What a node knows of its part of a shared token bucket: what it holds, has used and has not told, and how fast it uses it. */
import { tokenMsOf } from '#domain/rate-bucket.ts';
import { LEASE_MS } from '#domain/shared-bucket.ts';
import type { Ask, BucketRate, Grant } from '#domain/shared-bucket.ts';
import type { Instant } from '#domain/time.ts';

/** How far ahead of its use a node leases: with it, what all hold is a tenth of what a second brings. */
const AHEAD_MS = 100;
/** The use of a bucket is measured over at least so long. */
const MEASURE_MS = 50;
/** What was used is told after so long. */
const TELL_MS = 500;
/** A node that has not used a bucket for so long gives back what it holds. */
const IDLE_MS = 1_000;

/** What is left in the bucket, as far as this node knows. */
export interface Standing {
  /** Whole tokens. */
  remaining: number;
  /** Until there is one, in ms. */
  retryAfterMs: number;
}

/** The book of one bucket. Times are the node's own. */
export interface TokenBook {
  /** Takes one of those held; false when none is. */
  take(now: Instant): boolean;
  use(count: number, now: Instant): void;
  giveBack(): void;
  /** True when there are so few that more should be asked for. */
  isLow(): boolean;
  /** Closes the account of what was used: it is being told. @param wanted by those who wait. */
  ask(now: Instant, wanted: number, leaves: boolean): Omit<Ask, 'node'>;
  answered(now: Instant, askedAt: Instant, leaves: boolean, grant: Grant): void;
  /** The ask was lost; it is told again. */
  failed(ask: Pick<Ask, 'used'>): void;
  /** False when it had this rate already. */
  setRate(rate: BucketRate): boolean;
  standing(now: Instant): Standing;
  sharers(): number;
  /** Whether something is to be told, renewed or given back now; `leaves`: and nothing more is wanted. Null: nothing. */
  due(now: Instant, askedAt: Instant): { leaves: boolean } | null;
  /** False when nothing will be due until the bucket is used again. */
  isOpen(now: Instant): boolean;
}

/** A book with nothing in it. */
export function tokenBook(first: BucketRate, now: Instant): TokenBook {
  let rate = first;
  const lease = { held: 0, until: 0 as Instant };
  const untold = { count: 0, lastAt: now };
  /** As of the last answer: with fractions, below 0 in debt. */
  const shared = { free: 0, at: 0 as Instant, sharers: 1 };
  const meter = useMeter(now);

  function note(count: number, at: Instant): void {
    untold.count += count;
    untold.lastAt = at;
    meter.note(count);
  }

  return {
    take: (at) => {
      if (at >= lease.until) lease.held = 0;
      if (lease.held < 1) return false;
      lease.held -= 1;
      note(1, at);
      return true;
    },
    use: (count, at) => {
      const fromLease = Math.min(count, lease.held);
      lease.held -= fromLease;
      shared.free -= count - fromLease;
      note(count, at);
    },
    giveBack: () => {
      if (untold.count === 0) return;
      untold.count -= 1;
      lease.held += 1;
    },
    isLow: () => lease.held < meter.ahead() / 2,
    ask: (at, wanted, leaves) => {
      meter.read(at);
      const used = untold.count;
      untold.count = 0;
      const want = leaves ? 0 : Math.max(meter.ahead(), wanted);
      return { rate, used, usedAgoMs: Math.max(0, at - untold.lastAt), want, leaves };
    },
    answered: (at, askedAt, leaves, grant) => {
      // What was taken meanwhile is of this lease; it is told the next time.
      lease.held = Math.max(0, grant.tokens - untold.count);
      lease.until = leaves ? 0 : askedAt + LEASE_MS;
      Object.assign(shared, { free: grant.free, at, sharers: grant.sharers });
    },
    failed: ({ used }) => {
      untold.count += used;
    },
    setRate: (next) => {
      const isNew = next.count !== rate.count || next.perMs !== rate.perMs || next.burst !== rate.burst;
      if (isNew) lease.held = 0;
      rate = next;
      return isNew;
    },
    standing: (at) => {
      const tokenMs = tokenMsOf(rate);
      return standingOf(Math.min(lease.held + shared.free + (at - shared.at) / tokenMs, rate.burst), tokenMs);
    },
    sharers: () => shared.sharers,
    due: (at, askedAt) => {
      const isIdle = at - untold.lastAt >= IDLE_MS;
      const mustTell = untold.count > 0 && at - askedAt >= TELL_MS;
      const mustRenew = !isIdle && lease.until - at < LEASE_MS / 2;
      return mustTell || mustRenew || (isIdle && lease.held > 0) ? { leaves: isIdle } : null;
    },
    isOpen: (at) => untold.count > 0 || lease.held > 0 || at - untold.lastAt < IDLE_MS,
  };
}

function standingOf(tokens: number, tokenMs: number): Standing {
  const retryAfterMs = Math.max(0, Math.ceil((1 - tokens - EPSILON) * tokenMs));
  return { remaining: Math.max(0, Math.floor(tokens + EPSILON)), retryAfterMs };
}

/** How fast the tokens are used. */
function useMeter(now: Instant) {
  let [count, since, perMs] = [0, now, 0];
  return {
    note: (used: number) => void (count += used),
    read: (at: Instant) => {
      const ms = at - since;
      if (ms < MEASURE_MS) return;
      perMs = (perMs + count / ms) / 2;
      [count, since] = [0, at];
    },
    /** How many to hold. What is used while one token comes and goes is asked for one by one: it would be held for nothing. */
    ahead: () => {
      const target = Math.ceil(perMs * AHEAD_MS);
      return target >= 2 ? target : 0;
    },
  };
}

/** Sums of fractions must not cost a token. */
const EPSILON = 1e-6;
