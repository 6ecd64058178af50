/** The statements by which nodes share the calls that are due. */
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { CallName, CallRoom, ClaimedCall, WebhookName } from '#ports/webhook-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

/** Calls looked at beyond those there is room for: some have to wait for an earlier one of their lane. */
const LOOK_FURTHER = 64;

/**
 * The webhooks of a bucket that have calls waiting, each found by one step over the index however many calls it has, and of
 * these the ones with a call that is due. Takes no locks.
 */
const DUE = {
  name: 'due_webhooks',
  text: `with recursive webhook as (
           (select c.account_id, c.webhook_id from webhook_calls c
            where c.bucket = $1 and c.due_at is not null and (c.account_id, c.webhook_id) > ($4, $5)
            order by c.account_id, c.webhook_id limit 1)
           union all
           select next.account_id, next.webhook_id from webhook cross join lateral (
             select c.account_id, c.webhook_id from webhook_calls c
             where c.bucket = $1 and c.due_at is not null
               and (c.account_id, c.webhook_id) > (webhook.account_id, webhook.webhook_id)
             order by c.account_id, c.webhook_id limit 1
           ) next
         )
         select due.* from webhook cross join lateral (
           select c.account_id, c.webhook_id, c.id from webhook_calls c
           where c.bucket = $1 and c.account_id = webhook.account_id and c.webhook_id = webhook.webhook_id and c.due_at <= $2
             and (c.claimed_until is null or c.claimed_until <= $2)
           order by c.due_at limit 1
         ) due limit $3`,
};

/** One due call of each webhook that has any, in the order of their names, beginning behind the given one. */
export async function dueWebhooks(
  database: Database,
  bucket: number,
  now: Instant,
  limit: number,
  after: WebhookName,
): Promise<CallName[]> {
  const rows = await run<{ account_id: string; webhook_id: string; id: string }>(database.engine, DUE, [
    bucket,
    isoTime(now),
    limit,
    after.accountId,
    after.webhookId,
  ]);
  return rows.map(({ account_id: accountId, webhook_id: webhookId, id }) => ({ accountId, webhookId, id }));
}

/**
 * Takes the calls of some webhooks that are due longest, and notes the claim. Only such calls are taken as have no
 * earlier one waiting in their lane, but for those that are taken together with them. Of the others, those behind a call that is
 * being made stay where they are (its end is near), or, after two seconds, come again in one; those behind a call that waits
 * for its retry wait with it.
 *
 * Looks without locks, and then locks what it takes: rows that another node is taking, or has taken since, are left out, and
 * with them what comes after them in their lane. (`is not distinct from` uses no index: by the key it is one row, by due_at
 * all of a moment.)
 */
const CLAIM = {
  name: 'claim_webhook_calls',
  text: `with room as materialized (
           select * from unnest($2::text[], $3::text[], $4::int[]) as room (account_id, webhook_id, calls)
         ), due as materialized (
           select found.* from room cross join lateral (
             select c.account_id, c.webhook_id, c.lane, c.id, c.position, c.due_at, room.calls from webhook_calls c
             where c.bucket = $1 and c.account_id = room.account_id and c.webhook_id = room.webhook_id and c.due_at <= $5
               and (c.claimed_until is null or c.claimed_until <= $5)
             order by c.due_at limit room.calls + ${LOOK_FURTHER}
           ) found
         ), judged as materialized (
           select due.*, earlier.is_claimed, earlier.latest, min(due.due_at) over lane as lane_due,
             earlier.calls = row_number() over (lane order by position) - 1 as is_free
           from due cross join lateral (
             select count(*) as calls, max(e.due_at) as latest,
               coalesce(bool_or(e.claimed_until > $5), false) as is_claimed
             from webhook_calls e
             where e.bucket = $1 and e.account_id = due.account_id and e.webhook_id = due.webhook_id and e.lane = due.lane
               and e.position < due.position and e.due_at is not null
           ) earlier
           window lane as (partition by due.account_id, due.webhook_id, due.lane)
         ), counted as materialized (
           select judged.*,
             row_number() over (partition by account_id, webhook_id, is_free order by lane_due, lane, position) as place
           from judged
         ), taken as materialized (
           select account_id, webhook_id, lane, id, position, is_free, due_at as was_due_at,
             row_number() over (partition by account_id, webhook_id, lane, is_free order by position) as place,
             case when is_free then due_at
               when is_claimed then $5::timestamptz + interval '1 second'
               else latest + interval '1 microsecond' end as due_at
           from counted
           where case when is_free then place <= calls
             when is_claimed then due_at < $5::timestamptz - interval '2 seconds'
             else latest >= due_at end
         ), locked as materialized (
           select taken.* from taken cross join lateral (
             select 1 from webhook_calls w
             where w.bucket = $1 and w.account_id = taken.account_id and w.webhook_id = taken.webhook_id and w.lane = taken.lane
               and w.id = taken.id and w.due_at is not distinct from taken.was_due_at
               and (w.claimed_until is null or w.claimed_until <= $5)
             for update of w skip locked
           ) c
         ), whole as materialized (
           select locked.*,
             row_number() over (partition by account_id, webhook_id, lane, is_free order by position) as place_now
           from locked
         )
         update webhook_calls c
         set due_at = whole.due_at, claimed_until = case when is_free then $6::timestamptz end, attempts = c.attempts + is_free::int
         from whole
         where c.bucket = $1 and c.account_id = whole.account_id and c.webhook_id = whole.webhook_id and c.lane = whole.lane
           and c.id = whole.id and place_now = place
         returning c.account_id, c.webhook_id, c.lane, c.id, c.position::float8 as position, c.format, c.body::text as body,
           c.until, c.attempts, is_free`,
};

interface ClaimedRow {
  account_id: string;
  webhook_id: string;
  lane: string;
  id: string;
  position: number;
  format: ClaimedCall['format'];
  body: string;
  until: Date;
  attempts: number;
  is_free: boolean;
}

/** The calls that were claimed. */
export async function claimCalls(
  database: Database,
  bucket: number,
  rooms: CallRoom[],
  now: Instant,
  until: Instant,
): Promise<ClaimedCall[]> {
  const rows = await run<ClaimedRow>(database.engine, CLAIM, [
    bucket,
    rooms.map(({ accountId }) => accountId),
    rooms.map(({ webhookId }) => webhookId),
    rooms.map(({ calls }) => calls),
    isoTime(now),
    isoTime(until),
  ]);
  return rows
    .filter(({ is_free: isFree }) => isFree)
    .map(({ account_id, webhook_id, lane, id, position, format, body, until: giveUpAt, attempts }) => ({
      accountId: account_id,
      webhookId: webhook_id,
      lane,
      id,
      position,
      format,
      body,
      giveUpAt: giveUpAt.getTime(),
      attempts,
    }));
}
