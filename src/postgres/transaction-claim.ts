/** The statements by which nodes share the work that no request brings: timers, and what dead nodes left. */
import type { NodeId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { Lease, StoredTransaction } from '#ports/transaction-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { TRANSACTION_COLUMNS, storedOf } from './transaction-row.ts';
import type { TransactionRow } from './transaction-row.ts';

/**
 * Takes the transactions of a bucket whose timer is due, soonest first, skipping rows that another node is taking, and
 * moves their timer on by the claim: a node that dies with them in its hands delays them by that. Those being sent by
 * another node are left to it: it has their timers too.
 */
const CLAIM_DUE = {
  name: 'claim_due',
  text: `with due as materialized (
           select account_id, id from transactions
           where bucket = $1 and due_at <= $2 and (node_id is null or node_id = $3)
           order by due_at limit $4 for update skip locked
         )
         update transactions t set due_at = $5
         from due where t.bucket = $1 and t.account_id = due.account_id and t.id = due.id
         returning ${TRANSACTION_COLUMNS}`,
};

/** The transactions that were claimed. */
export async function claimDue(
  database: Database,
  bucket: number,
  claim: { now: Instant; until: Instant; node: NodeId; limit: number },
): Promise<StoredTransaction[]> {
  const values = [bucket, isoTime(claim.now), claim.node, claim.limit, isoTime(claim.until)];
  return (await run<TransactionRow>(database.engine, CLAIM_DUE, values)).map(storedOf);
}

/**
 * Moves leases from one node to another. The version counts on: should the node be alive after all, its own writes are
 * refused and it reads again. Rows that another rescuer is taking are skipped.
 */
const TAKE_OVER = {
  name: 'take_over',
  text: `with left_behind as materialized (
           select account_id, id from transactions where bucket = $1 and node_id = $2
           limit $4 for update skip locked
         )
         update transactions t set node_id = $3, version = t.version + 1
         from left_behind where t.bucket = $1 and t.account_id = left_behind.account_id and t.id = left_behind.id
         returning ${TRANSACTION_COLUMNS}`,
};

/** The transactions that were taken over. */
export async function takeOver(
  database: Database,
  bucket: number,
  from: NodeId,
  to: NodeId,
  limit: number,
): Promise<StoredTransaction[]> {
  return (await run<TransactionRow>(database.engine, TAKE_OVER, [bucket, from, to, limit])).map(storedOf);
}

/** What a node holds according to the database. */
const LEASED = {
  name: 'leased',
  text: 'select t.account_id, t.id from transactions t where t.bucket = $1 and t.node_id = $2 limit $3',
};

/** Names up to `limit` transactions leased to the node. */
export async function leasedTo(database: Database, bucket: number, node: NodeId, limit: number): Promise<Lease[]> {
  const rows = await run<{ account_id: string; id: string }>(database.engine, LEASED, [bucket, node, limit]);
  return rows.map(({ account_id: accountId, id }) => ({ accountId, id }));
}
