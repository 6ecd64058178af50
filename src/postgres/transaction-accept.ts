/** The statement that accepts transactions. */
import type pg from 'pg';
import { dueAt } from '#domain/timers.ts';
import type { Acceptance } from '#ports/transaction-store.ts';
import { instants, integers, jsonbs, jsons, texts, uuids } from './parameters.ts';
import { progressDocument, requestDocument, timelineDocument } from './transaction-row.ts';

/**
 * Inserts a batch of one bucket. A txnId that is taken (also by a row of the same batch, or by a concurrent batch, which
 * is waited for) is left out; the ids that were inserted are returned. In the order of txnIds: two nodes that are sent the
 * same ones wait for each other, never in a circle.
 */
const ACCEPT = {
  name: 'accept',
  text: `insert into transactions (bucket, account_id, id, txn_id, user_id, mode, state, version, node_id, created_at,
           due_at, request, progress, timeline, batch_id, batch_index)
         select $1, account_id, id, txn_id, user_id, mode, state, 1, node_id, created_at,
           due_at, request, progress, timeline, batch_id, batch_index
         from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::timestamptz[],
           $10::timestamptz[], $11::json[], $12::json[], $13::jsonb[], $14::uuid[], $15::int[])
           as given (account_id, id, txn_id, user_id, mode, state, node_id, created_at,
             due_at, request, progress, timeline, batch_id, batch_index)
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
      texts(transactions.map(({ accountId }) => accountId)),
      uuids(transactions.map(({ id }) => id)),
      texts(transactions.map(({ txnId }) => txnId)),
      texts(transactions.map(({ userId }) => userId)),
      texts(transactions.map(({ mode }) => mode)),
      texts(transactions.map(({ status }) => status.name)),
      integers(batch.map(({ stored }) => stored.node)),
      instants(transactions.map(({ createdAt }) => createdAt)),
      instants(transactions.map((transaction) => dueAt(transaction))),
      jsons(batch.map(({ stored }) => requestDocument(stored.request))),
      jsons(transactions.map(progressDocument)),
      jsonbs(batch.map(({ entries }) => timelineDocument(entries))),
      uuids(batch.map(({ stored }) => stored.request.batch?.id ?? null)),
      integers(batch.map(({ stored }) => stored.request.batch?.index ?? null)),
    ],
  });
  return new Set(result.rows.map(({ id }) => id));
}
