/** Which key seals the credentials of a database, and sealing all of them with another one. */
import type pg from 'pg';
import type { Vault } from '#ports/sealer.ts';
import { run, unitOfWork } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { resealed } from './sealed-body.ts';
import type { SealedRow } from './sealed-body.ts';

/** What a database says of its key. */
export interface SealingKey {
  /** From which, and what the operator gave, the key is made. */
  salt: Buffer;
  /** Null: nothing has been sealed yet. */
  keyId: string | null;
}

const READ_KEY = { name: 'read_sealing_key', text: 'select secret_salt as salt, secret_key as key_id from carom' };

/** Asks for it. */
export async function readSealingKey({ queries }: Database): Promise<SealingKey> {
  const [row] = await run<{ salt: Buffer; key_id: string | null }>(queries, READ_KEY, []);
  return { salt: row!.salt, keyId: row!.key_id };
}

/** Locks the one row: no configuration is written meanwhile, and of two nodes with different keys one comes too late. */
const CHANGE_KEY = 'update carom set secret_key = $1 where secret_key is not distinct from $2 returning 1 as one';

/**
 * Seals everything with the vault's key that is not yet sealed with it, in one unit of work with the note that it is this one.
 * @returns how many rows were sealed; null when the key is not `before` any more.
 * @throws {SealError} when something cannot be opened; nothing is changed then.
 */
export function sealWith(database: Database, vault: Vault, before: string | null): Promise<number | null> {
  return unitOfWork(database.queries, async (client) => {
    const changed = await client.query(CHANGE_KEY, [vault.sealer?.keyId ?? null, before]);
    if (changed.rowCount === 0) return null;
    const providers = await resealTable(client, vault, 'provider', 'providers');
    const webhooks = await resealTable(client, vault, 'webhook', 'webhooks');
    return providers + webhooks + (await resealVersions(client, vault));
  });
}

/** Removed ones as well: their rows stay. No revision is given: what they say does not change. */
async function resealTable(
  client: pg.PoolClient,
  vault: Vault,
  kind: 'provider' | 'webhook',
  table: 'providers' | 'webhooks',
): Promise<number> {
  const { rows } = await client.query<{ account_id: string; id: string; body: object }>(
    `select account_id, id, body from ${table}`,
  );
  let count = 0;
  for (const { account_id: accountId, id, body } of rows) {
    const fresh = resealed(vault, { kind, accountId, id }, body);
    if (!fresh) continue;
    await client.query(`update ${table} set body = $3 where account_id = $1 and id = $2`, [
      accountId,
      id,
      documentOf(fresh),
    ]);
    count += 1;
  }
  return count;
}

/** Those that have hooks. */
const READ_VERSIONS = `select account_id, campaign_id, version, content from campaign_versions
  where content -> 'stages' @> '[{"kind": "hook"}]'`;
const WRITE_VERSION = `update campaign_versions set content = $4
  where account_id = $1 and campaign_id = $2 and version = $3`;

async function resealVersions(client: pg.PoolClient, vault: Vault): Promise<number> {
  type Row = { account_id: string; campaign_id: string; version: number; content: object };
  const { rows } = await client.query<Row>(READ_VERSIONS);
  let count = 0;
  for (const { account_id: accountId, campaign_id: id, version, content } of rows) {
    const row: SealedRow = { kind: 'campaign', accountId, id, version };
    const fresh = resealed(vault, row, content);
    if (!fresh) continue;
    await client.query(WRITE_VERSION, [accountId, id, version, documentOf(fresh)]);
    count += 1;
  }
  return count;
}
