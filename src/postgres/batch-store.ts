/** Batches in PostgreSQL: which bucket, how many at once. The statements are in `batch-*.ts`. */
import type { Kysely } from 'kysely';
import { bucketOf, hash16OfId } from '#domain/ids.ts';
import type { BatchId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { BatchAcceptance, BatchStore, ClaimedPage } from '#ports/batch-store.ts';
import { inTurnAcrossBuckets } from './across-buckets.ts';
import { acceptBatch, loadBatch } from './batch-accept.ts';
import { claimEnding, endBatch, openMembers, pruneBatches, turnBatch } from './batch-end.ts';
import { countBatch, countOpenBatches, listBatches } from './batch-list.ts';
import { claimPages, renewPage, settlePages } from './batch-pages.ts';
import type { SettledPage } from './batch-pages.ts';
import { readResults } from './batch-results.ts';
import { orUnavailable } from './connection.ts';
import type { Database } from './connection.ts';
import { releaseFiles } from './file-release.ts';
import { perBucket } from './per-bucket.ts';

/** Batches that wait for their turn to be written, over which a call is refused: each may be many megabytes. */
const ACCEPTS_WAITING_MAX = 8;
/** A batch under way for longer is taken for a database that hangs: the largest take a second. */
const ACCEPT_STALL_MS = 10_000;

/** The store on an open database. */
export function batchStore(database: Database, queries: Kysely<unknown>): BatchStore {
  const bucketOfId = (id: BatchId) => bucketOf(hash16OfId(id), database.buckets);
  const accept = perBucket({
    batchMax: 1,
    waitingMax: ACCEPTS_WAITING_MAX,
    stallMs: ACCEPT_STALL_MS,
    run: async (bucket, [acceptance]: BatchAcceptance[]) => [await acceptBatch(database, bucket, acceptance!)],
  });
  const settle = perBucket({ run: (bucket, batch: SettledPage[]) => settlePages(database, bucket, batch) });
  const forEnds = inTurnAcrossBuckets(database);
  const forRetention = inTurnAcrossBuckets(database);
  let nextBucket = 0;

  /** Asks each bucket once, beginning with the one after that which gave the last pages: they have their turns, too. */
  async function claim(now: Instant, until: Instant, limit: number, except: BatchId[] = []): Promise<ClaimedPage[]> {
    const begin = nextBucket;
    for (let step = 0; step < database.buckets; step++) {
      const bucket = (begin + step) % database.buckets;
      let found = await claimPages(database, bucket, { now, until, limit, except });
      // Batches that had no page to give may stand before one that has.
      while (found?.length === 0) found = await claimPages(database, bucket, { now, until, limit, except });
      if (!found) continue;
      nextBucket = (bucket + 1) % database.buckets;
      return found;
    }
    return [];
  }

  return {
    accept: (acceptance) => accept(bucketOfId(acceptance.batch.id), acceptance),
    load: (accountId, id) => loadBatch(database, bucketOfId(id), accountId, id),
    list: (accountId, limit, cursor) => orUnavailable(listBatches(queries, database.buckets, accountId, limit, cursor)),
    claimPages: claim,
    renewPage: (page, until) => renewPage(database, bucketOfId(page.batch.id), page, until),
    releasePage: async (page, now) => void (await renewPage(database, bucketOfId(page.batch.id), page, now)),
    settlePage: (page, outcome) => settle(bucketOfId(page.batch.id), { page, outcome }),
    turn: async (accountId, id, verb, now) =>
      (await turnBatch(database, bucketOfId(id), { accountId, id }, verb, now)) ??
      loadBatch(database, bucketOfId(id), accountId, id),
    claimEnding: (now, limit) => forEnds(limit, (bucket, rest) => claimEnding(database, bucket, now, rest)),
    openMembers: async (_accountId, id, limit) => {
      const found: string[] = [];
      for (let bucket = 0; bucket < database.buckets && found.length < limit; bucket++) {
        const rows = await openMembers(database, bucket, id, limit - found.length);
        found.push(...rows.map((row) => row.id));
      }
      return found;
    },
    end: (accountId, id, now) => endBatch(database, bucketOfId(id), { accountId, id }, now),
    counts: (batch) => orUnavailable(countBatch(queries, database.buckets, bucketOfId(batch.id), batch)),
    results: (batch, result, limit, cursor) =>
      readResults(database, batch, {
        bucket: bucketOfId(batch.id),
        result,
        limit,
        after: cursor === null ? -1 : Number(cursor),
      }),
    open: () => orUnavailable(countOpenBatches(queries)),
    prune: async (endedBefore, limit) => {
      const deleted = await forRetention(limit, (bucket, rest) => pruneBatches(database, bucket, endedBefore, rest));
      await releaseFiles(database, 'batch', deleted);
      return deleted.length;
    },
  };
}
