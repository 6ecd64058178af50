/** Sendouts in PostgreSQL, and the batches that are accepted with them: many small calls of a moment in one statement. */
import { startOf } from '#domain/batch.ts';
import { bucketOf, hash16OfId } from '#domain/ids.ts';
import type { FoundSendout, SendoutCall, SendoutPart, SendoutStore } from '#ports/sendout-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { instants, integers, jsons, texts, uuids } from './parameters.ts';
import { perBucket } from './per-bucket.ts';

/** Characters of recipients from which on a call is a large one, and written alone. */
const LARGE_LENGTH = 262_144;
/** Small calls in one statement. */
const SMALL_MAX = 64;
/** Calls that wait for their turn to be written, over which one is refused. */
const SMALL_WAITING_MAX = 1_000;
const LARGE_WAITING_MAX = 8;
/** A statement under way for longer is taken for a database that hangs: the largest take a second. */
const STALL_MS = 10_000;

/** The store on an open database. */
export function sendoutStore(database: Database): SendoutStore {
  const write = (bucket: number, calls: SendoutCall[]) => acceptCalls(database, bucket, calls);
  const small = perBucket({ batchMax: SMALL_MAX, waitingMax: SMALL_WAITING_MAX, stallMs: STALL_MS, run: write });
  const large = perBucket({ batchMax: 1, waitingMax: LARGE_WAITING_MAX, stallMs: STALL_MS, run: write });
  return {
    accept: (call) => {
      const bucket = bucketOf(hash16OfId(call.parts[0]!.newId), database.buckets);
      return (lengthOf(call) < LARGE_LENGTH ? small : large)(bucket, call);
    },
  };
}

function lengthOf({ parts }: SendoutCall): number {
  return parts
    .flatMap(({ batch }) => batch?.pages ?? [])
    .reduce((length, { recipients }) => length + recipients.length, 0);
}

/**
 * Inserts the sendouts that are not there yet, and all batches with their recipients. A sendout that somebody else is making
 * is waited for; they are made in the order of their keys, so that two nodes wait for each other, never in a circle. The
 * made ones come back.
 */
const ACCEPT = {
  name: 'accept_sendouts',
  text: `with accepted as (
           insert into batches (bucket, account_id, id, fingerprint, state, created_at, start_at, expand_at, total, request,
             campaign_versions)
           select $1, account_id, id, '', 'running', created_at, start_at, start_at, total, request, versions::int[]
           from unnest($7::text[], $8::uuid[], $9::timestamptz[], $10::timestamptz[], $11::int[], $12::json[], $13::text[])
             as given (account_id, id, created_at, start_at, total, request, versions)
           on conflict do nothing
         ), paged as (
           insert into batch_pages (bucket, batch_id, first, size, due_at, recipients)
           select $1, batch_id, first, size, due_at, recipients
           from unnest($14::uuid[], $15::int[], $16::int[], $17::timestamptz[], $18::json[])
             as given (batch_id, first, size, due_at, recipients)
           on conflict do nothing
         )
         insert into sendouts (bucket, account_id, campaign_id, version, id, created_at)
         select $1, account_id, campaign_id, version, id, created_at
         from unnest($2::text[], $3::text[], $4::int[], $5::uuid[], $6::timestamptz[])
           as given (account_id, campaign_id, version, id, created_at)
         order by account_id, campaign_id, version
         on conflict do nothing
         returning account_id, campaign_id, version, id`,
};

/** The sendouts of these versions, each looked up alone, by its key. Takes no lock. */
const FIND = {
  name: 'find_sendouts',
  text: `select s.account_id, s.campaign_id, s.version, s.id
         from unnest($2::text[], $3::text[], $4::int[]) as wanted (account_id, campaign_id, version)
         cross join lateral (
           select * from sendouts s where s.bucket = $1 and s.account_id = wanted.account_id
             and s.campaign_id = wanted.campaign_id and s.version = wanted.version
           limit 1
         ) s`,
};

interface SendoutRow {
  account_id: string;
  campaign_id: string;
  version: number;
  id: string;
}

/** A part, with what of its call it is written with. */
type Wanted = SendoutPart & Pick<SendoutCall, 'accountId' | 'at'>;

async function acceptCalls(database: Database, bucket: number, calls: SendoutCall[]): Promise<FoundSendout[][]> {
  const all = calls.flatMap(({ accountId, at, parts }) => parts.map((part): Wanted => ({ ...part, accountId, at })));
  const sent = all.filter(({ batch }) => batch !== null);
  const made = sent.length === 0 ? [] : await run<SendoutRow>(database.engine, ACCEPT, valuesOf(bucket, sent));
  const ids = new Map(made.map((row) => [nameOf(row.account_id, row.campaign_id, row.version), row.id]));
  const rest = firsts(all.filter((part) => !ids.has(nameOfPart(part))));
  // In a statement of its own: only that sees those which another node made while this one waited for it.
  const found = rest.length === 0 ? [] : await run<SendoutRow>(database.engine, FIND, [bucket, ...namesOf(rest)]);
  for (const row of found) ids.set(nameOf(row.account_id, row.campaign_id, row.version), row.id);
  return calls.map(({ accountId, parts }) =>
    parts.map(({ campaignId, version, newId }) => {
      const id = ids.get(nameOf(accountId, campaignId, version)) ?? null;
      return { id, isNew: id === newId };
    }),
  );
}

function valuesOf(bucket: number, sent: Wanted[]): unknown[] {
  const makers = firsts(sent);
  const batches = sent.map(({ batch }) => batch!.batch);
  const pages = sent.flatMap(({ batch }) => batch!.pages.map((page) => ({ ...page, batch: batch!.batch })));
  return [
    bucket,
    ...namesOf(makers),
    uuids(makers.map(({ newId }) => newId)),
    instants(makers.map(({ at }) => at)),
    texts(batches.map(({ accountId }) => accountId)),
    uuids(batches.map(({ id }) => id)),
    instants(batches.map(({ createdAt }) => createdAt)),
    instants(batches.map(startOf)),
    integers(batches.map(({ total }) => total)),
    jsons(batches.map(({ request }) => documentOf(request))),
    texts(batches.map(({ campaignVersions }) => `{${campaignVersions.join()}}`)),
    uuids(pages.map(({ batch }) => batch.id)),
    integers(pages.map(({ first }) => first)),
    integers(pages.map(({ size }) => size)),
    instants(pages.map(({ batch }) => batch.createdAt)),
    jsons(pages.map(({ recipients }) => recipients)),
  ];
}

/** The first part of each version: it makes the sendout that the others have then. */
function firsts(parts: Wanted[]): Wanted[] {
  const byName = new Map<string, Wanted>();
  for (const part of parts) if (!byName.has(nameOfPart(part))) byName.set(nameOfPart(part), part);
  return [...byName.values()];
}

function namesOf(parts: Wanted[]): Buffer[] {
  return [
    texts(parts.map(({ accountId }) => accountId)),
    texts(parts.map(({ campaignId }) => campaignId)),
    integers(parts.map(({ version }) => version)),
  ];
}

function nameOfPart({ accountId, campaignId, version }: Wanted): string {
  return nameOf(accountId, campaignId, version);
}

function nameOf(...parts: [accountId: string, campaignId: string, version: number]): string {
  return JSON.stringify(parts);
}
