/** The rate limits of accounts (semantics §9), held by all nodes together. */
import { LIMITED_APIS, limitOf } from '#domain/account.ts';
import type { LimitedApi } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import type { Rate } from '#domain/rate-bucket.ts';
import type { ConfigCache } from './config-cache.ts';
import type { LeasedTokens } from './leased-tokens.ts';
import type { Standing } from './token-book.ts';
import type { TokenPool } from './token-pool.ts';

/** What a limited request is told, in the answer's headers. */
export interface LimitState extends Standing {
  rate: Rate;
  allowed: boolean;
}

/** Takes from accounts' buckets. */
export interface RateLimits {
  /**
   * Takes one token; null when the account has no limit for the API. Asks no database while this node holds tokens.
   * @throws {StoreUnavailableError} it does not, and there is none to be asked.
   */
  take(accountId: AccountId, api: LimitedApi): Promise<LimitState | null>;
  /** Uses up tokens whether they are there or not: further campaigns that a request triggers. */
  use(accountId: AccountId, api: LimitedApi, cost: number): void;
  /** The limits of an account, with what is left of each on all nodes. */
  of(accountId: AccountId): Promise<{ api: LimitedApi; rate: Rate; standing: Standing }[]>;
}

/** Full buckets. A changed rate takes effect at once, with the tokens that were used up under the old one. */
export function rateLimits(config: ConfigCache, pool: TokenPool): RateLimits {
  const buckets = new Map<string, LeasedTokens>();

  function bucketOf(accountId: AccountId, api: LimitedApi): { rate: Rate; tokens: LeasedTokens } | null {
    const account = config.account(accountId);
    const rate = account && limitOf(account, api);
    if (!rate) return null;
    const name = `limit ${api} ${accountId}`;
    // The burst is one period's worth.
    const full = { ...rate, burst: rate.count };
    const known = buckets.get(name);
    known?.setRate(full);
    const tokens = known ?? pool.lease(name, full);
    if (!known) buckets.set(name, tokens);
    return { rate, tokens };
  }

  return {
    take: async (accountId, api) => {
      const bucket = bucketOf(accountId, api);
      if (!bucket) return null;
      const allowed = await bucket.tokens.take();
      return { allowed, ...bucket.tokens.standing(), rate: bucket.rate };
    },
    use: (accountId, api, cost) => {
      if (cost > 0) bucketOf(accountId, api)?.tokens.use(cost);
    },
    of: async (accountId) => {
      const limited = LIMITED_APIS.flatMap((api) => {
        const bucket = bucketOf(accountId, api);
        return bucket ? { api, ...bucket } : [];
      });
      await Promise.all(limited.map(({ tokens }) => tokens.look()));
      return limited.map(({ api, rate, tokens }) => ({ api, rate, standing: tokens.standing() }));
    },
  };
}
