/**
 * Accounts, keys, providers and campaigns in memory, followed by revision: a node reads what changed twice a second, and
 * at once what it changed itself. Asking it is synchronous, except for old campaign versions.
 */
import type { Account, ApiKey } from '#domain/account.ts';
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { AccountId, CampaignId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { ConfigChanges, ConfigNews, ConfigStore } from '#ports/config-store.ts';

/** Old campaign versions kept in memory: those that waiting transactions pin. */
const VERSIONS_MAX = 2_000;
/** How often a write that met somebody else's is decided again. */
const WRITE_TRIES = 20;

/** The configuration as this node knows it. */
export interface ConfigCache {
  revision(): number;
  accounts(): Account[];
  account(id: AccountId): Account | null;
  /** By the lower-case hex SHA-256 of the key. */
  keyByHash(sha256: string): ApiKey | null;
  keys(accountId: AccountId): ApiKey[];
  provider(accountId: AccountId, id: ProviderId): ProviderConfig | null;
  providers(accountId: AccountId): ProviderConfig[];
  campaign(accountId: AccountId, id: CampaignId): Campaign | null;
  campaigns(accountId: AccountId): Campaign[];
  /** The last version of a campaign, also of a removed one; 0 when there never was one. */
  lastVersion(accountId: AccountId, id: CampaignId): number;
  /** The content of any version there ever was; null for none. */
  version(accountId: AccountId, id: CampaignId, version: number): Promise<CampaignContent | null>;
  /** Reads what has changed. */
  refresh(): Promise<void>;
  /**
   * Decides changes on what is known and writes them; when another node wrote meanwhile, reads that and decides again.
   * @param decide may throw to refuse; nothing is written then. Null: nothing to change.
   */
  change(decide: () => ConfigChanges | null): Promise<void>;
}

/** A cache with nothing in it; `refresh` fills it. */
export function configCache(store: ConfigStore): ConfigCache {
  const accounts = new Map<AccountId, Account>();
  const keys = new Map<string, ApiKey>();
  const keysByHash = new Map<string, ApiKey>();
  const providers = new Map<string, ProviderConfig>();
  const campaigns = new Map<string, Campaign>();
  const removedVersions = new Map<string, number>();
  const versions = new Map<string, CampaignContent>();
  let revision = 0;
  let refreshing: Promise<void> | null = null;

  function take(news: ConfigNews): void {
    for (const account of news.accounts) accounts.set(account.id, account);
    for (const key of news.keys) putKey(key);
    for (const provider of news.providers) providers.set(nameOf(provider), provider);
    for (const campaign of news.campaigns) campaigns.set(nameOf(campaign), campaign);
    for (const { kind, version, ...thing } of news.removed) {
      const name = nameOf(thing);
      if (kind === 'provider') providers.delete(name);
      else if (kind === 'key') dropKey(name);
      else {
        campaigns.delete(name);
        removedVersions.set(name, version ?? 0);
      }
    }
    revision = news.revision;
  }

  function putKey(key: ApiKey): void {
    dropKey(nameOf(key));
    keys.set(nameOf(key), key);
    keysByHash.set(key.sha256, key);
  }

  function dropKey(name: string): void {
    const known = keys.get(name);
    if (known) keysByHash.delete(known.sha256);
    keys.delete(name);
  }

  async function version(accountId: AccountId, id: CampaignId, number: number): Promise<CampaignContent | null> {
    const current = campaigns.get(nameOf({ accountId, id }));
    if (current?.version === number) return current.content;
    const name = `${nameOf({ accountId, id })} ${number}`;
    const known = versions.get(name);
    if (known) return known;
    const content = await store.version(accountId, id, number);
    if (content) {
      versions.set(name, content);
      if (versions.size > VERSIONS_MAX) versions.delete(versions.keys().next().value!);
    }
    return content;
  }

  /** One read at a time: two that overlap could apply the older answer last. */
  function refresh(): Promise<void> {
    refreshing ??= store
      .since(revision)
      .then(take)
      .finally(() => (refreshing = null));
    return refreshing;
  }

  async function change(decide: () => ConfigChanges | null): Promise<void> {
    for (let tries = 0; tries < WRITE_TRIES; tries++) {
      await refresh();
      const changes = decide();
      if (changes === null) return;
      if ((await store.write(changes, revision)) !== null) return refresh();
    }
    throw new Error('the configuration is being changed by others all the time; try again');
  }

  return {
    revision: () => revision,
    accounts: () => [...accounts.values()],
    account: (id) => accounts.get(id) ?? null,
    keyByHash: (sha256) => keysByHash.get(sha256) ?? null,
    keys: (accountId) => ofAccount(keys, accountId),
    provider: (accountId, id) => providers.get(nameOf({ accountId, id })) ?? null,
    providers: (accountId) => ofAccount(providers, accountId),
    campaign: (accountId, id) => campaigns.get(nameOf({ accountId, id })) ?? null,
    campaigns: (accountId) => ofAccount(campaigns, accountId),
    lastVersion: (accountId, id) =>
      campaigns.get(nameOf({ accountId, id }))?.version ?? removedVersions.get(nameOf({ accountId, id })) ?? 0,
    version,
    refresh,
    change,
  };
}

function nameOf({ accountId, id }: { accountId: AccountId; id: string }): string {
  return JSON.stringify([accountId, id]);
}

function ofAccount<Thing extends { accountId: AccountId; id: string }>(things: Map<string, Thing>, accountId: AccountId): Thing[] {
  return [...things.values()].filter((thing) => thing.accountId === accountId).sort((a, b) => (a.id < b.id ? -1 : 1));
}
