/** The statements that accept batches and find them again. */
import { startOf } from '#domain/batch.ts';
import type { Batch } from '#domain/batch.ts';
import type { AccountId, BatchId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { BatchAcceptance, BatchAccepted } from '#ports/batch-store.ts';
import { BATCH_COLUMNS, batchOf } from './batch-row.ts';
import type { BatchRow } from './batch-row.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf, storableText } from './document.ts';
import { integers, jsons } from './parameters.ts';

/**
 * Inserts a batch with all its recipients, both or neither. A key that is taken (also by a concurrent call, which is
 * waited for) leaves both out; so no row comes back.
 */
const ACCEPT = {
  name: 'accept_batch',
  text: `with accepted as (
           insert into batches (bucket, account_id, id, key, fingerprint, state, created_at, start_at, expand_at, total,
             request, campaign_versions)
           values ($1, $2, $3, $4, $5, 'running', $6, $7, $7, $8, $9, $10)
           on conflict do nothing
           returning id
         )
         insert into batch_pages (bucket, batch_id, first, size, due_at, recipients)
         select $1, accepted.id, given.first, given.size, $6::timestamptz, given.recipients
         from accepted, unnest($11::int[], $12::int[], $13::json[]) as given (first, size, recipients)
         returning first`,
};

/** What is written of a batch, in the order of the statements' parameters. */
export function batchValues({ batch, key, fingerprint }: Pick<BatchAcceptance, 'batch' | 'key' | 'fingerprint'>) {
  return [
    batch.accountId,
    batch.id,
    key === null ? null : storableText(key),
    fingerprint,
    isoTime(batch.createdAt),
    isoTime(startOf(batch)),
    batch.total,
    documentOf(batch.request),
    batch.campaignVersions,
  ];
}

/** Accepts one batch in one statement. */
export async function acceptBatch(
  database: Database,
  bucket: number,
  { batch, pages, key, fingerprint }: BatchAcceptance,
): Promise<BatchAccepted> {
  const written = await run(database.engine, ACCEPT, [
    bucket,
    ...batchValues({ batch, key, fingerprint }),
    integers(pages.map(({ first }) => first)),
    integers(pages.map(({ size }) => size)),
    jsons(pages.map(({ recipients }) => recipients)),
  ]);
  if (written.length > 0) return { kind: 'accepted' };
  const first = key === null ? null : await loadBatchByKey(database, bucket, batch.accountId, key);
  if (!first) throw new Error(`batch ${batch.id} was refused as a repeat, but there is no first one`);
  return { kind: 'repeat', ...first };
}

/** `is not distinct from` uses no index, so that it must be the one on keys; an account's primary keys begin alike. */
const LOAD_BY_KEY = {
  name: 'load_batch_by_key',
  text: `select ${BATCH_COLUMNS}, b.fingerprint from batches b
         where b.bucket = $1 and b.account_id is not distinct from $2 and b.key = $3`,
};

/** The batch that was accepted under the client's key; null: there is none. Takes no lock. */
export async function loadBatchByKey(
  database: Database,
  bucket: number,
  accountId: AccountId,
  key: string,
): Promise<{ first: Batch; fingerprint: string } | null> {
  const values = [bucket, accountId, storableText(key)];
  const [row] = await run<BatchRow & { fingerprint: string }>(database.engine, LOAD_BY_KEY, values);
  return row ? { first: batchOf(row), fingerprint: row.fingerprint } : null;
}

const LOAD = {
  name: 'load_batch',
  text: `select ${BATCH_COLUMNS} from batches b where b.bucket = $1 and b.account_id = $2 and b.id = $3`,
};

/** Null: there is none. Takes no lock. */
export async function loadBatch(
  database: Database,
  bucket: number,
  accountId: AccountId,
  id: BatchId,
): Promise<Batch | null> {
  const [row] = await run<BatchRow>(database.engine, LOAD, [bucket, accountId, id]);
  return row ? batchOf(row) : null;
}
