/** Uploads in PostgreSQL. A page is as large as those of other batches, so that some are written together. */
import { bucketOf, hash16, hash16OfId } from '#domain/ids.ts';
import type { BatchId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { UploadPage, UploadStore } from '#ports/upload-store.ts';
import { inTurnAcrossBuckets } from './across-buckets.ts';
import { loadBatchByKey } from './batch-accept.ts';
import type { Database } from './connection.ts';
import { perBucket } from './per-bucket.ts';
import { appendPages, beginUpload, completeUpload, discardUpload, sweepUploads } from './upload-pages.ts';

/** Pages in one statement: some megabytes at most. */
const APPEND_MAX = 8;
/** Pages that wait to be written, over which an upload is refused. */
const APPENDS_WAITING_MAX = 64;
/** A statement under way for longer is taken for a database that hangs. */
const STALL_MS = 10_000;

/** The store on an open database. */
export function uploadStore(database: Database): UploadStore {
  const bucketOfId = (id: BatchId) => bucketOf(hash16OfId(id), database.buckets);
  const append = perBucket({
    batchMax: APPEND_MAX,
    waitingMax: APPENDS_WAITING_MAX,
    stallMs: STALL_MS,
    run: (bucket, items: { id: BatchId; page: UploadPage; now: Instant }[]) => appendPages(database, bucket, items),
  });
  const forSweeps = inTurnAcrossBuckets(database);
  return {
    begin: (id, now) => beginUpload(database, bucketOfId(id), id, now),
    append: (id, page, now) => append(bucketOfId(id), { id, page, now }),
    complete: async (completion) => {
      const { batch, key } = completion;
      const bucket = bucketOfId(batch.id);
      if (await completeUpload(database, bucket, completion)) return { kind: 'accepted' };
      const first = key === null ? null : await loadBatchByKey(database, bucket, batch.accountId, key);
      return first ? { kind: 'repeat', ...first } : { kind: 'gone' };
    },
    named: (accountId, key) =>
      loadBatchByKey(database, bucketOf(hash16(accountId, key), database.buckets), accountId, key),
    discard: (id) => discardUpload(database, bucketOfId(id), id),
    sweep: async (touchedBefore, limit) =>
      (await forSweeps(limit, (bucket, rest) => sweepUploads(database, bucket, touchedBefore, rest))).length,
  };
}
