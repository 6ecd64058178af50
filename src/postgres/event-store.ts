/** Tracked events in PostgreSQL. */
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import type { EventStart } from '#domain/event-start.ts';
import { bucketOf, hash16 } from '#domain/ids.ts';
import type { CampaignId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import { isoTime } from '#domain/time.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { Clock } from '#ports/clock.ts';
import type { EventStore } from '#ports/event-store.ts';
import { inTurnAcrossBuckets } from './across-buckets.ts';
import { orUnavailable, run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf, storableText } from './document.ts';
import { claimStarts, finishStarts } from './event-starts.ts';
import { pageOf } from './page.ts';
import { perBucket } from './per-bucket.ts';

/** One that names a request first takes that request's place, which is free or was taken longer ago than the window. */
const FRESH = `fresh as (
           insert into event_requests as r (bucket, account_id, user_id, request_id, at)
           select $1, account_id, user_id, request_id, $10::timestamptz from given where request_id is not null
           order by account_id, user_id, request_id
           on conflict (bucket, account_id, user_id, request_id) do update set at = excluded.at
             where r.at <= (select max(free_before) from given g where g.request_id = r.request_id)
           returning account_id, user_id, request_id
         )`;

const INSERT = `insert into events (bucket, account_id, user_id, id, event_name, event_time, event_data)
         select $1, g.account_id, g.user_id, g.id, g.event_name, g.event_time, g.event_data
         from given g
         where g.request_id is null or exists (
           select from fresh f
           where f.account_id = g.account_id and f.user_id = g.user_id and f.request_id = g.request_id)
         order by g.account_id, g.user_id, g.id
         on conflict do nothing`;

/** Inserts a batch of one bucket, in the order of its keys; an event that is there already is left as it is. All in one statement. */
const TRACK = {
  name: 'track_events',
  text: `with given as (
           select * from unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::json[], $8::text[], $9::timestamptz[])
             as g (account_id, user_id, id, event_name, event_time, event_data, request_id, free_before)
         ), ${FRESH}
         ${INSERT}`,
};

/**
 * The same where one of them starts campaigns: with each of these that was not there before, what it starts is stored. The
 * coalesce keeps the comparison a hashed one; as a join it would compare each event of the batch with each.
 */
const TRACK_AND_START = {
  name: 'track_and_start_events',
  text: `with given as (
           select * from unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::json[], $8::text[], $9::timestamptz[],
             $11::jsonb[])
             as g (account_id, user_id, id, event_name, event_time, event_data, request_id, free_before, campaign_ids)
         ), ${FRESH}, tracked as (
           ${INSERT}
           returning account_id, user_id, id
         )
         insert into event_starts (bucket, account_id, user_id, event_id, event_name, event_time, event_data, campaign_ids, due_at)
         select $1, account_id, user_id, id, event_name, event_time, event_data, campaign_ids, $10::timestamptz
         from given
         where campaign_ids is not null
           and coalesce((account_id, user_id, id) in (select account_id, user_id, id from tracked), false)
         order by account_id, user_id, id
         on conflict do nothing`,
};

interface Tracking {
  event: TrackedEvent;
  /** Null: it names no request. */
  request: { id: string; windowMs: number } | null;
  starts: readonly CampaignId[];
}

interface EventRow {
  account_id: string;
  user_id: string;
  id: string;
  event_name: string;
  event_time: Date;
  event_data: JsonObject;
}

/** The store on an open database. */
export function eventStore(database: Database, queries: Kysely<unknown>, clock: Clock): EventStore {
  const track = perBucket({
    key: ({ event, request }: Tracking) => JSON.stringify([event.accountId, event.userId, request?.id ?? event.id]),
    run: async (bucket, batch: Tracking[]) => {
      const now = clock.now();
      const values = [
        bucket,
        batch.map(({ event }) => event.accountId),
        batch.map(({ event }) => event.userId),
        batch.map(({ event }) => event.id),
        batch.map(({ event }) => event.eventName),
        batch.map(({ event }) => isoTime(event.eventTime)),
        batch.map(({ event }) => documentOf(event.eventData)),
        batch.map(({ request }) => request && storableText(request.id)),
        batch.map(({ request }) => request && isoTime(now - request.windowMs)),
        isoTime(now),
      ];
      const starts = batch.map((one) => (one.starts.length > 0 ? JSON.stringify(one.starts) : null));
      if (starts.every((one) => one === null)) await run(database.engine, TRACK, values);
      else await run(database.engine, TRACK_AND_START, [...values, starts]);
      return batch.map(() => undefined);
    },
  });
  const finish = perBucket({
    run: (bucket, batch: EventStart[]) => finishStarts(database, bucket, batch),
    key: ({ event }) => JSON.stringify([event.accountId, event.userId, event.id]),
  });
  const forStarts = inTurnAcrossBuckets(database);
  const bucketOfUser = ({ accountId, userId }: TrackedEvent) => bucketOf(hash16(accountId, userId), database.buckets);
  return {
    track: (event, request = null, starts = []) => track(bucketOfUser(event), { event, request, starts }),
    claimStarts: (now, limit, claimMs) =>
      forStarts(limit, (bucket, rest) => claimStarts(database, bucket, now, now + claimMs, rest)),
    finishStart: (start) => finish(bucketOfUser(start.event), start),
    list: async ({ accountId, userId, eventName }, limit, cursor) => {
      const conditions: RawBuilder<unknown>[] = [sql`e.account_id = ${accountId}`];
      if (userId !== undefined) conditions.push(sql`e.user_id = ${userId}`);
      if (eventName !== undefined) conditions.push(sql`e.event_name = ${eventName}`);
      if (cursor !== null) conditions.push(sql`e.id < ${cursor}::uuid`);
      const { rows } = await orUnavailable(
        sql<EventRow>`
          select e.account_id, e.user_id, e.id, e.event_name, e.event_time, e.event_data
          from generate_series(0, ${database.buckets - 1}::int) as bucket (number)
          cross join lateral (
            select * from events e where e.bucket = bucket.number and ${sql.join(conditions, sql` and `)}
            order by e.id desc limit ${limit + 1}
          ) e
          order by e.id desc limit ${limit + 1}`.execute(queries),
      );
      return pageOf(rows.map(eventOf), limit, ({ id }) => id);
    },
  };
}

function eventOf(row: EventRow): TrackedEvent {
  return {
    id: row.id,
    accountId: row.account_id,
    userId: row.user_id,
    eventName: row.event_name,
    eventTime: row.event_time.getTime(),
    eventData: row.event_data,
  };
}
