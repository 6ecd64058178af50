/** The statements of the events whose campaigns have not been started yet. */
import type { EventStart } from '#domain/event-start.ts';
import type { JsonObject } from '#domain/request.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

/** Moves what is due on by the claim, skipping rows another node is taking. */
const CLAIM = {
  name: 'claim_event_starts',
  text: `with due as materialized (
           select account_id, user_id, event_id from event_starts
           where bucket = $1 and due_at <= $2 order by due_at limit $4 for update skip locked
         )
         update event_starts s set due_at = $3
         from due
         where s.bucket = $1 and s.account_id = due.account_id and s.user_id = due.user_id and s.event_id = due.event_id
         returning s.account_id, s.user_id, s.event_id, s.event_name, s.event_time, s.event_data, s.campaign_ids`,
};

interface StartRow {
  account_id: string;
  user_id: string;
  event_id: string;
  event_name: string;
  event_time: Date;
  event_data: JsonObject;
  campaign_ids: string[];
}

/** What is due, claimed until the given time. */
export async function claimStarts(
  database: Database,
  bucket: number,
  now: Instant,
  until: Instant,
  limit: number,
): Promise<EventStart[]> {
  const rows = await run<StartRow>(database.engine, CLAIM, [bucket, isoTime(now), isoTime(until), limit]);
  return rows.map((row) => ({
    event: {
      id: row.event_id,
      accountId: row.account_id,
      userId: row.user_id,
      eventName: row.event_name,
      eventTime: row.event_time.getTime(),
      eventData: row.event_data,
    },
    campaignIds: row.campaign_ids,
  }));
}

/** Deletes by the whole key; a row that is gone already (somebody else was faster) is nothing. */
const FINISH = {
  name: 'finish_event_starts',
  text: `delete from event_starts s
         using unnest($2::text[], $3::text[], $4::uuid[]) as given (account_id, user_id, event_id)
         where s.bucket = $1 and s.account_id = given.account_id and s.user_id = given.user_id and s.event_id = given.event_id`,
};

/** Forgets a batch of those that are done. */
export async function finishStarts(database: Database, bucket: number, batch: EventStart[]): Promise<void[]> {
  await run(database.engine, FINISH, [
    bucket,
    batch.map(({ event }) => event.accountId),
    batch.map(({ event }) => event.userId),
    batch.map(({ event }) => event.id),
  ]);
  return batch.map(() => undefined);
}
