/** What a limited request is told (semantics §9): the vendors' X-RateLimit headers, and the IETF's RateLimit ones. */
import type { FastifyReply } from 'fastify';
import type { LimitedApi } from '#domain/account.ts';
import type { RateLimits } from '#engine/rate-limits.ts';
import { Refusal } from './refusal.ts';

/**
 * Takes one request from the account's bucket and says so in the answer's headers.
 * @throws {Refusal} rate_limited, with when to come again.
 * @throws {StoreUnavailableError} the limit is used on other nodes too, and the database cannot say how much.
 */
export async function takeFromLimit(
  limits: RateLimits,
  accountId: string,
  api: LimitedApi,
  reply: FastifyReply,
): Promise<void> {
  const state = await limits.take(accountId, api);
  if (!state) return;
  const { rate, remaining, retryAfterMs } = state;
  const retryAfterS = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  const resetS = remaining > 0 ? 0 : retryAfterS;
  reply.header('x-ratelimit-limit', rate.count);
  reply.header('x-ratelimit-remaining', remaining);
  reply.header('ratelimit-policy', `"${api}";q=${rate.count};w=${rate.perMs / 1_000}`);
  reply.header('ratelimit', `"${api}";r=${remaining};t=${resetS}`);
  if (state.allowed) return;
  throw new Refusal('rate_limited', `more than ${rate.count} requests in ${rate.perMs / 1_000} s`, { retryAfterS });
}
