/** Where accounts, keys, providers, campaigns and webhooks live. Nodes keep them in memory and follow the changes by revision. */
import type { Account, ApiKey } from '#domain/account.ts';
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Webhook } from '#domain/webhook.ts';

/** A set of changes, written together or not at all. */
export interface ConfigChanges {
  accounts?: Account[];
  keys?: ApiKey[];
  providers?: ProviderConfig[];
  /** With `contentChanged`, `content` is stored as version `version`; else only name and state change. */
  campaigns?: { campaign: Campaign; contentChanged: boolean }[];
  webhooks?: Webhook[];
  removedKeys?: { accountId: AccountId; id: string }[];
  removedProviders?: { accountId: AccountId; id: string }[];
  removedCampaigns?: { accountId: AccountId; id: CampaignId }[];
  removedWebhooks?: { accountId: AccountId; id: string }[];
}

/** What has changed since a revision: whole things, and the ids of removed ones. */
export interface ConfigNews {
  revision: number;
  accounts: Account[];
  keys: ApiKey[];
  providers: ProviderConfig[];
  campaigns: Campaign[];
  webhooks: Webhook[];
  /** `version`: a campaign's last one; one of the same id that comes later counts on from it. */
  removed: { kind: 'key' | 'provider' | 'campaign' | 'webhook'; accountId: AccountId; id: string; version?: number }[];
}

/** The promises: revisions are given in commit order, so that reading "since" misses nothing. */
export interface ConfigStore {
  /** Writes all changes in one unit of work if nothing was written since `basedOn`; null when something was. */
  write(changes: ConfigChanges, basedOn: number): Promise<number | null>;
  /** Everything written after the revision (0: everything there is). */
  since(revision: number): Promise<ConfigNews>;
  /** The content of one version of a campaign; null when it never existed. */
  version(accountId: AccountId, id: CampaignId, version: number): Promise<CampaignContent | null>;
}
