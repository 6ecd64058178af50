/** Accepting: alone or within a dedupe window, and what a repeat is told. */
import { bucketOf, hash16OfId } from '#domain/ids.ts';
import type { Acceptance, Accepted } from '#ports/transaction-store.ts';
import { withConnection } from './connection.ts';
import type { Database } from './connection.ts';
import { perBucket } from './per-bucket.ts';
import { insertTransactions } from './transaction-accept.ts';
import { loadByTxnId, loadTransactions } from './transaction-load.ts';
import { acceptInWindow } from './transaction-window.ts';

/** The `accept` of a transaction store. */
export function acceptor(database: Database): (acceptance: Acceptance) => Promise<Accepted> {
  const insert = perBucket({
    // Their clients are told 503; should they be accepted after all, this node finds them leased to it and carries them on.
    abandonsStalled: true,
    run: async (bucket, batch: Acceptance[]) => {
      const inserted = await withConnection(database.engine, (client) => insertTransactions(client, bucket, batch));
      return batch.map(({ stored }) => inserted.has(stored.transaction.id));
    },
  });

  async function acceptAlone(bucket: number, acceptance: Acceptance): Promise<Accepted> {
    const isFirst = await insert(bucket, acceptance);
    return isFirst ? { kind: 'accepted' } : repeatOf(database, bucket, acceptance);
  }

  /** A unit of work each, one after the other: a flood of them must not take the connections of the batches. */
  const insertInWindow = perBucket({
    batchMax: 1,
    abandonsStalled: true,
    run: async (bucket, [acceptance]: Acceptance[]) => [await acceptInWindow(database, bucket, acceptance!)],
  });

  async function acceptWithWindow(bucket: number, acceptance: Acceptance): Promise<Accepted> {
    const outcome = await insertInWindow(bucket, acceptance);
    if (outcome.kind === 'accepted') return outcome;
    if (outcome.kind === 'txn_id_taken') return repeatOf(database, bucket, acceptance);
    const { accountId } = acceptance.stored.transaction;
    const holder = { accountId, id: outcome.id };
    const [first] = await loadTransactions(database, bucketOf(hash16OfId(outcome.id), database.buckets), [holder]);
    return first ? { kind: 'duplicate', first } : repeatOf(database, bucket, acceptance);
  }

  return (acceptance) => {
    const bucket = bucketOf(hash16OfId(acceptance.stored.transaction.id), database.buckets);
    return acceptance.window ? acceptWithWindow(bucket, acceptance) : acceptAlone(bucket, acceptance);
  };
}

/** The transaction that has the txnId: of the same account and txnId, and therefore in the same bucket. */
async function repeatOf(database: Database, bucket: number, { stored }: Acceptance): Promise<Accepted> {
  const { accountId, txnId } = stored.transaction;
  const first = await loadByTxnId(database, bucket, accountId, txnId);
  if (!first) throw new Error(`transaction ${txnId} was refused as a repeat, but there is no first one`);
  return { kind: 'repeat', first };
}
