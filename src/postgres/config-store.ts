/** Accounts, keys, providers, campaigns and webhooks in PostgreSQL. */
import type pg from 'pg';
import type { Account, ApiKey } from '#domain/account.ts';
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Webhook } from '#domain/webhook.ts';
import type { ConfigChanges, ConfigNews, ConfigStore } from '#ports/config-store.ts';
import type { Vault } from '#ports/sealer.ts';
import { orUnavailable, run, unitOfWork } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { openBody, sealBody } from './sealed-body.ts';

/** The store on an open database. Credentials are sealed on their way in, and opened on their way out. */
export function configStore(database: Database, vault: Vault): ConfigStore {
  return {
    write: (changes, basedOn) =>
      unitOfWork(database.queries, (client) => writeChanges(client, vault, changes, basedOn)),
    since: (revision) => orUnavailable(readSince(database.queries, vault, revision)),
    version: async (accountId, id, version) => {
      const rows = await run<{ content: CampaignContent }>(database.queries, READ_VERSION, [accountId, id, version]);
      return rows[0] ? openBody(vault, { kind: 'campaign', accountId, id, version }, rows[0].content) : null;
    },
  };
}

const READ_VERSION = {
  name: 'read_version',
  text: 'select content from campaign_versions where account_id = $1 and campaign_id = $2 and version = $3',
};

/** Locks the one row, so that writers follow each other and revisions are given in commit order. */
const NEXT_REVISION =
  'update carom set revision = revision + 1 where revision = $1 returning revision::float8 as revision, secret_key as key_id';

const PUT_ACCOUNT = `insert into accounts (id, body, revision) values ($1, $2, $3)
  on conflict (id) do update set body = excluded.body, revision = excluded.revision`;
const PUT_KEY = `insert into api_keys (account_id, id, body, revision) values ($1, $2, $3, $4)
  on conflict (account_id, id) do update set body = excluded.body, revision = excluded.revision, removed = false`;
const PUT_PROVIDER = `insert into providers (account_id, id, body, revision) values ($1, $2, $3, $4)
  on conflict (account_id, id) do update set body = excluded.body, revision = excluded.revision, removed = false`;
const PUT_WEBHOOK = `insert into webhooks (account_id, id, body, revision) values ($1, $2, $3, $4)
  on conflict (account_id, id) do update set body = excluded.body, revision = excluded.revision, removed = false`;
const PUT_CAMPAIGN = `insert into campaigns (account_id, id, name, state, version, revision, on_event) values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (account_id, id) do update
    set name = excluded.name, state = excluded.state, version = excluded.version, revision = excluded.revision, on_event = excluded.on_event,
      removed = false`;
const PUT_VERSION = `insert into campaign_versions (account_id, campaign_id, version, content) values ($1, $2, $3, $4)
  on conflict (account_id, campaign_id, version) do update set content = excluded.content`;
const REMOVE = {
  key: 'update api_keys set removed = true, revision = $3 where account_id = $1 and id = $2',
  provider: 'update providers set removed = true, revision = $3 where account_id = $1 and id = $2',
  campaign: 'update campaigns set removed = true, revision = $3 where account_id = $1 and id = $2',
  webhook: 'update webhooks set removed = true, revision = $3 where account_id = $1 and id = $2',
};

