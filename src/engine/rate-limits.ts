/** The token buckets of semantics §9, on this node. */
import type { LimitedApi } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import { carryOver, take, use } from '#domain/rate-bucket.ts';
import type { FullAt, Rate, Taken } from '#domain/rate-bucket.ts';
import type { Clock } from '#ports/clock.ts';
import type { ConfigCache } from './config-cache.ts';

/** What a limited request is told, in the answer's headers. */
export interface LimitState extends Taken {
  rate: Rate;
}

/** Takes from accounts' buckets. */
export interface RateLimits {
  /** Takes one token; null when the account has no limit for the API. */
  take(accountId: AccountId, api: LimitedApi): LimitState | null;
  /** Uses up tokens whether they are there or not: further campaigns that a request triggers. */
  use(accountId: AccountId, api: LimitedApi, cost: number): void;
}

/** Full buckets. A changed rate takes effect at once, with the tokens that were used up under the old one. */
export function rateLimits(config: ConfigCache, clock: Clock): RateLimits {
  const buckets = new Map<string, { rate: Rate; fullAt: FullAt }>();

  function fullAtOf(key: string, rate: Rate): FullAt {
    const known = buckets.get(key);
    return known ? carryOver(known.rate, rate, known.fullAt, clock.now()) : 0;
  }

  return {
    take: (accountId, api) => {
      const rate = config.account(accountId)?.limits[api];
      if (!rate) return null;
      const key = `${api} ${accountId}`;
      const taken = take(rate, fullAtOf(key, rate), clock.now(), 1);
      buckets.set(key, { rate, fullAt: taken.fullAt });
      return { ...taken, rate };
    },
    use: (accountId, api, cost) => {
      const rate = config.account(accountId)?.limits[api];
      if (!rate || cost === 0) return;
      const key = `${api} ${accountId}`;
      buckets.set(key, { rate, fullAt: use(rate, fullAtOf(key, rate), clock.now(), cost) });
    },
  };
}
