/** The statements that end what has waited, or been kept, long enough; a page at a time, skipping rows that somebody is writing. */
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { FAILED_KEPT_MS } from '#ports/webhook-store.ts';
import type { WebhookName } from '#ports/webhook-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

const LATE = 'it could not be delivered in time';

/** Gives up calls whose time to wait is over. Those that are over themselves are soon deleted, so that few are passed by. */
const GIVE_UP_LATE = {
  name: 'give_up_late_calls',
  text: `with late as materialized (
           select account_id, webhook_id, lane, id from webhook_calls where bucket = $1 and until < $2 and state = 'waiting'
           order by until limit $3 for update skip locked
         )
         update webhook_calls c set state = 'failed', due_at = null, claimed_until = null, until = $4, error = coalesce(c.error, '${LATE}')
         from late where c.bucket = $1 and c.account_id = late.account_id and c.webhook_id = late.webhook_id and c.lane = late.lane
           and c.id = late.id
         returning c.account_id as "accountId", c.webhook_id as "webhookId"`,
};

/** The webhooks of the calls that were given up. */
export function giveUpLate(database: Database, bucket: number, now: Instant, limit: number): Promise<WebhookName[]> {
  return run(database.engine, GIVE_UP_LATE, [bucket, isoTime(now), limit, isoTime(now + FAILED_KEPT_MS)]);
}

/** Gives up the waiting calls of one webhook. */
const GIVE_UP_ALL = {
  name: 'give_up_all_calls',
  text: `with waiting as materialized (
           select lane, id from webhook_calls where bucket = $1 and account_id = $2 and webhook_id = $3 and due_at is not null
           order by due_at limit $4 for update skip locked
         )
         update webhook_calls c set state = 'failed', due_at = null, claimed_until = null, until = $5, error = $6
         from waiting where c.bucket = $1 and c.account_id = $2 and c.webhook_id = $3 and c.lane = waiting.lane and c.id = waiting.id
         returning c.id`,
};

/** The ids of the calls that were given up. */
export function giveUpAll(
  database: Database,
  bucket: number,
  { accountId, webhookId }: WebhookName,
  { now, error, limit }: { now: Instant; error: string; limit: number },
): Promise<{ id: string }[]> {
  const until = isoTime(now + FAILED_KEPT_MS);
  return run(database.engine, GIVE_UP_ALL, [bucket, accountId, webhookId, limit, until, error]);
}

/** Forgets calls that are over. */
const PRUNE = {
  name: 'prune_webhook_calls',
  text: `with old as materialized (
           select account_id, webhook_id, lane, id from webhook_calls where bucket = $1 and until < $2 and state <> 'waiting'
           order by until limit $3 for update skip locked
         )
         delete from webhook_calls c using old
         where c.bucket = $1 and c.account_id = old.account_id and c.webhook_id = old.webhook_id and c.lane = old.lane and c.id = old.id
         returning c.id`,
};

/** The ids of the calls that were deleted. */
export function pruneCalls(database: Database, bucket: number, now: Instant, limit: number): Promise<{ id: string }[]> {
  return run(database.engine, PRUNE, [bucket, isoTime(now), limit]);
}

/** Counts the waiting ones, as far as the limit. */
const WAITING = {
  name: 'count_waiting_calls',
  text: `select count(*)::int as count
         from (select 1 from webhook_calls where bucket = $1 and due_at is not null limit $2) as waiting`,
};

/** Up to `limit`. */
export async function countWaiting(database: Database, bucket: number, limit: number): Promise<number> {
  const rows = await run<{ count: number }>(database.engine, WAITING, [bucket, limit]);
  return rows[0]!.count;
}
