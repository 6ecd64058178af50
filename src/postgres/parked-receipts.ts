/** The statements that keep receipts which met no message. */
import type { MessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { PARKED_CLAIM_MS } from '#ports/receipt-store.ts';
import type { KeptReceipt, ParkedReceipt } from '#ports/receipt-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';

/** A parked receipt as it is stored. */
export interface ParkedRow {
  account_id: string;
  provider_id: string;
  ref: string;
  id: string;
  status: ReceiptStatus;
  reason: string | null;
  at: Date;
  suppress: ParkedReceipt['suppress'] | null;
}

/** The receipt of a row. */
export function parkedOf(row: ParkedRow): KeptReceipt {
  const { id, status, reason, ref, suppress } = row;
  const what = { ref, id, status, reason, at: row.at.getTime(), ...(suppress && { suppress }) };
  return { accountId: row.account_id, providerId: row.provider_id, ...what };
}

const PARK = {
  name: 'park_receipts',
  text: `insert into parked_receipts (bucket, account_id, provider_id, ref, status, reason, at, suppress)
         select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::jsonb[])`,
};

/** Parks a batch. */
export async function parkReceipts(database: Database, bucket: number, batch: ParkedReceipt[]): Promise<void[]> {
  await run(database.engine, PARK, [
    bucket,
    batch.map(({ accountId }) => accountId),
    batch.map(({ providerId }) => providerId),
    batch.map(({ ref }) => ref),
    batch.map(({ status }) => status),
    batch.map(({ reason }) => reason),
    batch.map(({ at }) => isoTime(at)),
    batch.map(({ suppress }) => (suppress ? documentOf(suppress) : null)),
  ]);
  return batch.map(() => undefined);
}

/** Claims receipts whose reference has appeared since: `add_refs` and `park_receipts` that overlapped saw neither's row. A locked row stays where it is. */
const TAKE_MATCHED = {
  name: 'take_matched',
  text: `with matched as materialized (
           select p.ctid as place, m.message_id
           from parked_receipts p
           join message_refs m on m.bucket = $1 and m.account_id = p.account_id and m.provider_id = p.provider_id and m.ref = p.ref
           where p.bucket = $1 and (p.claimed_until is null or p.claimed_until <= $2)
           limit $4 for update of p skip locked
         )
         update parked_receipts p set claimed_until = $3 from matched
         where p.bucket = $1 and p.ctid = matched.place
         returning p.account_id, p.provider_id, p.ref, p.id, p.status, p.reason, p.at, p.suppress, matched.message_id`,
};

/** Claims up to `limit` receipts whose message has become known. */
export async function takeMatched(
  database: Database,
  bucket: number,
  now: Instant,
  limit: number,
): Promise<{ receipt: KeptReceipt; messageId: MessageId }[]> {
  const values = [bucket, isoTime(now), isoTime(now + PARKED_CLAIM_MS), limit];
  const rows = await run<ParkedRow & { message_id: string }>(database.engine, TAKE_MATCHED, values);
  return rows.map((row) => ({ receipt: parkedOf(row), messageId: row.message_id }));
}

/** Deletes a batch. Each is looked up alone, and deleted by its place: the planner cannot make a walk through the bucket of it. */
const FORGET_PARKED = {
  name: 'forget_parked',
  text: `with known as materialized (
           select p.place
           from unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) as given (account_id, provider_id, ref, id)
           cross join lateral (
             select ctid as place from parked_receipts r
             where r.bucket = $1 and r.account_id = given.account_id and r.provider_id = given.provider_id
               and r.ref = given.ref and r.id = given.id
             limit 1
           ) p
         )
         delete from parked_receipts p using known where p.bucket = $1 and p.ctid = known.place`,
};

/** Forgets receipts that have been applied. */
export async function forgetParked(database: Database, bucket: number, batch: KeptReceipt[]): Promise<void[]> {
  await run(database.engine, FORGET_PARKED, [
    bucket,
    batch.map(({ accountId }) => accountId),
    batch.map(({ providerId }) => providerId),
    batch.map(({ ref }) => ref),
    batch.map(({ id }) => id),
  ]);
  return batch.map(() => undefined);
}

/** Deletes a page of old receipts. */
const PRUNE_PARKED = {
  name: 'prune_parked',
  text: `with old as materialized (
           select ctid as place from parked_receipts where bucket = $1 and at < $2
           order by at limit $3 for update skip locked
         )
         delete from parked_receipts p using old where p.bucket = $1 and p.ctid = old.place
         returning 1 as one`,
};

/** Deletes up to `limit` receipts from before the instant; the number deleted. */
export async function pruneParked(database: Database, bucket: number, before: Instant, limit: number): Promise<number> {
  return (await run(database.engine, PRUNE_PARKED, [bucket, isoTime(before), limit])).length;
}
