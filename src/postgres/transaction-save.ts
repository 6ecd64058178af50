/** The statement that writes transitions. */
import { dueAt, standsIn } from '#domain/timers.ts';
import type { Transition } from '#ports/transaction-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { storableText } from './document.ts';
import { instants, integers, jsonbs, jsons, texts, uuids } from './parameters.ts';
import { progressDocument, timelineDocument } from './transaction-row.ts';
import { callsDocument, insertCalls } from './webhook-add.ts';

/** Lines of a timeline; a vendor that reports for ever must not grow a row for ever. */
const TIMELINE_MAX = 500;

/**
 * Writes a batch of one bucket, each row only if it still has the version the transition was decided on; returns the ids
 * that were written. Rows are locked in the batch's order.
 */
const SAVE = { name: 'save', text: saving('t.id', '') };

/** The same where a batch has calls of webhooks to store: with each row that is written, its own, and with no other. */
const SAVE_AND_TELL = {
  name: 'save_and_tell',
  text: `with saved as (${saving('t.id, given.calls', ', $13::json[]', ', calls')}),
           told as (${insertCalls('saved')})
         select id from saved`,
};

function saving(returning: string, lists: string, columns = ''): string {
  return `update transactions t
          set state = given.state, version = t.version + 1, node_id = given.node_id, due_at = given.due_at,
            ended_at = given.ended_at, lane = given.lane, lane_at = given.lane_at, progress = given.progress,
            timeline = case when jsonb_array_length(t.timeline) < ${TIMELINE_MAX} then t.timeline || given.timeline else t.timeline end
          from unnest($2::text[], $3::uuid[], $4::int[], $5::text[], $6::int[], $7::timestamptz[], $8::timestamptz[],
            $9::json[], $10::jsonb[], $11::text[], $12::timestamptz[]${lists})
            as given (account_id, id, version, state, node_id, due_at, ended_at, progress, timeline, lane, lane_at${columns})
          where t.bucket = $1 and t.account_id = given.account_id and t.id = given.id and t.version = given.version
          returning ${returning}`;
}

/** Whether each transition was written. */
export async function saveTransitions(database: Database, bucket: number, given: Transition[]): Promise<boolean[]> {
  // Two nodes that save the same transactions wait for each other, never in a circle.
  const batch = given.toSorted((a, b) => (a.stored.transaction.id < b.stored.transaction.id ? -1 : 1));
  const transactions = batch.map(({ stored }) => stored.transaction);
  const lanes = transactions.map(standsIn);
  const values = [
    bucket,
    texts(transactions.map(({ accountId }) => accountId)),
    uuids(transactions.map(({ id }) => id)),
    integers(batch.map(({ stored }) => stored.version)),
    texts(transactions.map(({ status }) => status.name)),
    integers(batch.map(({ stored }) => stored.node)),
    instants(transactions.map((transaction) => dueAt(transaction))),
    instants(transactions.map(({ status }) => ('endedAt' in status ? status.endedAt : null))),
    jsons(transactions.map(progressDocument)),
    jsonbs(batch.map(({ entries }) => timelineDocument(entries))),
    texts(lanes.map((line) => line && storableText(line.lane))),
    instants(lanes.map((line) => line && line.since)),
  ];
  const isTold = batch.some(({ calls }) => calls && calls.length > 0);
  const rows = await (!isTold
    ? run<{ id: string }>(database.engine, SAVE, values)
    : run<{ id: string }>(database.engine, SAVE_AND_TELL, [...values, jsons(batch.map(callsOf))]));
  const written = new Set(rows.map(({ id }) => id));
  return given.map(({ stored }) => written.has(stored.transaction.id));
}

function callsOf({ calls }: Transition): string | null {
  return calls && calls.length > 0 ? callsDocument(calls) : null;
}
