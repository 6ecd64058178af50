/** The manifest that says what is there: applying it changes nothing. */
import type { Account } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import { formatRate } from '#domain/rate-bucket.ts';
import type { JsonObject } from '#domain/request.ts';
import { formatDuration } from '#domain/time.ts';
import type { ProviderType } from '#ports/provider.ts';
import type { ConfigCache } from '../config-cache.ts';
import { campaignView } from './campaign.ts';
import { keyView } from './keys.ts';
import { providerView } from './provider.ts';
import { webhookView } from './webhook.ts';
import { writingView } from './writing-rules.ts';

/** The manifest of an account, without its keys and credentials; null when there is no such account. */
export function manifestOf(
  config: ConfigCache,
  accountId: AccountId,
  types: readonly ProviderType[],
): JsonObject | null {
  const account = config.account(accountId);
  if (!account) return null;
  const { id, ...rest } = accountView(account);
  return {
    account: id!,
    ...rest,
    keys: config.keys(accountId).map(keyView),
    providers: config.providers(accountId).map((provider) => providerView(provider, types)),
    campaigns: config.campaigns(accountId).map(campaignView),
    webhooks: config.webhooks(accountId).map(webhookView),
  };
}

/** An account as a manifest and the API write it. */
export function accountView(account: Account): JsonObject {
  const { id, name, defaultRegion, receiptWindowMs, privateNetwork, limits } = account;
  const rates = Object.entries(limits).map(([api, rate]) => [api, formatRate(rate)]);
  return {
    id,
    name,
    ...(defaultRegion !== null && { defaultRegion }),
    receiptWindow: formatDuration(receiptWindowMs),
    ...writingView(account),
    ...(privateNetwork && { privateNetwork }),
    limits: Object.fromEntries(rates) as JsonObject,
  };
}
