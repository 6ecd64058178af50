/** The statements of the lines in which transactions wait for the pace of a provider or a sender. */
import type { NodeId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { storableText } from './document.ts';
import { instants, integers, texts, uuids } from './parameters.ts';
import { TRANSACTION_COLUMNS, storedOf } from './transaction-row.ts';
import type { TransactionRow } from './transaction-row.ts';

/** The lines of a bucket, each found by one step in the index, however long it is. Locks nothing. */
const LANES = {
  name: 'lanes',
  text: `with recursive lanes as (
           (select t.lane from transactions t where t.bucket = $1 and t.lane is not null order by t.lane limit 1)
           union all
           select (select t.lane from transactions t where t.bucket = $1 and t.lane > lanes.lane order by t.lane limit 1)
           from lanes where lanes.lane is not null
         )
         select lane from lanes where lane is not null limit $2`,
};

/** The names of a bucket's lines. */
export async function lanesOf(database: Database, bucket: number, limit: number): Promise<string[]> {
  return (await run<{ lane: string }>(database.engine, LANES, [bucket, limit])).map(({ lane }) => lane);
}

/**
 * Takes the transactions at the front of a line, skipping rows that another node is taking, out of it and among the timers,
 * where they fall due when the claim is over: a node that dies with them in its hands delays them by that, and they then
 * stand in the line again. Those being sent by another node are left to it.
 */
const CLAIM_LANE = {
  name: 'claim_lane',
  text: `with front as materialized (
           select t.account_id, t.id from transactions t
           where t.bucket = $1 and t.lane = $2 and (t.node_id is null or t.node_id = $3)
           order by t.lane_at limit $4 for update skip locked
         )
         update transactions t set lane = null, lane_at = null, due_at = least(t.due_at, $5)
         from front where t.bucket = $1 and t.account_id = front.account_id and t.id = front.id
         returning ${TRANSACTION_COLUMNS}`,
};

/** The transactions that were claimed. */
export async function claimLane(
  database: Database,
  bucket: number,
  claim: { lane: string; until: Instant; node: NodeId; limit: number },
): Promise<StoredTransaction[]> {
  const values = [bucket, storableText(claim.lane), claim.node, claim.limit, isoTime(claim.until)];
  return (await run<TransactionRow>(database.engine, CLAIM_LANE, values)).map(storedOf);
}

/**
 * Makes transactions that were claimed stand in a line: their only timer left is their deadline. A row that another
 * node has written meanwhile is left as it is. Rows are locked in the order of their ids.
 */
const JOIN_LANE = {
  name: 'join_lane',
  text: `update transactions t set lane = $2, lane_at = given.at, due_at = given.deadline
         from unnest($3::text[], $4::uuid[], $5::int[], $6::timestamptz[], $7::timestamptz[])
           as given (account_id, id, version, at, deadline)
         where t.bucket = $1 and t.account_id = given.account_id and t.id = given.id and t.version = given.version`,
};

/** Puts them there. */
export async function joinLane(
  database: Database,
  bucket: number,
  claimed: StoredTransaction[],
  lane: string,
): Promise<void> {
  const batch = claimed.toSorted((a, b) => (a.transaction.id < b.transaction.id ? -1 : 1));
  const transactions = batch.map(({ transaction }) => transaction);
  await run(database.engine, JOIN_LANE, [
    bucket,
    storableText(lane),
    texts(transactions.map(({ accountId }) => accountId)),
    uuids(transactions.map(({ id }) => id)),
    integers(batch.map(({ version }) => version)),
    instants(transactions.map(({ startAt }) => startAt)),
    instants(transactions.map(({ deadline }) => deadline)),
  ]);
}
