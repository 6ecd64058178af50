/**
 * This node's part of a token bucket that all nodes share (semantics §9). Tokens are leased some way ahead of their use and
 * taken from memory; what was used is told with the next ask, at the latest half a second later.
 */
import { tokenMsOf } from '#domain/rate-bucket.ts';
import { LEASE_MS } from '#domain/shared-bucket.ts';
import type { BucketRate, Grant } from '#domain/shared-bucket.ts';
import type { NodeId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { TokenStore } from '#ports/token-store.ts';

/** How far ahead of its use a node leases: with it, what all hold is a tenth of what a second brings. */
const AHEAD_MS = 100;
/** The use of a bucket is measured over at least so long. */
const MEASURE_MS = 50;
/** A bucket that was found empty is not asked again sooner, … */
const EMPTY_MIN_MS = 40;
/** … nor much later: others may give back what they hold, or the rate may change. */
const EMPTY_MAX_MS = 1_000;
/** After the database could not be asked. */
const FAULT_MS = 500;
/** What was used is told after so long. */
const TELL_MS = 500;
/** A node that has not used a bucket for so long gives back what it holds. */
const IDLE_MS = 1_000;

/** What leasing needs. */
export interface LeaseTools {
  tokens: TokenStore;
  clock: Clock;
  node(): NodeId;
  /** Told when there is something to be told, renewed or given back: {@link LeasedTokens.tick} is then called now and then. */
  onActive(tokens: LeasedTokens): void;
}

/** What is left in the bucket, as far as this node knows. */
export interface Standing {
  /** Whole tokens. */
  remaining: number;
  /** Until there is one, in ms. */
  retryAfterMs: number;
}

/** The bucket on this node. */
export interface LeasedTokens {
  /** Takes one of those held; false when none is. Sees to it that there will be some. */
  tryTake(): boolean;
  /** Takes one, asking for it where none is held; false when there is none. Throws when the bucket cannot be asked. */
  take(): Promise<boolean>;
  /** Uses up tokens whether they are there or not. */
  use(count: number): void;
  /** What was taken was not used. */
  giveBack(): void;
  /** The bucket has another rate from now on. */
  setRate(rate: BucketRate): void;
  standing(): Standing;
  /** Asks the bucket, so that the {@link standing} is that of all nodes. */
  look(): Promise<void>;
  /** Nodes that use the bucket, this one included. */
  sharers(): number;
  /** Tells, renews or gives back what has become due; false when nothing ever will until it is used again. */
  tick(): Promise<boolean>;
  /** Tells what was used, and gives back the rest. */
  close(): Promise<void>;
}

/** Who waits for tokens without asking for them one by one. */
export interface Taker {
  /** How many would be taken now. */
  demand(): number;
  /** There may be some. */
  onAnswer(): void;
}

const NOBODY: Taker = { demand: () => 0, onAnswer: () => undefined };

/** A bucket that nothing has been leased of yet. */
export function leasedTokens(tools: LeaseTools, name: string, first: BucketRate, taker: Taker = NOBODY): LeasedTokens {
  const { clock } = tools;
  let rate = first;
  const lease = { held: 0, until: 0 as Instant };
  const untold = { count: 0, lastAt: clock.now() };
  /** As of the last answer: with fractions, below 0 in debt. */
  const shared = { free: 0, at: 0 as Instant, sharers: 1 };
  const meter = { count: 0, since: clock.now(), perMs: 0 };
  const timing = { askedAt: 0 as Instant, nextAskAt: 0 as Instant, callOff: null as (() => void) | null };
  let waiting = 0;
  let asking: Promise<void> | null = null;

  /** What is used while one token comes and goes is asked for one by one: it would be held for nothing. */
  function ahead(): number {
    const target = Math.ceil(meter.perMs * AHEAD_MS);
    return target >= 2 ? target : 0;
  }

  function measure(now: Instant): void {
    const ms = now - meter.since;
    if (ms < MEASURE_MS) return;
    meter.perMs = (meter.perMs + meter.count / ms) / 2;
    [meter.count, meter.since] = [0, now];
  }

  function ask(leaves = false): Promise<void> {
    asking ??= askNow(leaves).finally(() => {
      asking = null;
      taker.onAnswer();
    });
    return asking;
  }

  async function askNow(leaves: boolean): Promise<void> {
    const now = (timing.askedAt = clock.now());
    measure(now);
    const want = leaves ? 0 : Math.max(ahead(), waiting, taker.demand());
    const used = untold.count;
    const asked = { node: tools.node(), rate, used, usedAgoMs: Math.max(0, now - untold.lastAt), want, leaves };
    untold.count = 0;
    tools.onActive(self);
    try {
      settle(await tools.tokens.exchange(name, asked), want, leaves);
    } catch (error) {
      untold.count += used;
      timing.nextAskAt = clock.now() + FAULT_MS;
      throw error;
    }
    // It had changed while the bucket was asked.
    if (asked.rate !== rate) timing.nextAskAt = 0;
  }

  function settle(grant: Grant, want: number, leaves: boolean): void {
    const now = clock.now();
    // What was taken meanwhile is of this lease; it is told the next time.
    lease.held = Math.max(0, grant.tokens - untold.count);
    lease.until = leaves ? 0 : timing.askedAt + LEASE_MS;
    Object.assign(shared, { free: grant.free, at: now, sharers: grant.sharers });
    const isEmpty = grant.tokens < want;
    timing.nextAskAt = isEmpty ? now + Math.min(Math.max(grant.nextInMs, EMPTY_MIN_MS), EMPTY_MAX_MS) : 0;
  }

  function note(count: number): void {
    untold.count += count;
    untold.lastAt = clock.now();
    meter.count += count;
    tools.onActive(self);
  }

  /** Asks as soon as it may; what fails is tried again by the next one who wants a token. */
  function askSoon(): void {
    if (asking || timing.callOff) return;
    const run = () => {
      timing.callOff = null;
      if (!asking) ask().catch(() => undefined); // its waiters are told, and the tick says what is wrong
    };
    if (timing.nextAskAt <= clock.now()) return run();
    timing.callOff = clock.at(timing.nextAskAt, run);
  }

  const self: LeasedTokens = {
    tryTake: () => {
      if (clock.now() >= lease.until) lease.held = 0;
      const target = ahead();
      const hasOne = lease.held >= 1;
      if (hasOne) {
        lease.held -= 1;
        note(1);
      }
      if (lease.held < target / 2 || (!hasOne && taker.demand() > 0)) askSoon();
      return hasOne;
    },
    take: async () => {
      for (;;) {
        if (self.tryTake()) return true;
        if (!asking && clock.now() < timing.nextAskAt) return false;
        waiting += 1;
        await ask().finally(() => (waiting -= 1));
      }
    },
    use: (count) => {
      const fromLease = Math.min(count, lease.held);
      lease.held -= fromLease;
      shared.free -= count - fromLease;
      note(count);
    },
    giveBack: () => {
      if (untold.count === 0) return;
      untold.count -= 1;
      lease.held += 1;
    },
    setRate: (next) => {
      if (next.count === rate.count && next.perMs === rate.perMs && next.burst === rate.burst) return;
      rate = next;
      timing.nextAskAt = 0;
      lease.held = 0;
      timing.callOff?.();
      timing.callOff = null;
      if (taker.demand() > 0) askSoon();
    },
    standing: () => {
      const tokenMs = tokenMsOf(rate);
      const there = Math.min(lease.held + shared.free + (clock.now() - shared.at) / tokenMs, rate.burst);
      const retryAfterMs = Math.max(0, Math.ceil((1 - there - EPSILON) * tokenMs));
      return { remaining: Math.max(0, Math.floor(there + EPSILON)), retryAfterMs };
    },
    look: async () => {
      await asking;
      await ask();
    },
    sharers: () => shared.sharers,
    tick: async () => {
      const now = clock.now();
      const idleMs = now - untold.lastAt;
      if (asking) return true;
      if (untold.count > 0 && now - timing.askedAt >= TELL_MS) await ask(idleMs >= IDLE_MS);
      else if (lease.held > 0 && idleMs >= IDLE_MS) await ask(true);
      else if (idleMs < IDLE_MS && lease.until - now < LEASE_MS / 2) await ask();
      return untold.count > 0 || lease.held > 0 || clock.now() - untold.lastAt < IDLE_MS;
    },
    close: async () => {
      timing.callOff?.();
      await asking;
      if (untold.count > 0 || lease.held > 0) await ask(true);
    },
  };
  return self;
}

/** Sums of fractions must not cost a token. */
const EPSILON = 1e-6;
