/** Kept answers in PostgreSQL, and the batches that are accepted with them. */
import { startOf } from '#domain/batch.ts';
import { bucketOf, hash16 } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { AnsweredBatch, AnswerName, AnswerStore, KeptAnswer } from '#ports/answer-store.ts';
import { inTurnAcrossBuckets } from './across-buckets.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf, storableText } from './document.ts';
import { integers, jsons } from './parameters.ts';
import { perBucket } from './per-bucket.ts';

/** Calls that wait for their turn to be written, over which one is refused: each may be many megabytes. */
const WAITING_MAX = 8;
/** Those of one recipient. */
const SMALL_WAITING_MAX = 1_000;
/** Calls of one recipient that are written at once, each in a statement of its own. */
const SMALL_LANES = 4;
/** A call under way for longer is taken for a database that hangs: the largest take a second. */
const STALL_MS = 10_000;

interface Call {
  answer: KeptAnswer;
  made: AnsweredBatch;
  now: Instant;
}

/** The store on an open database. */
export function answerStore(database: Database): AnswerStore {
  const place = ({ accountId, key }: AnswerName) => bucketOf(hash16(accountId, key), database.buckets);
  const write = async (bucket: number, calls: Call[]) => [await acceptCall(database, bucket, calls[0]!)];
  const options = { batchMax: 1, stallMs: STALL_MS, run: write };
  const large = perBucket({ ...options, waitingMax: WAITING_MAX });
  const small = Array.from({ length: SMALL_LANES }, () => perBucket({ ...options, waitingMax: SMALL_WAITING_MAX }));
  const forRetention = inTurnAcrossBuckets(database);
  let calls = 0;
  return {
    accept: (answer, made, now) => {
      const isLarge = made !== null && made.batch.total > 1;
      const accept = isLarge ? large : small[calls++ % SMALL_LANES]!;
      return accept(place(answer), { answer, made, now });
    },
    find: async (name, now) => {
      const values = [place(name), name.accountId, storableText(name.key), isoTime(now)];
      return (await run<{ body: string }>(database.engine, FIND, values))[0]?.body ?? null;
    },
    prune: async (now, limit) =>
      (await forRetention(limit, (bucket, rest) => run(database.engine, PRUNE, [bucket, isoTime(now), rest]))).length,
  };
}

/**
 * Writes an answer where there is none, or one whose time is over; then, and only then, a batch with its recipients. A
 * concurrent call of the same name is waited for, and its answer found; so no row comes back.
 */
const ACCEPT = {
  name: 'accept_answered',
  text: `with kept as (
           insert into kept_answers as k (bucket, account_id, key, until, body) values ($1, $2, $3, $4, $5)
           on conflict (bucket, account_id, key) do update set until = excluded.until, body = excluded.body
             where k.until <= $6
           returning k.key
         ), accepted as (
           insert into batches (bucket, account_id, id, fingerprint, state, created_at, start_at, expand_at, total, request,
             campaign_versions)
           select $1, $2, $7, '', 'running', $15::timestamptz, $8, $8, $9, $10, $11::int[]
           from kept where $7::uuid is not null
           returning id
         ), paged as (
           insert into batch_pages (bucket, batch_id, first, size, due_at, recipients)
           select $1, accepted.id, given.first, given.size, $15::timestamptz, given.recipients
           from accepted, unnest($12::int[], $13::int[], $14::json[]) as given (first, size, recipients)
         )
         select key from kept`,
};

/** Takes no lock. */
const FIND = {
  name: 'find_answer',
  text: `select body from kept_answers where bucket = $1 and account_id = $2 and key = $3 and until > $4`,
};

/** Skips those that somebody is writing anew. */
const PRUNE = {
  name: 'prune_answers',
  text: `with old as materialized (
           select account_id, key from kept_answers where bucket = $1 and until <= $2
           order by until limit $3 for update skip locked
         )
         delete from kept_answers k using old
         where k.bucket = $1 and k.account_id = old.account_id and k.key = old.key
         returning 1 as one`,
};

/** Null: it is the first. */
async function acceptCall(database: Database, bucket: number, { answer, made, now }: Call): Promise<string | null> {
  const { accountId, until, body } = answer;
  const key = storableText(answer.key);
  const { batch, pages } = made ?? { batch: null, pages: [] };
  const written = await run(database.engine, ACCEPT, [
    bucket,
    accountId,
    key,
    isoTime(until),
    body,
    isoTime(now),
    batch && batch.id,
    batch && isoTime(startOf(batch)),
    batch && batch.total,
    batch && documentOf(batch.request),
    batch && batch.campaignVersions,
    integers(pages.map(({ first }) => first)),
    integers(pages.map(({ size }) => size)),
    jsons(pages.map(({ recipients }) => recipients)),
    batch && isoTime(batch.createdAt),
  ]);
  if (written.length > 0) return null;
  // In a statement of its own: only that sees what another node wrote while this one waited for it.
  const [first] = await run<{ body: string }>(database.engine, FIND, [bucket, accountId, key, isoTime(now)]);
  if (!first) throw new Error('a call was refused as a repeat, but there is no first answer');
  return first.body;
}
