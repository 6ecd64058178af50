/** The statements that keep receipts which met no message. */
import type { MessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { ParkedReceipt } from '#ports/receipt-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

/** A parked receipt as it is stored. */
export interface ParkedRow {
  account_id: string;
  provider_id: string;
  ref: string;
  status: ReceiptStatus;
  reason: string | null;
  at: Date;
}

/** The receipt of a row. */
export function parkedOf(row: ParkedRow): ParkedReceipt {
  const { status, reason, ref } = row;
  return { accountId: row.account_id, providerId: row.provider_id, ref, status, reason, at: row.at.getTime() };
}

const PARK = {
  name: 'park_receipts',
  text: `insert into parked_receipts (bucket, account_id, provider_id, ref, status, reason, at)
         select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])`,
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
  ]);
  return batch.map(() => undefined);
}

/** Takes receipts whose reference has appeared since: `add_refs` and `park_receipts` that overlapped saw neither's row. */
const TAKE_MATCHED = {
  name: 'take_matched',
  text: `with matched as materialized (
           select p.account_id, p.provider_id, p.ref, p.id, m.message_id
           from parked_receipts p
           join message_refs m on m.bucket = $1 and m.account_id = p.account_id and m.provider_id = p.provider_id and m.ref = p.ref
           where p.bucket = $1 limit $2 for update of p skip locked
         )
         delete from parked_receipts p using matched
         where p.bucket = $1 and p.account_id = matched.account_id and p.provider_id = matched.provider_id
           and p.ref = matched.ref and p.id = matched.id
         returning p.account_id, p.provider_id, p.ref, p.status, p.reason, p.at, matched.message_id`,
};

/** Takes up to `limit` receipts whose message has become known. */
export async function takeMatched(
  database: Database,
  bucket: number,
  limit: number,
): Promise<{ receipt: ParkedReceipt; messageId: MessageId }[]> {
  const rows = await run<ParkedRow & { message_id: string }>(database.engine, TAKE_MATCHED, [bucket, limit]);
  return rows.map((row) => ({ receipt: parkedOf(row), messageId: row.message_id }));
}

/** Deletes a page of old receipts. */
const PRUNE_PARKED = {
  name: 'prune_parked',
  text: `with old as materialized (
           select account_id, provider_id, ref, id from parked_receipts where bucket = $1 and at < $2
           order by at limit $3 for update skip locked
         )
         delete from parked_receipts p using old
         where p.bucket = $1 and p.account_id = old.account_id and p.provider_id = old.provider_id and p.ref = old.ref
           and p.id = old.id
         returning 1 as one`,
};

/** Deletes up to `limit` receipts from before the instant; the number deleted. */
export async function pruneParked(database: Database, bucket: number, before: Instant, limit: number): Promise<number> {
  return (await run(database.engine, PRUNE_PARKED, [bucket, isoTime(before), limit])).length;
}
