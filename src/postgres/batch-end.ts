/** The statements by which batches are paused, resumed, cancelled and ended. They lock the batch's row alone. */
import type { Batch, BatchVerb } from '#domain/batch.ts';
import type { AccountId, BatchId, TransactionId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { RECHECK_MAX_MS, RECHECK_MIN_MS } from '#ports/batch-store.ts';
import { BATCH_COLUMNS, batchOf } from './batch-row.ts';
import type { BatchRow } from './batch-row.ts';
import { run } from './connection.ts';
import type { Database, Statement } from './connection.ts';
import type { WithFiles } from './file-release.ts';

/** Only while something is left to be made. */
const PAUSE = {
  name: 'pause_batch',
  text: `update batches b set state = 'paused'
         where b.bucket = $1 and b.account_id = $2 and b.id = $3 and b.state = 'running' and b.expand_at is not null
         returning ${BATCH_COLUMNS}`,
};

const RESUME = {
  name: 'resume_batch',
  text: `update batches b set state = 'running', expand_at = greatest(b.start_at, $4::timestamptz)
         where b.bucket = $1 and b.account_id = $2 and b.id = $3 and b.state = 'paused'
         returning ${BATCH_COLUMNS}`,
};

const CANCEL = {
  name: 'cancel_batch',
  text: `update batches b set state = 'cancelled', expand_at = null, check_at = $4
         where b.bucket = $1 and b.account_id = $2 and b.id = $3 and b.state in ('running', 'paused')
         returning ${BATCH_COLUMNS}`,
};

const VERBS: Record<BatchVerb, Statement> = { pause: PAUSE, resume: RESUME, cancel: CANCEL };

/** The batch after that; null where the verb could not be done. */
export async function turnBatch(
  database: Database,
  bucket: number,
  named: { accountId: AccountId; id: BatchId },
  verb: BatchVerb,
  now: Instant,
): Promise<Batch | null> {
  const values = [bucket, named.accountId, named.id, ...(verb === 'pause' ? [] : [isoTime(now)])];
  const [row] = await run<BatchRow>(database.engine, VERBS[verb], values);
  return row ? batchOf(row) : null;
}

/**
 * Takes the batches of a bucket that may have ended, longest waiting first, skipping those that somebody else is taking,
 * and puts each off by an eighth of its age. One with a page in somebody's hands (it was cancelled) waits for that.
 */
const CLAIM_ENDING = {
  name: 'claim_ending_batches',
  text: `with due as materialized (
           select b.account_id, b.id from batches b
           where b.bucket = $1 and b.check_at <= $2
             and not exists (select from batch_pages p where p.bucket = $1 and p.batch_id = b.id and p.due_at > $2)
           order by b.check_at limit $3 for update of b skip locked
         )
         update batches b
         set check_at = $2::timestamptz + least($5 * interval '1 ms',
           greatest($4 * interval '1 ms', ($2::timestamptz - b.start_at) / 8))
         from due where b.bucket = $1 and b.account_id = due.account_id and b.id = due.id
         returning ${BATCH_COLUMNS}`,
};

/** Those that were taken. */
export async function claimEnding(database: Database, bucket: number, now: Instant, limit: number): Promise<Batch[]> {
  const values = [bucket, isoTime(now), limit, RECHECK_MIN_MS, RECHECK_MAX_MS];
  return (await run<BatchRow>(database.engine, CLAIM_ENDING, values)).map(batchOf);
}

/** Takes no lock. */
const OPEN_MEMBERS = {
  name: 'open_members',
  text: `select t.id from transactions t
         where t.bucket = $1 and t.batch_id = $2 and t.state in ('scheduled', 'running') limit $3`,
};

/** Ids of transactions of a batch that have not ended, in one bucket. */
export function openMembers(
  database: Database,
  bucket: number,
  id: BatchId,
  limit: number,
): Promise<{ id: TransactionId }[]> {
  return run(database.engine, OPEN_MEMBERS, [bucket, id, limit]);
}

/** Two that end the same batch: the second waits, and finds it ended. */
const END = {
  name: 'end_batch',
  text: `update batches b
         set state = case b.state when 'running' then 'ended' else b.state end, ended_at = $4, check_at = null
         where b.bucket = $1 and b.account_id = $2 and b.id = $3 and b.ended_at is null and b.check_at is not null
         returning 1 as one`,
};

/** Whether it was this call that ended the batch. */
export async function endBatch(
  database: Database,
  bucket: number,
  named: { accountId: AccountId; id: BatchId },
  now: Instant,
): Promise<boolean> {
  return (await run(database.engine, END, [bucket, named.accountId, named.id, isoTime(now)])).length > 0;
}

/** Deletes old batches and their recipients, skipping those that somebody is writing. */
const PRUNE = {
  name: 'prune_batches',
  text: `with old as materialized (
           select account_id, id from batches where bucket = $1 and ended_at < $2
           order by ended_at limit $3 for update skip locked
         ), pages as (
           delete from batch_pages p using old where p.bucket = $1 and p.batch_id = old.id
         )
         delete from batches b using old
         where b.bucket = $1 and b.account_id = old.account_id and b.id = old.id
         returning b.account_id as "accountId", b.id, b.request -> 'attachments' as attachments`,
};

/** The batches that were deleted, with the files that they referred to. */
export function pruneBatches(
  database: Database,
  bucket: number,
  endedBefore: Instant,
  limit: number,
): Promise<WithFiles[]> {
  return run<WithFiles>(database.engine, PRUNE, [bucket, isoTime(endedBefore), limit]);
}
