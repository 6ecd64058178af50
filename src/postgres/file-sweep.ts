/** Finds out which contents of files nobody needs any more, and deletes them. */
import { bucketOf, hash16OfId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { RECHECK_MS } from '#ports/file-store.ts';
import { run } from './connection.ts';
import type { Database, Statement } from './connection.ts';
import { dueRefs, nameOf, ownerNamed, putOffRefs, releaseRefs } from './file-refs.ts';
import type { FileRef } from './file-refs.ts';
import { texts, uuids } from './parameters.ts';

/**
 * Looks for the owners of the references of a bucket that are due: deletes those whose owner is gone, puts off the others.
 * Two nodes that do so at once do it twice.
 * @returns those that were looked at.
 */
export async function sweepRefs(database: Database, bucket: number, now: Instant, limit: number): Promise<FileRef[]> {
  const due = await dueRefs(database, bucket, now, limit);
  if (due.length === 0) return due;
  const there = await withOwner(database, due);
  const gone = due.filter((ref) => !there.has(nameOf(ref)));
  const kept = due.filter((ref) => there.has(nameOf(ref)));
  if (gone.length > 0) await releaseRefs(database, bucket, gone, now);
  if (kept.length > 0) await putOffRefs(database, bucket, kept, now);
  return due;
}

/** The names of the references whose owners are there. The owners are in their own buckets. */
async function withOwner(database: Database, refs: FileRef[]): Promise<Set<string>> {
  const kinds = Map.groupBy(refs, ({ owner }) => ownerNamed(owner).kind);
  const found = [
    await ofIds(database, TRANSACTIONS, kinds.get('transaction') ?? []),
    await ofIds(database, BATCHES, kinds.get('batch') ?? []),
    await ofCampaigns(database, kinds.get('campaign') ?? []),
  ];
  return new Set(found.flat().map(nameOf));
}

/** Reads one by one: the planner cannot turn it into a walk through the bucket. They take no locks. */
const TRANSACTIONS = { name: 'transactions_with_files', text: thereIn('transactions') };
const BATCHES = { name: 'batches_with_files', text: thereIn('batches') };

function thereIn(table: string): string {
  return `select wanted.place::int as place from unnest($2::text[], $3::uuid[]) with ordinality as wanted (account_id, id, place)
          cross join lateral (
            select 1 from ${table} t where t.bucket = $1 and t.account_id = wanted.account_id and t.id = wanted.id limit 1
          ) t`;
}

async function ofIds(database: Database, statement: Statement, refs: FileRef[]): Promise<FileRef[]> {
  const idOf = ({ owner }: FileRef) => ownerNamed(owner).id;
  const buckets = Map.groupBy(refs, (ref) => bucketOf(hash16OfId(idOf(ref)), database.buckets));
  const found: FileRef[] = [];
  for (const [bucket, its] of buckets) {
    const accounts = texts(its.map(({ accountId }) => accountId));
    const rows = await run<{ place: number }>(database.engine, statement, [bucket, accounts, uuids(its.map(idOf))]);
    found.push(...rows.map(({ place }) => its[place - 1]!));
  }
  return found;
}

/** A campaign needs a content as long as one of its versions names it: transactions may still be under way on an old one. */
const CAMPAIGNS = {
  name: 'campaigns_with_files',
  text: `select wanted.place::int as place
         from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted (account_id, id, sha256, place)
         cross join lateral (
           select 1 from campaign_versions v
           where v.account_id = wanted.account_id and v.campaign_id = wanted.id and strpos(v.content::text, wanted.sha256) > 0 limit 1
         ) v`,
};

async function ofCampaigns(database: Database, refs: FileRef[]): Promise<FileRef[]> {
  if (refs.length === 0) return [];
  const rows = await run<{ place: number }>(database.engine, CAMPAIGNS, [
    texts(refs.map(({ accountId }) => accountId)),
    texts(refs.map(({ owner }) => ownerNamed(owner).id)),
    texts(refs.map(({ sha256 }) => sha256)),
  ]);
  return rows.map(({ place }) => refs[place - 1]!);
}

/**
 * Deletes the contents of a bucket that are due and that nobody refers to, with their pieces, and puts off the others. Skips
 * those that somebody is storing; who stores one that is being deleted waits, and writes it anew.
 */
const SWEEP = {
  name: 'sweep_files',
  text: `with due as materialized (
           select f.account_id, f.sha256 from files f where f.bucket = $1 and f.check_at <= $2
           order by f.check_at limit $3 for update skip locked
         ), looked_at as materialized (
           select due.account_id, due.sha256, ref.one is not null as is_needed
           from due left join lateral (
             select 1 as one from file_refs r
             where r.bucket = $1 and r.account_id = due.account_id and r.sha256 = due.sha256 limit 1
           ) ref on true
         ), kept as (
           update files f set check_at = $2::timestamptz + $4 * interval '1 ms'
           from looked_at l where l.is_needed and f.bucket = $1 and f.account_id = l.account_id and f.sha256 = l.sha256
         ), pieces as (
           delete from file_pieces p using looked_at l
           where not l.is_needed and p.bucket = $1 and p.account_id = l.account_id and p.sha256 = l.sha256
         ), gone as (
           delete from files f using looked_at l
           where not l.is_needed and f.bucket = $1 and f.account_id = l.account_id and f.sha256 = l.sha256
         )
         select sha256 from looked_at`,
};

/** The contents of a bucket that were looked at. */
export function sweepFiles(
  database: Database,
  bucket: number,
  now: Instant,
  limit: number,
): Promise<{ sha256: string }[]> {
  return run(database.engine, SWEEP, [bucket, isoTime(now), limit, RECHECK_MS]);
}
