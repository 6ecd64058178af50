/** The statements that forget what is past its retention, a page at a time, skipping rows that somebody is writing. */
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import type { WithFiles } from './file-release.ts';

/** Deletes transactions that ended long ago. */
const PRUNE = {
  name: 'prune_transactions',
  text: `with old as materialized (
           select account_id, id from transactions where bucket = $1 and ended_at < $2
           order by ended_at limit $3 for update skip locked
         )
         delete from transactions t using old
         where t.bucket = $1 and t.account_id = old.account_id and t.id = old.id
         returning t.account_id as "accountId", t.id, t.request -> 'attachments' as attachments`,
};

/** The transactions that were deleted, with the files that they referred to. */
export function pruneTransactions(
  database: Database,
  bucket: number,
  endedBefore: Instant,
  limit: number,
): Promise<WithFiles[]> {
  return run<WithFiles>(database.engine, PRUNE, [bucket, isoTime(endedBefore), limit]);
}

/** Closed dedupe windows. */
const FORGET_WINDOWS = {
  name: 'forget_windows',
  text: `with old as materialized (
           select account_id, key from dedupe_windows where bucket = $1 and until < $2
           order by until limit $3 for update skip locked
         )
         delete from dedupe_windows w using old
         where w.bucket = $1 and w.account_id = old.account_id and w.key = old.key`,
};

/** Marks of profile writes as old as the transactions they guard. */
const FORGET_MARKS = {
  name: 'forget_marks',
  text: `with old as materialized (
           select account_id, transaction_id from profile_writes where bucket = $1 and at < $2
           order by at limit $3 for update skip locked
         )
         delete from profile_writes w using old
         where w.bucket = $1 and w.account_id = old.account_id and w.transaction_id = old.transaction_id`,
};

/** Places of numbered calls that are long free. */
const FORGET_REQUESTS = {
  name: 'forget_requests',
  text: `with old as materialized (
           select account_id, user_id, request_id from event_requests where bucket = $1 and at < $2
           order by at limit $3 for update skip locked
         )
         delete from event_requests r using old
         where r.bucket = $1 and r.account_id = old.account_id and r.user_id = old.user_id and r.request_id = old.request_id`,
};

/** Deletes up to `limit` windows, marks and places from before the instant. */
export async function pruneMarks(database: Database, bucket: number, before: Instant, limit: number): Promise<void> {
  await run(database.engine, FORGET_WINDOWS, [bucket, isoTime(before), limit]);
  await run(database.engine, FORGET_MARKS, [bucket, isoTime(before), limit]);
  await run(database.engine, FORGET_REQUESTS, [bucket, isoTime(before), limit]);
}
