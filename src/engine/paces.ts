/** The paces of providers and of their senders: gates whose tokens all nodes share. */
import type { ProviderConfig, ProviderLimits } from '#domain/provider.ts';
import type { Rate } from '#domain/rate-bucket.ts';
import type { BucketRate } from '#domain/shared-bucket.ts';
import type { Clock } from '#ports/clock.ts';
import { createGate } from './gate.ts';
import type { Gate, GateLimits } from './gate.ts';
import type { LeasedTokens } from './leased-tokens.ts';
import type { TokenPool } from './token-pool.ts';

/** A pace is kept over so long: what a node is late by is made up for, what is more is lost. The burst is what comes in it. */
const EVEN_MS = 100;
/** Of what comes in so long, as much may wait at a gate; the rest waits in its rows. */
const WAITING_MS = 500;
/** A gate whose next token is further off lets nobody wait. */
const NEXT_MS = 1_000;
/** Calls that may wait at a gate, for each that may be under way. */
const WAITING_PER_CALL = 2;
/** Senders that a node keeps the paces of; those used least recently go, when nobody waits for them. */
const SENDERS_MAX = 1_000;
/** For a provider whose rate is not limited: its nodes share its bucket all the same, and so know how many they are. */
const UNLIMITED: Rate = { count: 1_000_000, perMs: 1_000 };

/** Sets and finds the gates. */
export interface Paces {
  /** Makes the gate of a provider keep its limits. @param concurrency what a node may have under way at once, whatever the limits say. */
  apply(gate: Gate, config: ProviderConfig, concurrency: number): void;
  /** The gate of a sender; null: the provider does not limit senders. */
  ofSender(config: ProviderConfig, sender: string): Gate | null;
  /** Nobody waits any more. */
  close(): void;
}

/** A gate with what limits it. */
interface Paced {
  gate: Gate;
  tokens: LeasedTokens;
  rules: GateLimits;
  /** As it is now. */
  limits: { rate: Rate; concurrency: number | null; nodeMax: number };
}

/** No paces yet. */
export function createPaces(pool: TokenPool, clock: Clock): Paces {
  const providers = new Map<Gate, Paced>();
  const senders = new Map<string, Paced>();

  function open(gate: Gate, name: string, limits: Paced['limits']): Paced {
    const taker = { demand: gate.demand, onAnswer: () => refresh(paced) };
    const tokens = pool.lease(name, evenly(limits.rate), taker);
    const { tryTake, giveBack } = tokens;
    const paced: Paced = {
      gate,
      limits,
      tokens,
      rules: { tryTake, giveBack, waitingMax: () => waitingMax(paced), clock },
    };
    return paced;
  }

  return {
    apply: (gate, { accountId, id, limits }, nodeMax) => {
      const known = providers.get(gate);
      if (!isPaced(limits)) {
        gate.setLimits(null);
        return gate.widen(nodeMax);
      }
      const wanted = { rate: limits.rate ?? UNLIMITED, concurrency: limits.concurrency ?? null, nodeMax };
      const paced = known ?? open(gate, `pace ${JSON.stringify([accountId, id])}`, wanted);
      providers.set(gate, paced);
      paced.limits = wanted;
      paced.tokens.setRate(evenly(wanted.rate));
      gate.setLimits(paced.rules);
      refresh(paced);
    },
    ofSender: ({ accountId, id, limits }, sender) => {
      if (!limits?.perSender) return null;
      const name = `pace ${JSON.stringify([accountId, id, sender])}`;
      const wanted = { rate: limits.perSender, concurrency: null, nodeMax: Infinity };
      const known = senders.get(name);
      const paced = known ?? open(createGate(), name, wanted);
      senders.delete(name);
      senders.set(name, paced);
      if (!known) {
        paced.gate.setLimits(paced.rules);
        paced.gate.widen(Infinity);
      }
      paced.limits = wanted;
      paced.tokens.setRate(evenly(wanted.rate));
      forgetSome(senders);
      return paced.gate;
    },
    close: () => {
      for (const { gate } of [...providers.values(), ...senders.values()]) gate.close();
    },
  };
}

function isPaced(limits: ProviderLimits | undefined): limits is ProviderLimits {
  return limits?.rate !== undefined || limits?.concurrency !== undefined;
}

/** The bucket that lets messages through evenly. */
function evenly({ count, perMs }: Rate): BucketRate {
  return { count, perMs, burst: 1 + (count * EVEN_MS) / perMs };
}

/** There may be tokens, and another number of nodes that share them. */
function refresh({ gate, tokens, limits: { concurrency, nodeMax } }: Paced): void {
  const share = concurrency === null ? nodeMax : Math.max(1, Math.floor(concurrency / tokens.sharers()));
  gate.widen(Math.min(share, nodeMax));
}

/** How many may wait at the gate: as many as this node's share of the pace brings in a while. */
function waitingMax({ tokens, limits: { rate, concurrency } }: Paced): number {
  const sharers = tokens.sharers();
  const byRate = Math.floor((rate.count * WAITING_MS) / rate.perMs / sharers);
  const byCalls = concurrency === null ? Infinity : Math.max(1, Math.floor((concurrency * WAITING_PER_CALL) / sharers));
  const max = Math.min(byRate, byCalls);
  if (max >= 1) return max;
  return tokens.standing().retryAfterMs <= NEXT_MS ? 1 : 0;
}

function forgetSome(senders: Map<string, Paced>): void {
  for (const [name, { gate }] of senders) {
    if (senders.size <= SENDERS_MAX) return;
    if (gate.demand() === 0) senders.delete(name);
  }
}
