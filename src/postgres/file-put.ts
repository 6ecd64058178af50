/** The statements that store contents of files and read them. Two that store the same content write the same. */
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { UNREFERRED_KEPT_MS } from '#ports/file-store.ts';
import type { FileName, NewFile } from '#ports/file-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { byteas, integers, texts } from './parameters.ts';

/** Bytes of a piece: what one statement writes or reads. */
export const PIECE_BYTES = 1_048_576;
/** A content that was stored so short a time ago is not written again: one that everybody sends is one row. In ms. */
const FRESH_MS = 600_000;
/** How long after the time in its row a content stays that nobody refers to: that time may lag behind by what is fresh. */
export const STORED_KEPT_MS = UNREFERRED_KEPT_MS + FRESH_MS;

/** A content of one piece, to be stored. */
export interface SmallFile extends FileName {
  bytes: Buffer;
  now: Instant;
}

/**
 * Stores a batch of contents of one piece, in the order of their keys. One that is there has its time put off; should it be
 * deleted at this moment, that is waited for, and it is written anew.
 */
const PUT_SMALL = {
  name: 'put_small_files',
  text: `with given as materialized (
           select * from unnest($2::text[], $3::text[], $4::int[], $5::bytea[]) as given (account_id, sha256, size_bytes, bytes)
         ), stored as (
           insert into files as f (bucket, account_id, sha256, size_bytes, is_whole, stored_at, check_at)
           select $1, account_id, sha256, size_bytes, true, $6::timestamptz, $6::timestamptz + $7 * interval '1 ms'
           from given order by account_id, sha256
           on conflict (bucket, account_id, sha256) do update
             set stored_at = excluded.stored_at, check_at = greatest(f.check_at, excluded.check_at)
             where f.stored_at < excluded.stored_at - $8 * interval '1 ms'
           returning account_id, sha256
         )
         insert into file_pieces (bucket, account_id, sha256, number, bytes)
         select $1, given.account_id, given.sha256, 0, given.bytes
         from stored join given on given.account_id = stored.account_id and given.sha256 = stored.sha256
         on conflict do nothing`,
};

/** Stores them; none is there twice. */
export async function putSmallFiles(database: Database, bucket: number, batch: SmallFile[]): Promise<void[]> {
  await run(database.engine, PUT_SMALL, [
    bucket,
    texts(batch.map(({ accountId }) => accountId)),
    texts(batch.map(({ sha256 }) => sha256)),
    integers(batch.map(({ bytes }) => bytes.length)),
    byteas(batch.map(({ bytes }) => bytes)),
    isoTime(Math.min(...batch.map(({ now }) => now))),
    STORED_KEPT_MS,
    FRESH_MS,
  ]);
  return batch.map(() => undefined);
}

/** Makes or finds the row of a content of several pieces, and puts its time off. */
const BEGIN = {
  name: 'begin_file',
  text: `insert into files as f (bucket, account_id, sha256, size_bytes, is_whole, stored_at, check_at)
         values ($1, $2, $3, $4, false, $5::timestamptz, $5::timestamptz + $6 * interval '1 ms')
         on conflict (bucket, account_id, sha256) do update
           set stored_at = greatest(f.stored_at, excluded.stored_at), check_at = greatest(f.check_at, excluded.check_at)
         returning is_whole as "isWhole"`,
};

const ADD_PIECE = {
  name: 'add_piece',
  text: `insert into file_pieces (bucket, account_id, sha256, number, bytes) values ($1, $2, $3, $4, $5)
         on conflict do nothing`,
};

/** All pieces are there. */
const END = {
  name: 'end_file',
  text: `update files f set is_whole = true where f.bucket = $1 and f.account_id = $2 and f.sha256 = $3 returning 1 as one`,
};

/** Stores a content piece by piece. Whoever crashes in between leaves one that is not whole, which `sweep` deletes. */
export async function putLargeFile(
  database: Database,
  bucket: number,
  { accountId, sha256, sizeBytes, pieces }: NewFile,
  now: Instant,
): Promise<void> {
  const key = [bucket, accountId, sha256];
  const begin = [...key, sizeBytes, isoTime(now), STORED_KEPT_MS];
  const [begun] = await run<{ isWhole: boolean }>(database.engine, BEGIN, begin);
  if (begun!.isWhole) return;
  let number = 0;
  for (const piece of inPieces(pieces)) await run(database.engine, ADD_PIECE, [...key, number++, piece]);
  const ended = await run(database.engine, END, key);
  if (ended.length === 0) throw new Error(`the file ${sha256} was deleted while it was being stored`);
}

/** The same bytes in pieces of {@link PIECE_BYTES}, the last one shorter. */
function* inPieces(given: readonly Buffer[]): Generator<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  for (const one of given) {
    for (let at = 0; at < one.length;) {
      const part = one.subarray(at, at + PIECE_BYTES - length);
      held.push(part);
      length += part.length;
      at += part.length;
      if (length < PIECE_BYTES) continue;
      yield held.length === 1 ? held[0]! : Buffer.concat(held, length);
      held = [];
      length = 0;
    }
  }
  if (length > 0) yield Buffer.concat(held, length);
}

/** Takes no lock. */
const SIZE = {
  name: 'size_of_file',
  text: `select f.size_bytes as "sizeBytes" from files f
         where f.bucket = $1 and f.account_id = $2 and f.sha256 = $3 and f.is_whole`,
};

const PIECE = {
  name: 'read_piece',
  text: `select p.bytes from file_pieces p where p.bucket = $1 and p.account_id = $2 and p.sha256 = $3 and p.number = $4`,
};

/** The whole content; null: it is not there, or is being deleted. */
export async function readFile(
  database: Database,
  bucket: number,
  { accountId, sha256 }: FileName,
): Promise<Buffer | null> {
  const key = [bucket, accountId, sha256];
  const [file] = await run<{ sizeBytes: number }>(database.engine, SIZE, key);
  if (!file) return null;
  const content = Buffer.allocUnsafe(file.sizeBytes);
  let at = 0;
  for (let number = 0; at < content.length; number++) {
    const [piece] = await run<{ bytes: Buffer }>(database.engine, PIECE, [...key, number]);
    if (!piece) return null;
    at += piece.bytes.copy(content, at);
  }
  return content;
}

/** Reads a batch of one bucket, one by one: the planner cannot turn it into a walk through the bucket. */
const KNOWN = {
  name: 'known_files',
  text: `select wanted.place::int as place from unnest($2::text[], $3::text[]) with ordinality as wanted (account_id, sha256, place)
         cross join lateral (
           select 1 from files f
           where f.bucket = $1 and f.account_id = wanted.account_id and f.sha256 = wanted.sha256 and f.is_whole limit 1
         ) f`,
};

/** Whether each of the contents is there. */
export async function knownFiles(database: Database, bucket: number, wanted: FileName[]): Promise<boolean[]> {
  const rows = await run<{ place: number }>(database.engine, KNOWN, [
    bucket,
    texts(wanted.map(({ accountId }) => accountId)),
    texts(wanted.map(({ sha256 }) => sha256)),
  ]);
  const places = new Set(rows.map(({ place }) => place - 1));
  return wanted.map((_, place) => places.has(place));
}
