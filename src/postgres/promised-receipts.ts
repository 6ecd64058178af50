/** The statements of the sandbox vendor's memory. */
import type { ReceiptStatus } from '#domain/message.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { PromisedReceipt } from '#ports/receipt-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

const STORE = {
  name: 'store_promised',
  text: `insert into promised_receipts (bucket, message_id, status, account_id, provider_id, due_at)
         select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
           as given (message_id, status, account_id, provider_id, due_at)
         order by message_id, status
         on conflict do nothing`,
};

/** Stores a batch; a promise made twice (the message was sent again after a crash) is one. */
export async function storePromised(database: Database, bucket: number, batch: PromisedReceipt[]): Promise<void[]> {
  await run(database.engine, STORE, [
    bucket,
    batch.map(({ messageId }) => messageId),
    batch.map(({ status }) => status),
    batch.map(({ accountId }) => accountId),
    batch.map(({ providerId }) => providerId),
    batch.map(({ dueAt }) => isoTime(dueAt)),
  ]);
  return batch.map(() => undefined);
}

/** Moves what is due on by the claim, skipping rows another node is taking. */
const CLAIM = {
  name: 'claim_promised',
  text: `with due as materialized (
           select message_id, status, due_at from promised_receipts
           where bucket = $1 and due_at <= $2 order by due_at limit $4 for update skip locked
         )
         update promised_receipts p set due_at = $3
         from due where p.bucket = $1 and p.message_id = due.message_id and p.status = due.status
         returning p.message_id, p.status, p.account_id, p.provider_id, due.due_at`,
};

interface PromisedRow {
  message_id: string;
  status: ReceiptStatus;
  account_id: string;
  provider_id: string;
  due_at: Date;
}

/** What is due, claimed until the given time. */
export async function claimPromised(
  database: Database,
  bucket: number,
  now: Instant,
  until: Instant,
  limit: number,
): Promise<PromisedReceipt[]> {
  const rows = await run<PromisedRow>(database.engine, CLAIM, [bucket, isoTime(now), isoTime(until), limit]);
  return rows.map((row) => ({
    messageId: row.message_id,
    status: row.status,
    accountId: row.account_id,
    providerId: row.provider_id,
    dueAt: row.due_at.getTime(),
  }));
}

const FORGET = {
  name: 'forget_promised',
  text: `delete from promised_receipts p using unnest($2::uuid[], $3::text[]) as given (message_id, status)
         where p.bucket = $1 and p.message_id = given.message_id and p.status = given.status`,
};

/** Deletes a batch of kept promises. */
export async function forgetPromised(database: Database, bucket: number, batch: PromisedReceipt[]): Promise<void[]> {
  const values = [bucket, batch.map(({ messageId }) => messageId), batch.map(({ status }) => status)];
  await run(database.engine, FORGET, values);
  return batch.map(() => undefined);
}
