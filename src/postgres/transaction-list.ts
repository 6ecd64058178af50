/** The list of transactions, newest first, for people and consoles. */
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { isoTime } from '#domain/time.ts';
import type { Page, StoredTransaction, TransactionFilter } from '#ports/transaction-store.ts';
import { TRANSACTION_COLUMNS, storedOf } from './transaction-row.ts';
import type { TransactionRow } from './transaction-row.ts';
import { pageOf } from './page.ts';

/** One page: every bucket's newest rows beyond the cursor (an id), merged. Takes no locks. */
export async function listTransactions(
  queries: Kysely<unknown>,
  buckets: number,
  filter: TransactionFilter,
  limit: number,
  cursor: string | null,
): Promise<Page<StoredTransaction>> {
  const conditions: RawBuilder<unknown>[] = [sql`t.account_id = ${filter.accountId}`];
  if (cursor !== null) conditions.push(sql`t.id < ${cursor}::uuid`);
  if (filter.state !== undefined) conditions.push(sql`t.state = ${filter.state}`);
  if (filter.userId !== undefined) conditions.push(sql`t.user_id = ${filter.userId}`);
  if (filter.campaignId !== undefined) conditions.push(sql`(t.request -> 'campaignIds')::jsonb ? ${filter.campaignId}`);
  if (filter.since !== undefined) conditions.push(sql`t.created_at >= ${isoTime(filter.since)}`);
  const { rows } = await sql<TransactionRow>`
    select ${sql.raw(TRANSACTION_COLUMNS)}
    from generate_series(0, ${buckets - 1}::int) as bucket (number)
    cross join lateral (
      select * from transactions t
      where t.bucket = bucket.number and ${sql.join(conditions, sql` and `)}
      order by t.id desc limit ${limit + 1}
    ) t
    order by t.id desc limit ${limit + 1}`.execute(queries);
  return pageOf(rows.map(storedOf), limit, ({ transaction }) => transaction.id);
}
