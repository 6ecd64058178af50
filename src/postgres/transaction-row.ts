/** A transaction as a row, and back. The columns are what statements ask for; the rest is one document. */
import { NOTHING_MORE } from '#domain/request.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { TimelineEntry, Transaction } from '#domain/transaction.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import { documentOf } from './document.ts';

/** The columns every reading statement selects. */
export const TRANSACTION_COLUMNS =
  't.account_id, t.id, t.txn_id, t.user_id, t.mode, t.version, t.node_id, t.created_at, t.request, t.progress, t.batch_id, t.batch_index';

/** A row of {@link TRANSACTION_COLUMNS}. */
export interface TransactionRow {
  account_id: string;
  id: string;
  txn_id: string;
  user_id: string;
  mode: Transaction['mode'];
  version: number;
  node_id: number | null;
  created_at: Date;
  request: RequestDocument;
  progress: ProgressDocument;
  batch_id: string | null;
  batch_index: number | null;
}

type RequestDocument = Partial<TransactionRequest> & Pick<TransactionRequest, 'campaignIds'>;
type ProgressDocument = Omit<Transaction, 'id' | 'accountId' | 'txnId' | 'userId' | 'mode' | 'createdAt'>;

/** The request without what columns hold and without what was not given. */
export function requestDocument(request: TransactionRequest): string {
  const { mode: _mode, userId: _userId, batch: _batch, ...rest } = request;
  const nothing: Partial<TransactionRequest> = NOTHING_MORE;
  const given = Object.entries(rest).filter(([key, value]) => value !== nothing[key as keyof TransactionRequest]);
  return documentOf(Object.fromEntries(given));
}

/** The transaction without what columns hold. */
export function progressDocument(transaction: Transaction): string {
  const {
    id: _id,
    accountId: _account,
    txnId: _txnId,
    userId: _userId,
    mode: _mode,
    createdAt: _at,
    ...rest
  } = transaction;
  return documentOf(rest satisfies ProgressDocument);
}

/** Entries as arrays: their keys would be half of a row. */
export function timelineDocument(entries: TimelineEntry[]): string {
  return documentOf(entries.map(({ at, what, leg, detail, message }) => [at, what, leg, detail, message]));
}

/** The inverse of {@link timelineDocument}. */
export function timelineOf(document: [number, string, number | null, string | null, number | null][]): TimelineEntry[] {
  return document.map(([at, what, leg, detail, message]) => ({ at, what, leg, message, detail }));
}

/** The stored transaction of a row. */
export function storedOf(row: TransactionRow): StoredTransaction {
  const columns = { userId: row.user_id, mode: row.mode };
  return {
    transaction: {
      id: row.id,
      accountId: row.account_id,
      txnId: row.txn_id,
      ...columns,
      createdAt: row.created_at.getTime(),
      ...row.progress,
    },
    request: { ...NOTHING_MORE, ...row.request, ...columns, batch: batchOf(row) },
    version: row.version,
    node: row.node_id,
  };
}

function batchOf({ batch_id: id, batch_index: index }: TransactionRow): TransactionRequest['batch'] {
  return id === null || index === null ? null : { id, index };
}
