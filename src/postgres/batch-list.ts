/** What people ask about batches: which there are, and what they have come to. These statements take no locks. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Batch, BatchCounts } from '#domain/batch.ts';
import type { AccountId } from '#domain/ids.ts';
import type { Page } from '#ports/transaction-store.ts';
import { BATCH_COLUMNS, batchOf } from './batch-row.ts';
import type { BatchRow } from './batch-row.ts';
import { pageOf } from './page.ts';

/** One page: every bucket's newest beyond the cursor (an id), merged. */
export async function listBatches(
  queries: Kysely<unknown>,
  buckets: number,
  accountId: AccountId,
  limit: number,
  cursor: string | null,
): Promise<Page<Batch>> {
  const before = cursor === null ? sql`true` : sql`b.id < ${cursor}::uuid`;
  const { rows } = await sql<BatchRow>`
    select ${sql.raw(BATCH_COLUMNS)}
    from generate_series(0, ${buckets - 1}::int) as bucket (number)
    cross join lateral (
      select * from batches b where b.bucket = bucket.number and b.account_id = ${accountId} and ${before}
      order by b.id desc limit ${limit + 1}
    ) b
    order by b.id desc limit ${limit + 1}`.execute(queries);
  return pageOf(rows.map(batchOf), limit, ({ id }) => id);
}

/** Batches of all accounts that have not ended. */
export async function countOpenBatches(queries: Kysely<unknown>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from batches where ended_at is null`.execute(queries);
  return rows[0]!.count;
}

/** Counts the transactions by the index on their states, and the recipients without one by pages. */
export async function countBatch(
  queries: Kysely<unknown>,
  buckets: number,
  bucket: number,
  { id, total, state }: Batch,
): Promise<BatchCounts> {
  const [members, pages] = await Promise.all([
    sql<{ state: string; count: number }>`
      select t.state, count(*)::int as count
      from generate_series(0, ${buckets - 1}::int) as bucket (number)
      cross join lateral (select t.state from transactions t where t.bucket = bucket.number and t.batch_id = ${id}::uuid) t
      group by t.state`.execute(queries),
    sql<{ refused: number; unsettled: number }>`
      select coalesce(sum(jsonb_array_length(p.refusals)) filter (where p.refusals <> '[]'), 0)::int as refused,
        count(p.due_at)::int as unsettled
      from batch_pages p where p.bucket = ${bucket} and p.batch_id = ${id}::uuid`.execute(queries),
  ]);
  const of = Object.fromEntries(members.rows.map((row) => [row.state, row.count]));
  const { refused, unsettled } = pages.rows[0]!;
  const made = members.rows.reduce((sum, { count }) => sum + count, 0);
  const left = unsettled === 0 ? 0 : Math.max(0, total - refused - made);
  const isCancelled = state === 'cancelled';
  return {
    total,
    waiting: isCancelled ? 0 : left,
    refused,
    running: (of['scheduled'] ?? 0) + (of['running'] ?? 0),
    completed: of['completed'] ?? 0,
    succeeded: of['succeeded'] ?? 0,
    failed: of['failed'] ?? 0,
    expired: of['expired'] ?? 0,
    unconfirmed: of['unconfirmed'] ?? 0,
    cancelled: (of['cancelled'] ?? 0) + (isCancelled ? left : 0),
  };
}
