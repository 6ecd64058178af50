/** The unit of work that accepts a transaction and keeps its dedupe window. */
import { bucketOf, hash16 } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Acceptance } from '#ports/transaction-store.ts';
import { unitOfWork } from './connection.ts';
import type { Database } from './connection.ts';
import { insertTransactions } from './transaction-accept.ts';

/** Takes the window unless it is taken and still open; locks its row until the unit of work ends. */
const OPEN_WINDOW = {
  name: 'open_window',
  text: `insert into dedupe_windows as present (bucket, account_id, key, until, transaction_id)
         values ($1, $2, $3, $4, $5)
         on conflict (bucket, account_id, key) do update
           set until = excluded.until, transaction_id = excluded.transaction_id
           where present.until <= $6
         returning transaction_id`,
};

/** Whose window it is. */
const READ_WINDOW = {
  name: 'read_window',
  text: 'select transaction_id from dedupe_windows where bucket = $1 and account_id = $2 and key = $3',
};

/** What became of an acceptance with a window. */
export type WindowOutcome = { kind: 'accepted' } | { kind: 'txn_id_taken' } | { kind: 'duplicate_of'; id: string };

/**
 * Accepts one transaction and opens its dedupe window (semantics §4), both or neither. The window and the transaction
 * may live in different buckets: this is the one unit of work that spans two, on an endpoint that is not hot.
 */
export async function acceptInWindow(
  database: Database,
  bucket: number,
  acceptance: Acceptance,
): Promise<WindowOutcome> {
  const { transaction } = acceptance.stored;
  const { key, until } = acceptance.window!;
  const windowBucket = bucketOf(hash16(transaction.accountId, key), database.buckets);
  const place = [windowBucket, transaction.accountId, key];
  return unitOfWork(database.engine, async (client) => {
    const times = [isoTime(until), transaction.id, isoTime(transaction.createdAt)];
    const opened = await client.query({ ...OPEN_WINDOW, values: [...place, ...times] });
    if (opened.rowCount === 0) {
      const window = await client.query<{ transaction_id: string }>({ ...READ_WINDOW, values: place });
      return { kind: 'duplicate_of', id: window.rows[0]!.transaction_id };
    }
    const inserted = await insertTransactions(client, bucket, [acceptance]);
    if (inserted.size === 1) return { kind: 'accepted' };
    // The txnId was used before: the window that was just opened must go with the transaction that was not.
    await client.query('rollback');
    await client.query('begin');
    return { kind: 'txn_id_taken' };
  });
}
