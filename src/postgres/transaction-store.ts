/** Transactions in PostgreSQL: which bucket, which batch. The statements are in `transaction-*.ts`. */
import { bucketOf, hash16, hash16OfId } from '#domain/ids.ts';
import type { AccountId, NodeId, TransactionId } from '#domain/ids.ts';
import type {
  Acceptance,
  Accepted,
  StoredTransaction,
  TransactionStore,
  Transition,
} from '#ports/transaction-store.ts';
import type { Kysely } from 'kysely';
import type { Database } from './connection.ts';
import { orUnavailable } from './connection.ts';
import { perBucket } from './per-bucket.ts';
import { acceptInWindow, insertTransactions } from './transaction-accept.ts';
import { claimDue, leasedTo, pruneMarks, pruneTransactions, takeOver } from './transaction-claim.ts';
import { listTransactions } from './transaction-list.ts';
import { loadByTxnId, loadTimeline, loadTransactions } from './transaction-load.ts';
import { saveTransitions } from './transaction-save.ts';

/** The store on an open database. */
export function transactionStore(database: Database, queries: Kysely<unknown>): TransactionStore {
  const bucketOfId = (id: TransactionId) => bucketOf(hash16OfId(id), database.buckets);
  const bucketOfTxnId = (accountId: AccountId, txnId: string) => bucketOf(hash16(accountId, txnId), database.buckets);
  const insert = perBucket({
    run: async (bucket, batch: Acceptance[]) => {
      const inserted = await orUnavailable(insertTransactions(database.engine, bucket, batch));
      return batch.map(({ stored }) => inserted.has(stored.transaction.id));
    },
  });
  const save = perBucket({
    run: (bucket, batch: Transition[]) => saveTransitions(database, bucket, batch),
    key: ({ stored }) => stored.transaction.id,
  });
  const load = perBucket({
    run: (bucket, wanted: { accountId: AccountId; id: TransactionId }[]) => loadTransactions(database, bucket, wanted),
  });

  async function accept(acceptance: Acceptance): Promise<Accepted> {
    const { id } = acceptance.stored.transaction;
    if (acceptance.window) {
      const outcome = await acceptInWindow(database, bucketOfId(id), acceptance);
      if (outcome.kind === 'accepted') return outcome;
      if (outcome.kind === 'txn_id_taken') return repeatOf(acceptance);
      const first = await load(bucketOfId(outcome.id), {
        accountId: acceptance.stored.transaction.accountId,
        id: outcome.id,
      });
      return first ? { kind: 'duplicate', first } : repeatOf(acceptance);
    }
    return (await insert(bucketOfId(id), acceptance)) ? { kind: 'accepted' } : repeatOf(acceptance);
  }

  async function repeatOf({ stored, fingerprint }: Acceptance): Promise<Accepted> {
    const { accountId, txnId } = stored.transaction;
    const first = await loadByTxnId(database, bucketOfTxnId(accountId, txnId), accountId, txnId);
    if (!first) throw new Error(`transaction ${txnId} was refused as a repeat, but there is no first one`);
    return { kind: 'repeat', first: first.stored, sameRequest: first.fingerprint === fingerprint };
  }

  async function fromBuckets(limit: number, read: (bucket: number, limit: number) => Promise<StoredTransaction[]>) {
    const found: StoredTransaction[] = [];
    for (let bucket = 0; bucket < database.buckets && found.length < limit; bucket++) {
      found.push(...(await read(bucket, limit - found.length)));
    }
    return found;
  }

  return {
    accept,
    save: (transition) => save(bucketOfId(transition.stored.transaction.id), transition),
    load: (accountId, id) => load(bucketOfId(id), { accountId, id }),
    loadByTxnId: async (accountId, txnId) => {
      const found = await loadByTxnId(database, bucketOfTxnId(accountId, txnId), accountId, txnId);
      return found?.stored ?? null;
    },
    timeline: (accountId, id) => loadTimeline(database, bucketOfId(id), accountId, id),
    list: (filter, limit, cursor) => orUnavailable(listTransactions(queries, database.buckets, filter, limit, cursor)),
    claimDue: (now, node, limit, claimMs) =>
      fromBuckets(limit, (bucket, rest) =>
        claimDue(database, bucket, { now, until: now + claimMs, node, limit: rest }),
      ),
    takeOver: (from: NodeId, to: NodeId, limit) =>
      fromBuckets(limit, (bucket, rest) => takeOver(database, bucket, from, to, rest)),
    leasedTo: (node, limit) => fromBuckets(limit, (bucket, rest) => leasedTo(database, bucket, node, rest)),
    prune: async (endedBefore, limit) => {
      let deleted = 0;
      for (let bucket = 0; bucket < database.buckets; bucket++) {
        deleted += await pruneTransactions(database, bucket, endedBefore, limit);
        await pruneMarks(database, bucket, endedBefore);
      }
      return deleted;
    },
  };
}
