/** Accounts, keys, providers, campaigns and webhooks in memory, found by whatever they are asked for. */
import type { Account, ApiKey } from '#domain/account.ts';
import type { Campaign } from '#domain/campaign.ts';
import type { AccountId, CampaignId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Webhook, WebhookId } from '#domain/webhook.ts';
import type { ConfigNews } from '#ports/config-store.ts';

/** What can be asked synchronously. */
export interface ConfigIndex {
  accounts(): Account[];
  account(id: AccountId): Account | null;
  /** By the lower-case hex SHA-256 of the key. */
  keyByHash(sha256: string): ApiKey | null;
  keys(accountId: AccountId): ApiKey[];
  provider(accountId: AccountId, id: ProviderId): ProviderConfig | null;
  providers(accountId: AccountId): ProviderConfig[];
  /** Those of all accounts. */
  everyProvider(): Iterable<ProviderConfig>;
  /** By the secret in the address vendors call back. */
  providerBySecret(receiptSecret: string): ProviderConfig | null;
  campaign(accountId: AccountId, id: CampaignId): Campaign | null;
  campaigns(accountId: AccountId): Campaign[];
  /** Asked for every tracked event: the ids of the running campaigns that it starts. */
  startedBy(accountId: AccountId, eventName: string): readonly CampaignId[];
  webhook(accountId: AccountId, id: WebhookId): Webhook | null;
  /** Asked at every transition: the same list until a webhook changes. */
  webhooks(accountId: AccountId): readonly Webhook[];
  /** The last version of a campaign, also of a removed one; 0 when there never was one. */
  lastVersion(accountId: AccountId, id: CampaignId): number;
}

/** An index, and the way to bring it up to date. */
export function configIndex(): ConfigIndex & { take(news: ConfigNews): void } {
  const accounts = new Map<AccountId, Account>();
  const keys = twoWays<ApiKey>(({ sha256 }) => sha256);
  const providers = twoWays<ProviderConfig>(({ receiptSecret }) => receiptSecret);
  const campaigns = twoWays<Campaign>(nameOf);
  const webhooks = twoWays<Webhook>(nameOf);
  const webhooksOf = new Map<AccountId, Webhook[]>();
  const starting = new Map<AccountId, Map<string, CampaignId[]>>();
  const removedVersions = new Map<string, number>();

  return {
    take: (news) => {
      for (const account of news.accounts) accounts.set(account.id, account);
      news.keys.forEach(keys.put);
      news.providers.forEach(providers.put);
      news.campaigns.forEach(campaigns.put);
      news.webhooks.forEach(webhooks.put);
      for (const { kind, version, ...thing } of news.removed) {
        if (kind === 'campaign') removedVersions.set(nameOf(thing), version ?? 0);
        ({ key: keys, provider: providers, campaign: campaigns, webhook: webhooks })[kind].drop(nameOf(thing));
      }
      for (const { accountId } of [...news.webhooks, ...news.removed]) {
        const its = webhooks.ofAccount(accountId);
        if (its.length > 0) webhooksOf.set(accountId, its);
        else webhooksOf.delete(accountId);
      }
      const changed = [...news.campaigns, ...news.removed.filter(({ kind }) => kind === 'campaign')];
      for (const accountId of new Set(changed.map((one) => one.accountId))) {
        const its = byEvent(campaigns.ofAccount(accountId));
        if (its.size > 0) starting.set(accountId, its);
        else starting.delete(accountId);
      }
    },
    accounts: () => [...accounts.values()],
    account: (id) => accounts.get(id) ?? null,
    keyByHash: keys.byOther,
    keys: keys.ofAccount,
    provider: (accountId, id) => providers.byName(nameOf({ accountId, id })),
    providers: providers.ofAccount,
    everyProvider: providers.all,
    providerBySecret: providers.byOther,
    campaign: (accountId, id) => campaigns.byName(nameOf({ accountId, id })),
    campaigns: campaigns.ofAccount,
    startedBy: (accountId, eventName) => starting.get(accountId)?.get(eventName) ?? NO_IDS,
    webhook: (accountId, id) => webhooks.byName(nameOf({ accountId, id })),
    webhooks: (accountId) => webhooksOf.get(accountId) ?? NONE,
    lastVersion: (accountId, id) => {
      const name = nameOf({ accountId, id });
      return campaigns.byName(name)?.version ?? removedVersions.get(name) ?? 0;
    },
  };
}

const NONE: readonly Webhook[] = [];
const NO_IDS: readonly CampaignId[] = [];

/** The running ones by the event that starts them. */
function byEvent(campaigns: Campaign[]): Map<string, CampaignId[]> {
  const ids = new Map<string, CampaignId[]>();
  for (const { id, state, on } of campaigns) {
    if (state === 'running' && on) ids.set(on.event, [...(ids.get(on.event) ?? []), id]);
  }
  return ids;
}

interface Named {
  accountId: AccountId;
  id: string;
}

/** One string for a thing of an account. */
export function nameOf({ accountId, id }: Named): string {
  return JSON.stringify([accountId, id]);
}

/** Things by name, and by one other property that is unique. */
function twoWays<Thing extends Named>(otherOf: (thing: Thing) => string) {
  const byName = new Map<string, Thing>();
  const byOther = new Map<string, Thing>();
  const drop = (name: string) => {
    const known = byName.get(name);
    // Two keys may have swapped: what another thing is found by now is not this one's to remove.
    if (known && byOther.get(otherOf(known)) === known) byOther.delete(otherOf(known));
    byName.delete(name);
  };
  return {
    drop,
    put: (thing: Thing) => {
      drop(nameOf(thing));
      byName.set(nameOf(thing), thing);
      byOther.set(otherOf(thing), thing);
    },
    all: (): Iterable<Thing> => byName.values(),
    byName: (name: string) => byName.get(name) ?? null,
    byOther: (other: string) => byOther.get(other) ?? null,
    ofAccount: (accountId: AccountId) =>
      [...byName.values()].filter((thing) => thing.accountId === accountId).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
