/** The statements of uploads. Each locks the upload's row first: who completes one and who gives it up do so one after the other. */
import type { BatchId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { UploadCompletion, UploadPage } from '#ports/upload-store.ts';
import { batchValues } from './batch-accept.ts';
import { run, unitOfWork } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { integers, jsonbs, jsons, uuids } from './parameters.ts';

const BEGIN = {
  name: 'begin_upload',
  text: `insert into batch_uploads (bucket, batch_id, touched_at) values ($1, $2, $3)`,
};

/** Nobody else knows the id yet. */
export async function beginUpload(database: Database, bucket: number, id: BatchId, now: Instant): Promise<void> {
  await run(database.engine, BEGIN, [bucket, id, isoTime(now)]);
}

/** Inserts pages of uploads that are still there. Its rows are locked in the order of their ids. */
const APPEND = {
  name: 'append_upload_pages',
  text: `with open as materialized (
           select u.batch_id
           from (select distinct batch_id from unnest($3::uuid[]) as each (batch_id) order by batch_id) wanted
           cross join lateral (
             select batch_id from batch_uploads where bucket = $1 and batch_id = wanted.batch_id for update
           ) u
         ), touched as (
           update batch_uploads u set touched_at = greatest(u.touched_at, $2::timestamptz)
           from open where u.bucket = $1 and u.batch_id = open.batch_id
         )
         insert into batch_pages (bucket, batch_id, first, size, due_at, recipients, refusals)
         select $1, given.batch_id, given.first, given.size, $2, given.recipients, given.refusals
         from unnest($3::uuid[], $4::int[], $5::int[], $6::json[], $7::jsonb[])
           as given (batch_id, first, size, recipients, refusals)
         join open on open.batch_id = given.batch_id
         returning batch_id, first`,
};

/** Whether each page was stored; where not, its upload is gone. */
export async function appendPages(
  database: Database,
  bucket: number,
  items: { id: BatchId; page: UploadPage; now: Instant }[],
): Promise<boolean[]> {
  const stored = await run<{ batch_id: string; first: number }>(database.engine, APPEND, [
    bucket,
    isoTime(Math.max(...items.map(({ now }) => now))),
    uuids(items.map(({ id }) => id)),
    integers(items.map(({ page }) => page.first)),
    integers(items.map(({ page }) => page.size)),
    jsons(items.map(({ page }) => page.recipients)),
    jsonbs(items.map(({ page }) => documentOf(page.badRows.map((index) => [index, 'bad_row'])))),
  ]);
  const known = new Set(stored.map((row) => `${row.batch_id} ${row.first}`));
  return items.map(({ id, page }) => known.has(`${id} ${page.first}`));
}

/**
 * Makes the batch and forgets the upload, both or neither: neither where the upload is gone, or the key is taken (also by a
 * concurrent call, which is waited for). Then no row comes back.
 */
const COMPLETE = {
  name: 'complete_upload',
  text: `with open as materialized (
           select batch_id from batch_uploads where bucket = $1 and batch_id = $3 for update
         ), accepted as (
           insert into batches (bucket, account_id, id, key, fingerprint, state, created_at, start_at, expand_at, total,
             request, campaign_versions, bad_rows)
           select $1, $2, open.batch_id, $4, $5, 'running', $6, $7, $7, $8, $9, $10, $11 from open
           on conflict do nothing
           returning id
         )
         delete from batch_uploads u using accepted where u.bucket = $1 and u.batch_id = accepted.id
         returning u.batch_id`,
};

/** Whether the batch was made. */
export async function completeUpload(
  database: Database,
  bucket: number,
  completion: UploadCompletion,
): Promise<boolean> {
  const values = [bucket, ...batchValues(completion), completion.batch.badRows ?? 0];
  const made = await run(database.engine, COMPLETE, values);
  return made.length > 0;
}

/** Waits for whoever writes a page of it or completes it; what is a batch by then has no upload any more. */
const FORGET = {
  name: 'forget_upload',
  text: `delete from batch_uploads where bucket = $1 and batch_id = $2 returning batch_id`,
};

/** A statement of its own: it sees the pages of those who were waited for. */
const DELETE_PAGES = {
  name: 'delete_upload_pages',
  text: `delete from batch_pages where bucket = $1 and batch_id = $2`,
};

/** Deletes an upload and its pages. */
export function discardUpload(database: Database, bucket: number, id: BatchId): Promise<void> {
  return unitOfWork(database.engine, async (client) => {
    const { rowCount } = await client.query({ ...FORGET, values: [bucket, id] });
    if (rowCount === 1) await client.query({ ...DELETE_PAGES, values: [bucket, id] });
  });
}

/** Deletes uploads that have been silent for long, and their pages, skipping those that somebody is writing. */
const SWEEP = {
  name: 'sweep_uploads',
  text: `with silent as materialized (
           select batch_id from batch_uploads where bucket = $1 and touched_at < $2
           order by touched_at limit $3 for update skip locked
         ), pages as (
           delete from batch_pages p using silent where p.bucket = $1 and p.batch_id = silent.batch_id
         )
         delete from batch_uploads u using silent where u.bucket = $1 and u.batch_id = silent.batch_id
         returning u.batch_id`,
};

/** The uploads that were deleted. */
export function sweepUploads(
  database: Database,
  bucket: number,
  touchedBefore: Instant,
  limit: number,
): Promise<{ batch_id: string }[]> {
  return run(database.engine, SWEEP, [bucket, isoTime(touchedBefore), limit]);
}
