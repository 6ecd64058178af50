/** Tracked events in PostgreSQL. */
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { bucketOf, hash16 } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import { isoTime } from '#domain/time.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { EventStore } from '#ports/event-store.ts';
import { orUnavailable, run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { pageOf } from './page.ts';
import { perBucket } from './per-bucket.ts';

/** Inserts a batch of one bucket, in the order of its keys; an event that is there already is left as it is. */
const TRACK = {
  name: 'track_events',
  text: `insert into events (bucket, account_id, user_id, id, event_name, event_time, event_data)
         select $1, * from unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::json[])
           as given (account_id, user_id, id, event_name, event_time, event_data)
         order by account_id, user_id, id
         on conflict do nothing`,
};

interface EventRow {
  account_id: string;
  user_id: string;
  id: string;
  event_name: string;
  event_time: Date;
  event_data: JsonObject;
}

/** The store on an open database. */
export function eventStore(database: Database, queries: Kysely<unknown>): EventStore {
  const track = perBucket({
    run: async (bucket, batch: TrackedEvent[]) => {
      await run(database.engine, TRACK, [
        bucket,
        batch.map(({ accountId }) => accountId),
        batch.map(({ userId }) => userId),
        batch.map(({ id }) => id),
        batch.map(({ eventName }) => eventName),
        batch.map(({ eventTime }) => isoTime(eventTime)),
        batch.map(({ eventData }) => documentOf(eventData)),
      ]);
      return batch.map(() => undefined);
    },
  });
  return {
    track: (event) => track(bucketOf(hash16(event.accountId, event.userId), database.buckets), event),
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
