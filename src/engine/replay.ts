/** Doing a transaction again. */
import type { TransactionRequest } from '#domain/request.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';

/**
 * The request of a transaction that has ended, to be made once more: at once, as a transaction of its own, with what its batch
 * gave all its recipients.
 * @param txnId of the new one; null: the server makes one.
 * @returns null when its batch is forgotten: nobody knows any more what it said.
 */
export async function replayOf(
  batches: Pick<BatchStore, 'load'>,
  { transaction, request }: StoredTransaction,
  txnId: string | null,
): Promise<TransactionRequest | null> {
  const again = { ...request, txnId, startAt: null };
  if (request.batch === null) return again;
  const batch = await batches.load(transaction.accountId, request.batch.id);
  if (!batch) return null;
  const { params, overrides, attachments = null } = batch.request;
  return { ...again, batch: null, params, overrides, attachments };
}
