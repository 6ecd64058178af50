/** Transactions in PostgreSQL: which bucket, which batch. The statements are in `transaction-*.ts`. */
import type { Kysely } from 'kysely';
import { bucketOf, hash16, hash16OfId } from '#domain/ids.ts';
import type { AccountId, TransactionId } from '#domain/ids.ts';
import type { TransactionStore, Transition } from '#ports/transaction-store.ts';
import { acrossBuckets, inTurnAcrossBuckets } from './across-buckets.ts';
import { orUnavailable } from './connection.ts';
import type { Database } from './connection.ts';
import { releaseFiles } from './file-release.ts';
import { perBucket } from './per-bucket.ts';
import { acceptor } from './transaction-acceptor.ts';
import { claimDue, leasedTo, takeOver } from './transaction-claim.ts';
import { claimLane, joinLane, lanesOf } from './transaction-lanes.ts';
import { listTransactions } from './transaction-list.ts';
import { loadByTxnId, loadHistory, loadTransactions } from './transaction-load.ts';
import { pruneMarks, pruneTransactions } from './transaction-prune.ts';
import { saveTransitions } from './transaction-save.ts';

/** The store on an open database. */
export function transactionStore(database: Database, queries: Kysely<unknown>): TransactionStore {
  const bucketOfId = (id: TransactionId) => bucketOf(hash16OfId(id), database.buckets);
  const save = perBucket({
    run: (bucket, batch: Transition[]) => saveTransitions(database, bucket, batch),
    key: ({ stored }) => stored.transaction.id,
  });
  const load = perBucket({
    run: (bucket, wanted: { accountId: AccountId; id: TransactionId }[]) => loadTransactions(database, bucket, wanted),
  });
  const forTimers = inTurnAcrossBuckets(database);
  const forRescue = acrossBuckets(database);
  const forLanes = acrossBuckets(database);
  const forRetention = inTurnAcrossBuckets(database);

  return {
    accept: acceptor(database),
    save: (transition) => save(bucketOfId(transition.stored.transaction.id), transition),
    load: (accountId, id) => load(bucketOfId(id), { accountId, id }),
    loadByTxnId: (accountId, txnId) => {
      const bucket = bucketOf(hash16(accountId, txnId), database.buckets);
      return loadByTxnId(database, bucket, accountId, txnId);
    },
    history: (accountId, id) => loadHistory(database, bucketOfId(id), accountId, id),
    list: (filter, limit, cursor) => orUnavailable(listTransactions(queries, database.buckets, filter, limit, cursor)),
    claimDue: (now, node, limit, claimMs) =>
      forTimers(limit, (bucket, rest) => claimDue(database, bucket, { now, until: now + claimMs, node, limit: rest })),
    lanes: async (limit) => {
      const names = await forLanes(Infinity, (bucket) => lanesOf(database, bucket, limit));
      return [...new Set(names)].slice(0, limit);
    },
    claimLane: (lane, now, node, limit, claimMs) =>
      forTimers(limit, (bucket, rest) =>
        claimLane(database, bucket, { lane, until: now + claimMs, node, limit: rest }),
      ),
    joinLane: async (claimed, lane) => {
      const parts = Map.groupBy(claimed, ({ transaction }) => bucketOfId(transaction.id));
      for (const [bucket, its] of parts) await joinLane(database, bucket, its, lane);
    },
    takeOver: (from, to, limit) => forRescue(limit, (bucket, rest) => takeOver(database, bucket, from, to, rest)),
    leasedTo: (node, limit) => forRescue(limit, (bucket, rest) => leasedTo(database, bucket, node, rest)),
    prune: async (endedBefore, limit) => {
      const deleted = await forRetention(limit, async (bucket, rest) => {
        await pruneMarks(database, bucket, endedBefore, rest);
        return pruneTransactions(database, bucket, endedBefore, rest);
      });
      await releaseFiles(database, 'transaction', deleted);
      return deleted.length;
    },
  };
}
