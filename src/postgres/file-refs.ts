/** The statements about who refers to contents of files. A reference is in the bucket of its content, its owner anywhere. */
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { RECHECK_MS, UNREFERRED_KEPT_MS } from '#ports/file-store.ts';
import type { FileName, FileOwner } from '#ports/file-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { STORED_KEPT_MS } from './file-put.ts';
import { texts } from './parameters.ts';

/** A reference, as it is stored. */
export interface FileRef extends FileName {
  /** See {@link ownerName}. */
  owner: string;
}

/** A reference to be noted. */
export interface NewRef extends FileRef {
  now: Instant;
}

/** How an owner is written in a row. */
export function ownerName({ kind, id }: FileOwner): string {
  return `${kind}:${id}`;
}

/** The inverse. */
export function ownerNamed(name: string): FileOwner {
  const colon = name.indexOf(':');
  return { kind: name.slice(0, colon) as FileOwner['kind'], id: name.slice(colon + 1) };
}

/**
 * Notes a batch of references to contents that are there, in the order of their keys. One that is there already counts as
 * new: what it refers to must not be lost before its owner is stored again.
 */
const REFER = {
  name: 'refer_to_files',
  text: `insert into file_refs as r (bucket, account_id, sha256, owner, check_at)
         select $1, given.account_id, given.sha256, given.owner, $5::timestamptz + $6 * interval '1 ms'
         from unnest($2::text[], $3::text[], $4::text[]) as given (account_id, sha256, owner)
         cross join lateral (
           select 1 from files f
           where f.bucket = $1 and f.account_id = given.account_id and f.sha256 = given.sha256 and f.is_whole limit 1
         ) f
         order by given.account_id, given.sha256, given.owner
         on conflict (bucket, account_id, sha256, owner) do update set check_at = greatest(r.check_at, excluded.check_at)
         returning r.account_id as "accountId", r.sha256, r.owner`,
};

/** Whether each was noted; not where its content is not there. No reference is in a batch twice. */
export async function referToFiles(database: Database, bucket: number, batch: NewRef[]): Promise<boolean[]> {
  const now = Math.max(...batch.map((ref) => ref.now));
  const noted = await run<FileRef>(database.engine, REFER, [bucket, ...lists(batch), isoTime(now), UNREFERRED_KEPT_MS]);
  const names = new Set(noted.map(nameOf));
  return batch.map((ref) => names.has(nameOf(ref)));
}

/** One text for a reference. */
export function nameOf({ accountId, sha256, owner }: FileRef): string {
  return `${sha256} ${owner} ${accountId}`;
}

/** Takes no lock: two nodes that look at the same ones find the same. */
const DUE = {
  name: 'due_file_refs',
  text: `select r.account_id as "accountId", r.sha256, r.owner from file_refs r
         where r.bucket = $1 and r.check_at <= $2 order by r.check_at limit $3`,
};

/** References whose owners are to be looked for. */
export function dueRefs(database: Database, bucket: number, now: Instant, limit: number): Promise<FileRef[]> {
  return run<FileRef>(database.engine, DUE, [bucket, isoTime(now), limit]);
}

/** Their owners are there. Locks rows in the order of the batch, which is sorted. */
const PUT_OFF = {
  name: 'put_off_file_refs',
  text: `update file_refs r set check_at = $5::timestamptz + $6 * interval '1 ms'
         from unnest($2::text[], $3::text[], $4::text[]) as given (account_id, sha256, owner)
         where r.bucket = $1 and r.account_id = given.account_id and r.sha256 = given.sha256 and r.owner = given.owner`,
};

/** Puts off the look at references of one bucket. */
export async function putOffRefs(database: Database, bucket: number, refs: FileRef[], now: Instant): Promise<void> {
  await run(database.engine, PUT_OFF, [bucket, ...lists(refs), isoTime(now), RECHECK_MS]);
}

/**
 * Deletes references whose owners are gone, and lets their contents be looked at: not before whoever has just stored one had
 * his time to refer to it.
 */
const RELEASE = {
  name: 'release_files',
  text: `with gone as (
           delete from file_refs r using unnest($2::text[], $3::text[], $4::text[]) as given (account_id, sha256, owner)
           where r.bucket = $1 and r.account_id = given.account_id and r.sha256 = given.sha256 and r.owner = given.owner
           returning r.account_id, r.sha256
         ), due as materialized (
           select account_id, sha256 from gone group by account_id, sha256 order by account_id, sha256
         )
         update files f set check_at = greatest($5::timestamptz, f.stored_at + $6 * interval '1 ms')
         from due where f.bucket = $1 and f.account_id = due.account_id and f.sha256 = due.sha256`,
};

/** Deletes references of one bucket. */
export async function releaseRefs(database: Database, bucket: number, refs: FileRef[], now: Instant): Promise<void> {
  await run(database.engine, RELEASE, [bucket, ...lists(refs), isoTime(now), STORED_KEPT_MS]);
}

function lists(refs: readonly FileRef[]): Buffer[] {
  const sorted = refs.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return [
    texts(sorted.map(({ accountId }) => accountId)),
    texts(sorted.map(({ sha256 }) => sha256)),
    texts(sorted.map(({ owner }) => owner)),
  ];
}
