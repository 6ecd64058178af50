/** The token buckets of semantics §9, on this node. */
import type { LimitedApi } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import { take, use } from '#domain/rate-bucket.ts';
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

/** Full buckets. A changed rate takes effect at once, with what was used up under the old one. */
export function rateLimits(config: ConfigCache, clock: Clock): RateLimits {
  const buckets = new Map<string, FullAt>();
  return {
    take: (accountId, api) => {
      const rate = config.account(accountId)?.limits[api];
      if (!rate) return null;
      const key = `${api} ${accountId}`;
      const taken = take(rate, buckets.get(key) ?? 0, clock.now(), 1);
      buckets.set(key, taken.fullAt);
      return { ...taken, rate };
    },
    use: (accountId, api, cost) => {
      const rate = config.account(accountId)?.limits[api];
      if (!rate || cost === 0) return;
      const key = `${api} ${accountId}`;
      buckets.set(key, use(rate, buckets.get(key) ?? 0, clock.now(), cost));
    },
  };
}
