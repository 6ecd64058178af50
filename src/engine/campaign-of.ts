/** What a request's campaigns are: those of the account, or the one that tries a provider and is written nowhere else. */
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { ConfigCache } from './config-cache.ts';

type Asked = Pick<TransactionRequest, 'test'>;

/** The campaign as it stands; null: there is none. */
export function campaignOf(
  config: ConfigCache,
  accountId: AccountId,
  id: CampaignId,
  { test }: Asked,
): Campaign | null {
  if (!test) return config.campaign(accountId, id);
  return { accountId, id, name: id, state: 'running', version: 1, content: test.content };
}

/** What a version of it says; null: there never was one. */
export async function contentOf(
  config: ConfigCache,
  accountId: AccountId,
  { campaignId, campaignVersion }: { campaignId: CampaignId; campaignVersion: number },
  { test }: Asked,
): Promise<CampaignContent | null> {
  return test ? test.content : config.version(accountId, campaignId, campaignVersion);
}
