/** A configuration store in memory that keeps the port's promises, for tests of what is built on it. */
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { ConfigChanges, ConfigNews, ConfigStore } from '#ports/config-store.ts';

/** The store, and what a test may do to it. */
export interface MemoryConfigStore extends ConfigStore {
  /** How many times something was written. */
  writes(): number;
  /** Calls this before the next write: another node, which is quicker. */
  beforeNextWrite(other: () => Promise<void>): void;
}

interface Row<Kind extends string, Thing> {
  kind: Kind;
  thing: Thing;
  revision: number;
  removed: boolean;
}

type Key = NonNullable<ConfigChanges['keys']>[number];
type Provider = NonNullable<ConfigChanges['providers']>[number];
type Account = NonNullable<ConfigChanges['accounts']>[number];
type Webhook = NonNullable<ConfigChanges['webhooks']>[number];
type AnyRow =
  | Row<'account', Account>
  | Row<'key', Key>
  | Row<'provider', Provider>
  | Row<'campaign', Campaign>
  | Row<'webhook', Webhook>;

/** An empty one. */
export function memoryConfigStore(): MemoryConfigStore {
  const rows = new Map<string, AnyRow>();
  const versions = new Map<string, CampaignContent>();
  let revision = 0;
  let written = 0;
  let other: (() => Promise<void>) | null = null;

  function put(kind: AnyRow['kind'], thing: Account | Key | Provider | Campaign | Webhook): void {
    const accountId = 'accountId' in thing ? thing.accountId : thing.id;
    const stored = asStored(thing);
    rows.set(nameOf(kind, accountId, thing.id), { kind, thing: stored, revision, removed: false } as AnyRow);
  }

  function remove(kind: AnyRow['kind'], gone: { accountId: string; id: string }[] = []): void {
    for (const { accountId, id } of gone) {
      const row = rows.get(nameOf(kind, accountId, id));
      if (row) rows.set(nameOf(kind, accountId, id), { ...row, revision, removed: true });
    }
  }

  return {
    async write(changes, basedOn) {
      const before = other;
      other = null;
      await before?.();
      if (basedOn !== revision) return null;
      revision += 1;
      written += 1;
      for (const account of changes.accounts ?? []) put('account', account);
      for (const key of changes.keys ?? []) put('key', key);
      for (const provider of changes.providers ?? []) put('provider', provider);
      for (const { campaign, contentChanged } of changes.campaigns ?? []) {
        const name = versionName(campaign.accountId, campaign.id, campaign.version);
        if (contentChanged) versions.set(name, asStored(campaign.content));
        put('campaign', { ...campaign, content: versions.get(name)! });
      }
      for (const webhook of changes.webhooks ?? []) put('webhook', webhook);
      remove('key', changes.removedKeys);
      remove('provider', changes.removedProviders);
      remove('campaign', changes.removedCampaigns);
      remove('webhook', changes.removedWebhooks);
      return revision;
    },
    since: async (known) =>
      newsOf(
        [...rows.values()].filter((row) => row.revision > known),
        revision,
      ),
    version: async (accountId, id, version) => versions.get(versionName(accountId, id, version)) ?? null,
    writes: () => written,
    beforeNextWrite: (callback) => (other = callback),
  };
}

function newsOf(rows: AnyRow[], revision: number): ConfigNews {
  const news: ConfigNews = {
    revision,
    accounts: [],
    keys: [],
    providers: [],
    campaigns: [],
    webhooks: [],
    removed: [],
  };
  for (const row of rows) {
    if (row.kind === 'account') news.accounts.push(row.thing);
    else if (row.removed) {
      const { accountId, id } = row.thing;
      const version = row.kind === 'campaign' ? { version: row.thing.version } : {};
      news.removed.push({ kind: row.kind, accountId, id, ...version });
    } else if (row.kind === 'key') news.keys.push(row.thing);
    else if (row.kind === 'provider') news.providers.push(row.thing);
    else if (row.kind === 'webhook') news.webhooks.push(row.thing);
    else news.campaigns.push(row.thing);
  }
  return news;
}

/** As JSON, in another order of keys: a database does not keep it either. */
function asStored<Thing>(thing: Thing): Thing {
  const reordered = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toReversed())
      : value;
  return JSON.parse(JSON.stringify(thing, reordered)) as Thing;
}

function nameOf(kind: string, accountId: string, id: string): string {
  return JSON.stringify([kind, accountId, id]);
}

function versionName(accountId: string, id: string, version: number): string {
  return JSON.stringify([accountId, id, version]);
}
