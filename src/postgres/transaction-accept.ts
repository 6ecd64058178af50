/** The statement that accepts transactions. */
import type pg from 'pg';
import { dueAt } from '#domain/timers.ts';
import { isoTime } from '#domain/time.ts';
import type { Acceptance } from '#ports/transaction-store.ts';
import { progressDocument, requestDocument, timelineDocument } from './transaction-row.ts';

/**
 * Inserts a batch of one bucket. A txnId that is taken (also by a row of the same batch, or by a concurrent batch, which
 * is waited for) is left out; the ids that were inserted are returned. In the order of txnIds: two nodes that are sent the
 * same ones wait for each other, never in a circle.
 */
const ACCEPT = {
  name: 'accept',
  text: `insert into transactions (bucket, account_id, id, txn_id, user_id, mode, state, version, node_id, created_at,
           due_at, fingerprint, request, progress, timeline)
         select $1, account_id, id, txn_id, user_id, mode, state, 1, node_id, created_at,
           due_at, fingerprint, request, progress, timeline
         from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::timestamptz[],
           $10::timestamptz[], $11::text[], $12::json[], $13::json[], $14::jsonb[])
           as given (account_id, id, txn_id, user_id, mode, state, node_id, created_at,
             due_at, fingerprint, request, progress, timeline)
         order by account_id, txn_id
         on conflict do nothing
         returning id`,
};

/** The ids that were accepted. */
export async function insertTransactions(
  client: pg.PoolClient,
  bucket: number,
  batch: Acceptance[],
): Promise<Set<string>> {
  const transactions = batch.map(({ stored }) => stored.transaction);
  const result = await client.query<{ id: string }>({
    ...ACCEPT,
    values: [
      bucket,
      transactions.map(({ accountId }) => accountId),
      transactions.map(({ id }) => id),
      transactions.map(({ txnId }) => txnId),
      transactions.map(({ userId }) => userId),
      transactions.map(({ mode }) => mode),
      transactions.map(({ status }) => status.name),
      batch.map(({ stored }) => stored.node),
      transactions.map(({ createdAt }) => isoTime(createdAt)),
      transactions.map((transaction) => isoOrNull(dueAt(transaction))),
      batch.map(({ fingerprint }) => fingerprint),
      batch.map(({ stored }) => requestDocument(stored.request)),
      transactions.map(progressDocument),
      batch.map(({ entries }) => timelineDocument(entries)),
    ],
  });
  return new Set(result.rows.map(({ id }) => id));
}

/** The instant as PostgreSQL reads it. */
export function isoOrNull(instant: number | null): string | null {
  return instant === null ? null : isoTime(instant);
}
