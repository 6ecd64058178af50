/** The statements that read transactions by what they are known by. They take no locks. */
import type { AccountId, TransactionId } from '#domain/ids.ts';
import type { StoredTransaction, TransactionHistory } from '#ports/transaction-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { TRANSACTION_COLUMNS, storedOf, timelineOf } from './transaction-row.ts';
import type { TransactionRow } from './transaction-row.ts';

/** Reads a batch of one bucket by id, one by one: the planner cannot turn it into a walk through the bucket. */
const LOAD = {
  name: 'load',
  text: `select ${TRANSACTION_COLUMNS}
         from unnest($2::text[], $3::uuid[]) as wanted (account_id, id)
         cross join lateral (
           select * from transactions t where t.bucket = $1 and t.account_id = wanted.account_id and t.id = wanted.id limit 1
         ) t`,
};

/** Each wanted transaction; null for one that is not there. */
export async function loadTransactions(
  database: Database,
  bucket: number,
  wanted: { accountId: AccountId; id: TransactionId }[],
): Promise<(StoredTransaction | null)[]> {
  const rows = await run<TransactionRow>(database.engine, LOAD, [
    bucket,
    wanted.map(({ accountId }) => accountId),
    wanted.map(({ id }) => id),
  ]);
  const found = new Map(rows.map((row) => [`${row.id} ${row.account_id}`, row]));
  return wanted.map(({ accountId, id }) => {
    const row = found.get(`${id} ${accountId}`);
    return row ? storedOf(row) : null;
  });
}

/** `is not distinct from` uses no index, so that it must be the one on txnIds; an account's primary keys begin alike. */
const LOAD_BY_TXN_ID = {
  name: 'load_by_txn_id',
  text: `select ${TRANSACTION_COLUMNS} from transactions t where t.bucket = $1 and t.account_id is not distinct from $2 and t.txn_id = $3`,
};

/** The transaction a txnId belongs to. */
export async function loadByTxnId(
  database: Database,
  bucket: number,
  accountId: AccountId,
  txnId: string,
): Promise<StoredTransaction | null> {
  const values = [bucket, accountId, txnId];
  const [row] = await run<TransactionRow>(database.engine, LOAD_BY_TXN_ID, values);
  return row ? storedOf(row) : null;
}

const LOAD_HISTORY = {
  name: 'load_history',
  text: `select ${TRANSACTION_COLUMNS}, t.timeline from transactions t where t.bucket = $1 and t.account_id = $2 and t.id = $3`,
};

/** A transaction with its timeline, both of the same instant. */
export async function loadHistory(
  database: Database,
  bucket: number,
  accountId: AccountId,
  id: TransactionId,
): Promise<TransactionHistory | null> {
  const values = [bucket, accountId, id];
  const [row] = await run<HistoryRow>(database.engine, LOAD_HISTORY, values);
  return row ? { stored: storedOf(row), timeline: timelineOf(row.timeline) } : null;
}

type HistoryRow = TransactionRow & { timeline: Parameters<typeof timelineOf>[0] };
