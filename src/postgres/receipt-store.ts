/** Provider references, parked receipts and the sandbox's promises in PostgreSQL. */
import { bucketOf, hash16, hash16OfId } from '#domain/ids.ts';
import type { AccountId, MessageId, ProviderId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { ParkedReceipt, PromisedReceipt, ReceiptStore } from '#ports/receipt-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { perBucket } from './per-bucket.ts';
import { claimPromised, forgetPromised, storePromised } from './promised-receipts.ts';

interface Ref {
  accountId: AccountId;
  providerId: ProviderId;
  ref: string;
}

/** Inserts a batch of references and takes what was parked for them by then. A reference that is there stays as it is. */
const ADD_REFS = {
  name: 'add_refs',
  text: `with given as (
           select * from unnest($2::text[], $3::text[], $4::text[], $5::uuid[]) as g (account_id, provider_id, ref, message_id)
         ), added as (
           insert into message_refs (bucket, account_id, provider_id, ref, message_id, at)
           select $1, account_id, provider_id, ref, message_id, $6::timestamptz from given
           on conflict do nothing
         )
         delete from parked_receipts p using given g
         where p.bucket = $1 and p.account_id = g.account_id and p.provider_id = g.provider_id and p.ref = g.ref
         returning p.account_id, p.provider_id, p.ref, p.status, p.reason, p.at`,
};

const FIND_REFS = {
  name: 'find_refs',
  text: `select m.account_id, m.provider_id, m.ref, m.message_id
         from unnest($2::text[], $3::text[], $4::text[]) as wanted (account_id, provider_id, ref)
         join message_refs m on m.bucket = $1 and m.account_id = wanted.account_id
           and m.provider_id = wanted.provider_id and m.ref = wanted.ref`,
};

const PARK = {
  name: 'park_receipts',
  text: `insert into parked_receipts (bucket, account_id, provider_id, ref, status, reason, at)
         select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])`,
};

/** Takes receipts whose reference has appeared since: `add_refs` and `park_receipts` that overlapped saw neither's row. */
const TAKE_MATCHED = {
  name: 'take_matched',
  text: `delete from parked_receipts p using message_refs m
         where p.bucket = $1 and m.bucket = $1 and m.account_id = p.account_id and m.provider_id = p.provider_id
           and m.ref = p.ref and p.id in (select id from parked_receipts where bucket = $1 order by id desc limit $2)
         returning p.account_id, p.provider_id, p.ref, p.status, p.reason, p.at, m.message_id`,
};

const PRUNE_REFS = { name: 'prune_refs', text: 'delete from message_refs where bucket = $1 and at < $2' };
const PRUNE_PARKED = { name: 'prune_parked', text: 'delete from parked_receipts where bucket = $1 and at < $2' };

interface ParkedRow {
  account_id: string;
  provider_id: string;
  ref: string;
  status: ReceiptStatus;
  reason: string | null;
  at: Date;
}

/** The store on an open database. */
export function receiptStore(database: Database): ReceiptStore {
  const bucketOfRef = ({ accountId, providerId, ref }: Ref) => bucketOf(hash16(accountId, providerId, ref), database.buckets);
  const addRef = perBucket({
    key: refKey,
    run: (bucket, batch: (Ref & { messageId: MessageId; at: Instant })[]) => addRefs(database, bucket, batch),
  });
  const findByRef = perBucket({ run: (bucket, wanted: Ref[]) => findRefs(database, bucket, wanted) });
  const park = perBucket({
    run: async (bucket, batch: ParkedReceipt[]) => {
      await run(database.engine, PARK, [
        bucket,
        ...refColumns(batch),
        batch.map(({ status }) => status),
        batch.map(({ reason }) => reason),
        batch.map(({ at }) => isoTime(at)),
      ]);
      return batch.map(() => undefined);
    },
  });
  const promise = perBucket({ run: (bucket, batch: PromisedReceipt[]) => storePromised(database, bucket, batch) });
  const forget = perBucket({ run: (bucket, batch: PromisedReceipt[]) => forgetPromised(database, bucket, batch) });
  const bucketOfMessage = (id: MessageId) => bucketOf(hash16OfId(id), database.buckets);

  return {
    addRef: (accountId, providerId, ref, messageId, at) => {
      const item = { accountId, providerId, ref, messageId, at };
      return addRef(bucketOfRef(item), item);
    },
    findByRef: (accountId, providerId, ref) => {
      const wanted = { accountId, providerId, ref };
      return findByRef(bucketOfRef(wanted), wanted);
    },
    park: (receipt) => park(bucketOfRef(receipt), receipt),
    takeMatched: async (limit) => {
      const matched: { receipt: ParkedReceipt; messageId: MessageId }[] = [];
      for (let bucket = 0; bucket < database.buckets; bucket++) {
        const rows = await run<ParkedRow & { message_id: string }>(database.queries, TAKE_MATCHED, [bucket, limit]);
        matched.push(...rows.map((row) => ({ receipt: parkedOf(row), messageId: row.message_id })));
      }
      return matched;
    },
    promise: (receipt) => promise(bucketOfMessage(receipt.messageId), receipt),
    claimPromised: async (now, limit, claimMs) => {
      const claimed: PromisedReceipt[] = [];
      for (let bucket = 0; bucket < database.buckets; bucket++) {
        claimed.push(...(await claimPromised(database, bucket, now, now + claimMs, limit)));
      }
      return claimed;
    },
    kept: (receipt) => forget(bucketOfMessage(receipt.messageId), receipt),
    prune: async (before) => {
      for (let bucket = 0; bucket < database.buckets; bucket++) {
        await run(database.queries, PRUNE_REFS, [bucket, isoTime(before)]);
        await run(database.queries, PRUNE_PARKED, [bucket, isoTime(before)]);
      }
    },
  };
}

function refKey({ accountId, providerId, ref }: Ref): string {
  return JSON.stringify([accountId, providerId, ref]);
}

function refColumns(refs: Ref[]): string[][] {
  return [refs.map(({ accountId }) => accountId), refs.map(({ providerId }) => providerId), refs.map(({ ref }) => ref)];
}

async function addRefs(
  database: Database,
  bucket: number,
  batch: (Ref & { messageId: MessageId; at: Instant })[],
): Promise<ParkedReceipt[][]> {
  const ids = batch.map(({ messageId }) => messageId);
  const values = [bucket, ...refColumns(batch), ids, isoTime(batch[0]!.at)];
  const parked = (await run<ParkedRow>(database.engine, ADD_REFS, values)).map(parkedOf);
  const byRef = Map.groupBy(parked, refKey);
  return batch.map((item) => byRef.get(refKey(item)) ?? []);
}

async function findRefs(database: Database, bucket: number, wanted: Ref[]): Promise<(MessageId | null)[]> {
  type Row = { account_id: string; provider_id: string; ref: string; message_id: string };
  const rows = await run<Row>(database.engine, FIND_REFS, [bucket, ...refColumns(wanted)]);
  const found = new Map(
    rows.map((row) => [refKey({ accountId: row.account_id, providerId: row.provider_id, ref: row.ref }), row.message_id]),
  );
  return wanted.map((ref) => found.get(refKey(ref)) ?? null);
}

function parkedOf(row: ParkedRow): ParkedReceipt {
  const { status, reason, ref } = row;
  return { accountId: row.account_id, providerId: row.provider_id, ref, status, reason, at: row.at.getTime() };
}
