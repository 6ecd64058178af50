/** The statements by which nodes share the pages of batches. */
import type { Recipient } from '#domain/batch.ts';
import type { BatchId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { ClaimedPage, PageOutcome } from '#ports/batch-store.ts';
import { BATCH_COLUMNS, batchOf } from './batch-row.ts';
import type { BatchRow } from './batch-row.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { integers, jsonbs, uuids } from './parameters.ts';

/** When a batch is asked again whose pages are all in somebody's hands, in ms. */
const ALL_IN_HAND_MS = 250;

/**
 * Takes the due batches of a bucket that were served longest ago, and the first page of each that is due; rows that somebody
 * else is taking are skipped. A batch with more pages goes to the end of the queue. One without unsettled pages is asked from
 * now on whether it has ended. The arrays and the limits of one keep the plan to index lookups, however many rows the planner
 * expects. First the batches are locked, then the pages; nothing else locks both.
 */
const CLAIM = {
  name: 'claim_batch_pages',
  text: `with next as materialized (
           select account_id, id from batches
           where bucket = $1 and state = 'running' and expand_at <= $2 and id <> all($5::uuid[])
           order by expand_at limit $6 for update skip locked
         ), page as materialized (
           select p.batch_id, p.first from next
           cross join lateral (
             select batch_id, first from batch_pages
             where bucket = $1 and batch_id = next.id and due_at <= $2
             order by first limit 1 for update skip locked
           ) p
         ), claimed as (
           update batch_pages p set due_at = $3 from page
           where p.bucket = $1 and p.batch_id = page.batch_id and p.first = page.first
           returning p.batch_id, p.first, p.recipients
         ), open as materialized (
           select next.account_id, next.id,
             page.first is not null and (select 1 from batch_pages p where p.bucket = $1 and p.batch_id = next.id
               and p.due_at <= $2 and p.first <> page.first limit 1) is not null as has_more,
             (select 1 from batch_pages p where p.bucket = $1 and p.batch_id = next.id
               and p.due_at is not null limit 1) is not null as has_unsettled
           from next left join page on page.batch_id = next.id
         ), turned as (
           update batches b
           set expand_at = case when open.has_more then $2::timestamptz when open.has_unsettled then $4::timestamptz end,
             check_at = case when open.has_unsettled then null else $2::timestamptz end
           from open
           where b.bucket = $1 and b.id = open.id and b.account_id = open.account_id
             and b.account_id = any(array(select account_id from next)) and b.id = any(array(select id from next))
           returning ${BATCH_COLUMNS}
         )
         select turned.*, claimed.first, claimed.recipients from turned left join claimed on claimed.batch_id = turned.id`,
};

type ClaimRow = BatchRow & { first: number | null; recipients: Recipient[] | null };

/** One page of each of up to `limit` batches. Null: no batch of the bucket is due; none: some were, and had no page to give. */
export async function claimPages(
  database: Database,
  bucket: number,
  { now, until, limit, except }: { now: Instant; until: Instant; limit: number; except: BatchId[] },
): Promise<ClaimedPage[] | null> {
  const values = [bucket, isoTime(now), isoTime(until), isoTime(now + ALL_IN_HAND_MS), except, limit];
  const rows = await run<ClaimRow>(database.engine, CLAIM, values);
  if (rows.length === 0) return null;
  const pages: ClaimedPage[] = [];
  for (const row of rows) {
    const { first, recipients } = row;
    if (first !== null && recipients !== null) pages.push({ batch: batchOf(row), first, recipients });
  }
  return pages;
}

/** Moves a claim on, unless the page is settled; tells whether its batch still runs. Locks the page alone. */
const RENEW = {
  name: 'renew_batch_page',
  text: `update batch_pages p set due_at = $4
         where p.bucket = $1 and p.batch_id = $2 and p.first = $3 and p.due_at is not null
         returning (select b.state = 'running' from batches b
           where b.bucket = $1 and b.account_id = $5 and b.id = $2) as runs`,
};

/** Whether the page's batch still runs. `until` in the past gives the page back. */
export async function renewPage(
  database: Database,
  bucket: number,
  { batch, first }: ClaimedPage,
  until: Instant,
): Promise<boolean> {
  const values = [bucket, batch.id, first, isoTime(until), batch.accountId];
  const [row] = await run<{ runs: boolean | null }>(database.engine, RENEW, values);
  return row?.runs === true;
}

/** Settles a batch of pages; one that another node has settled meanwhile came to the same. In the order of their keys. */
const SETTLE = {
  name: 'settle_batch_pages',
  text: `update batch_pages p set due_at = null, refusals = given.refusals
         from unnest($2::uuid[], $3::int[], $4::jsonb[]) as given (batch_id, first, refusals)
         where p.bucket = $1 and p.batch_id = given.batch_id and p.first = given.first`,
};

/** A page, and what became of it. */
export interface SettledPage {
  page: ClaimedPage;
  outcome: PageOutcome;
}

/** Settles pages of one bucket. */
export async function settlePages(database: Database, bucket: number, given: SettledPage[]): Promise<void[]> {
  const batch = given.toSorted((a, b) => a.page.batch.id.localeCompare(b.page.batch.id) || a.page.first - b.page.first);
  await run(database.engine, SETTLE, [
    bucket,
    uuids(batch.map(({ page }) => page.batch.id)),
    integers(batch.map(({ page }) => page.first)),
    jsonbs(batch.map(({ outcome }) => documentOf(outcome.refused.map(({ index, reason }) => [index, reason])))),
  ]);
  return given.map(() => undefined);
}
