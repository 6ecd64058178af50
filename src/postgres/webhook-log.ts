/** The log of calls, for people; and replaying what is in it. */
import { isTransactionId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import type { CallFilter, CallName, CallState, LoggedCall } from '#ports/webhook-store.ts';
import type { Page } from '#ports/transaction-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { pageOf } from './page.ts';

const LOG_COLUMNS = `c.account_id, c.webhook_id, c.lane, c.id, c.type, c.state, c.attempts, c.at, c.tried_at, c.due_at, c.status, c.error,
  c.body::text as body`;

interface LogRow {
  account_id: string;
  webhook_id: string;
  lane: string;
  id: string;
  type: string;
  state: CallState;
  attempts: number;
  at: Date;
  tried_at: Date | null;
  due_at: Date | null;
  status: number | null;
  error: string | null;
  body: string;
}

function loggedOf(row: LogRow): LoggedCall {
  return {
    accountId: row.account_id,
    webhookId: row.webhook_id,
    id: row.id,
    type: row.type,
    transactionId: row.type !== 'batch.ended' && isTransactionId(row.lane) ? row.lane : null,
    state: row.state,
    attempts: row.attempts,
    at: row.at.getTime(),
    triedAt: row.tried_at?.getTime() ?? null,
    dueAt: row.due_at?.getTime() ?? null,
    status: row.status,
    error: row.error,
    body: row.body,
  };
}

/** One page: every bucket's newest calls beyond the cursor, merged. Takes no locks. */
export async function listCalls(
  queries: Kysely<unknown>,
  buckets: number,
  filter: CallFilter,
  limit: number,
  cursor: string | null,
): Promise<Page<LoggedCall>> {
  const { accountId, webhookId, state, since } = filter;
  const conditions: RawBuilder<unknown>[] = [sql`c.account_id = ${accountId}`, sql`c.webhook_id = ${webhookId}`];
  const last = cursor === null ? null : parseCursor(cursor);
  if (last) conditions.push(sql`(c.at, c.id) < (${isoTime(last.at)}::timestamptz, ${last.id})`);
  if (state !== undefined) conditions.push(sql`c.state = ${state}`);
  if (since !== undefined) conditions.push(sql`c.at >= ${isoTime(since)}`);
  const { rows } = await sql<LogRow>`
    select ${sql.raw(LOG_COLUMNS)}
    from generate_series(0, ${buckets - 1}::int) as bucket (number)
    cross join lateral (
      select * from webhook_calls c
      where c.bucket = bucket.number and ${sql.join(conditions, sql` and `)}
      order by c.at desc, c.id desc limit ${limit + 1}
    ) c
    order by c.at desc, c.id desc limit ${limit + 1}`.execute(queries);
  return pageOf(rows.map(loggedOf), limit, ({ at, id }) => `${at}_${id}`);
}

/** The cursor's parts: when its call happened, and its id. Of one that is none, a time before all. */
function parseCursor(cursor: string): { at: Instant; id: string } {
  const split = cursor.indexOf('_');
  return { at: Number(cursor.slice(0, split)) || 0, id: cursor.slice(split + 1) };
}

const FIND = {
  name: 'find_webhook_call',
  text: `select ${LOG_COLUMNS} from webhook_calls c
         where c.bucket = $1 and c.account_id = $2 and c.webhook_id = $3 and c.lane = $4 and c.id = $5`,
};

/** One call; null when there is none. */
export async function findCall(
  database: Database,
  bucket: number,
  lane: string,
  { accountId, webhookId, id }: CallName,
): Promise<LoggedCall | null> {
  const [row] = await run<LogRow>(database.engine, FIND, [bucket, accountId, webhookId, lane, id]);
  return row ? loggedOf(row) : null;
}

/** Lets one call wait again. One that is being made right now is made once more. */
const REPLAY = {
  name: 'replay_webhook_call',
  text: `update webhook_calls c set state = 'waiting', attempts = 0, due_at = $6, claimed_until = null, until = $7
         where c.bucket = $1 and c.account_id = $2 and c.webhook_id = $3 and c.lane = $4 and c.id = $5 returning c.id`,
};

/** False when there is none. */
export async function replayCall(
  database: Database,
  bucket: number,
  lane: string,
  { accountId, webhookId, id }: CallName,
  now: Instant,
  giveUpAt: Instant,
): Promise<boolean> {
  const values = [bucket, accountId, webhookId, lane, id, isoTime(now), isoTime(giveUpAt)];
  return (await run(database.engine, REPLAY, values)).length === 1;
}

/** A page of calls that are over, oldest first, skipping rows that somebody is writing. They come due in the same order. */
const REPLAY_RANGE = {
  name: 'replay_webhook_calls',
  text: `with chosen as materialized (
           select c.lane, c.id, c.at from webhook_calls c
           where c.bucket = $1 and c.account_id = $2 and c.webhook_id = $3 and c.at >= $4 and c.at < $5
             and c.due_at is null and ($6::text is null or c.state = $6)
           order by c.at, c.id limit $9 for update skip locked
         ), ordered as materialized (
           select chosen.*, row_number() over (order by at, id) as place from chosen
         )
         update webhook_calls c set state = 'waiting', attempts = 0, claimed_until = null, until = $8,
           due_at = $7::timestamptz + ordered.place * interval '1 microsecond'
         from ordered where c.bucket = $1 and c.account_id = $2 and c.webhook_id = $3 and c.lane = ordered.lane and c.id = ordered.id
         returning c.id`,
};

/** The ids of the calls that wait again. */
export function replayCalls(
  database: Database,
  bucket: number,
  { accountId, webhookId, state, since = 0, until }: CallFilter & { until: Instant },
  { now, giveUpAt, limit }: { now: Instant; giveUpAt: Instant; limit: number },
): Promise<{ id: string }[]> {
  const range = [isoTime(since), isoTime(until)];
  const values = [bucket, accountId, webhookId, ...range, state ?? null, isoTime(now), isoTime(giveUpAt), limit];
  return run(database.engine, REPLAY_RANGE, values);
}