async function writeChanges(
  client: pg.PoolClient,
  vault: Vault,
  changes: ConfigChanges,
  basedOn: number,
): Promise<number | null> {
  const next = await client.query<{ revision: number; key_id: string | null }>(NEXT_REVISION, [basedOn]);
  const [head] = next.rows;
  if (!head) return null;
  const { revision, key_id: keyId } = head;
  for (const account of changes.accounts ?? []) {
    const { id, ...body } = account;
    await client.query(PUT_ACCOUNT, [id, documentOf(body), revision]);
  }
  for (const { accountId, id, ...body } of changes.keys ?? []) {
    await client.query(PUT_KEY, [accountId, id, documentOf(body), revision]);
  }
  for (const { accountId, id, ...body } of changes.providers ?? []) {
    const sealed = sealBody(vault, keyId, { kind: 'provider', accountId, id }, body);
    await client.query(PUT_PROVIDER, [accountId, id, documentOf(sealed), revision]);
  }
  for (const { campaign, contentChanged } of changes.campaigns ?? []) {
    const { accountId, id, name, state, version, content, on } = campaign;
    const sealed = sealBody(vault, keyId, { kind: 'campaign', accountId, id, version }, content);
    if (contentChanged) await client.query(PUT_VERSION, [accountId, id, version, documentOf(sealed)]);
    await client.query(PUT_CAMPAIGN, [accountId, id, name, state, version, revision, on?.event ?? null]);
  }
  for (const { accountId, id, ...body } of changes.webhooks ?? []) {
    const sealed = sealBody(vault, keyId, { kind: 'webhook', accountId, id }, body);
    await client.query(PUT_WEBHOOK, [accountId, id, documentOf(sealed), revision]);
  }
  for (const { accountId, id } of changes.removedKeys ?? []) await client.query(REMOVE.key, [accountId, id, revision]);
  for (const { accountId, id } of changes.removedProviders ?? [])
    await client.query(REMOVE.provider, [accountId, id, revision]);
  for (const { accountId, id } of changes.removedCampaigns ?? [])
    await client.query(REMOVE.campaign, [accountId, id, revision]);
  for (const { accountId, id } of changes.removedWebhooks ?? [])
    await client.query(REMOVE.webhook, [accountId, id, revision]);
  return revision;
}

interface BodyRow<Body> {
  account_id: string;
  id: string;
  body: Body;
  removed: boolean;
}

interface CampaignRow {
  account_id: string;
  id: string;
  name: string;
  state: Campaign['state'];
  version: number;
  content: CampaignContent;
  on_event: string | null;
  removed: boolean;
}

/** Cheap when nothing changed, which is asked twice a second by every node. */
const READ_REVISION = { name: 'read_revision', text: 'select revision::float8 as revision from carom' };

/** Reads the revision first: what is committed between the reads is read again next time. */
async function readSince(pool: pg.Pool, vault: Vault, since: number): Promise<ConfigNews> {
  const [head] = await run<{ revision: number }>(pool, READ_REVISION, []);
  const news: ConfigNews = {
    revision: head!.revision,
    accounts: [],
    keys: [],
    providers: [],
    campaigns: [],
    webhooks: [],
    removed: [],
  };
  if (head!.revision === since) return news;
  const bodies = async <Body>(table: string) =>
    (await pool.query<BodyRow<Body>>(`select account_id, id, body, removed from ${table} where revision > $1`, [since]))
      .rows;
  const accounts = await pool.query<{ id: string; body: Omit<Account, 'id'> }>(
    'select id, body from accounts where revision > $1',
    [since],
  );
  news.accounts = accounts.rows.map(({ id, body }) => ({ id, ...body }));
  for (const row of await bodies<Omit<ApiKey, 'id' | 'accountId'>>('api_keys')) {
    if (row.removed) news.removed.push({ kind: 'key', accountId: row.account_id, id: row.id });
    else news.keys.push({ accountId: row.account_id, id: row.id, ...row.body });
  }
  for (const row of await bodies<Omit<ProviderConfig, 'id' | 'accountId'>>('providers')) {
    const name = { kind: 'provider', accountId: row.account_id, id: row.id } as const;
    if (row.removed) news.removed.push(name);
    else news.providers.push({ accountId: row.account_id, id: row.id, ...openBody(vault, name, row.body) });
  }
  for (const row of await bodies<Omit<Webhook, 'id' | 'accountId'>>('webhooks')) {
    const name = { kind: 'webhook', accountId: row.account_id, id: row.id } as const;
    if (row.removed) news.removed.push(name);
    else news.webhooks.push({ accountId: row.account_id, id: row.id, ...openBody(vault, name, row.body) });
  }
  const campaigns = await pool.query<CampaignRow>(
    `select c.account_id, c.id, c.name, c.state, c.version, v.content, c.on_event, c.removed
     from campaigns c
     join campaign_versions v on v.account_id = c.account_id and v.campaign_id = c.id and v.version = c.version
     where c.revision > $1`,
    [since],
  );
  for (const { account_id: accountId, removed, on_event: event, ...campaign } of campaigns.rows) {
    const name = { kind: 'campaign', accountId, id: campaign.id, version: campaign.version } as const;
    if (removed) {
      news.removed.push(name);
      continue;
    }
    const content = openBody(vault, name, campaign.content);
    news.campaigns.push({ accountId, ...campaign, content, ...(event !== null && { on: { event } }) });
  }
  return news;
}
