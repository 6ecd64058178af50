/** The statements that make a message findable by its provider's reference. */
import type { AccountId, MessageId, ProviderId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { PARKED_CLAIM_MS } from '#ports/receipt-store.ts';
import type { KeptReceipt } from '#ports/receipt-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { parkedOf } from './parked-receipts.ts';
import type { ParkedRow } from './parked-receipts.ts';

/** What a provider calls a message. */
export interface Ref {
  accountId: AccountId;
  providerId: ProviderId;
  ref: string;
}

/** A reference and the message it names. */
export type NamedMessage = Ref & { messageId: MessageId; at: Instant };

/** Tells references apart, as their primary key does. */
export function refKey({ accountId, providerId, ref }: Ref): string {
  return JSON.stringify([accountId, providerId, ref]);
}

/** The references as columns of a batch. */
function refColumns(refs: Ref[]): string[][] {
  return [refs.map(({ accountId }) => accountId), refs.map(({ providerId }) => providerId), refs.map(({ ref }) => ref)];
}

/** Inserts a batch of references, in their order, and claims what was parked for them by then. A reference that is there stays as it is. */
const ADD_REFS = {
  name: 'add_refs',
  text: `with given as (
           select * from unnest($2::text[], $3::text[], $4::text[], $5::uuid[]) as g (account_id, provider_id, ref, message_id)
           order by account_id, provider_id, ref
         ), added as (
           insert into message_refs (bucket, account_id, provider_id, ref, message_id, at)
           select $1, account_id, provider_id, ref, message_id, $6::timestamptz from given
           on conflict do nothing
         )
         update parked_receipts p set claimed_until = $7::timestamptz from given g
         where p.bucket = $1 and p.account_id = g.account_id and p.provider_id = g.provider_id and p.ref = g.ref
           and (p.claimed_until is null or p.claimed_until <= $6)
         returning p.account_id, p.provider_id, p.ref, p.id, p.status, p.reason, p.at, p.suppress`,
};

/** Adds a batch, no reference twice in it; for each, the receipts that were parked for it. */
export async function addRefs(database: Database, bucket: number, batch: NamedMessage[]): Promise<KeptReceipt[][]> {
  const ids = batch.map(({ messageId }) => messageId);
  const now = batch[0]!.at;
  const values = [bucket, ...refColumns(batch), ids, isoTime(now), isoTime(now + PARKED_CLAIM_MS)];
  const parked = (await run<ParkedRow>(database.engine, ADD_REFS, values)).map(parkedOf);
  const byRef = Map.groupBy(parked, refKey);
  return batch.map((item) => byRef.get(refKey(item)) ?? []);
}

/** Reads a batch of one bucket, one by one: the planner cannot turn it into a walk through the bucket. */
const FIND_REFS = {
  name: 'find_refs',
  text: `select m.account_id, m.provider_id, m.ref, m.message_id
         from unnest($2::text[], $3::text[], $4::text[]) as wanted (account_id, provider_id, ref)
         cross join lateral (
           select * from message_refs m where m.bucket = $1 and m.account_id = wanted.account_id
             and m.provider_id = wanted.provider_id and m.ref = wanted.ref limit 1
         ) m`,
};

/** The message of each reference; null for one that is not known. */
export async function findRefs(database: Database, bucket: number, wanted: Ref[]): Promise<(MessageId | null)[]> {
  type Row = { account_id: string; provider_id: string; ref: string; message_id: string };
  const rows = await run<Row>(database.engine, FIND_REFS, [bucket, ...refColumns(wanted)]);
  const found = new Map(
    rows.map((row) => [
      refKey({ accountId: row.account_id, providerId: row.provider_id, ref: row.ref }),
      row.message_id,
    ]),
  );
  return wanted.map((ref) => found.get(refKey(ref)) ?? null);
}

/** Deletes a page of old references. */
const PRUNE_REFS = {
  name: 'prune_refs',
  text: `with old as materialized (
           select account_id, provider_id, ref from message_refs where bucket = $1 and at < $2
           order by at limit $3 for update skip locked
         )
         delete from message_refs m using old
         where m.bucket = $1 and m.account_id = old.account_id and m.provider_id = old.provider_id and m.ref = old.ref
         returning 1 as one`,
};

/** Deletes up to `limit` references from before the instant; the number deleted. */
export async function pruneRefs(database: Database, bucket: number, before: Instant, limit: number): Promise<number> {
  return (await run(database.engine, PRUNE_REFS, [bucket, isoTime(before), limit])).length;
}
