/** Contents of files in PostgreSQL: which bucket, how many at once. The statements are in `file-*.ts`. */
import { bucketOf, hash16 } from '#domain/ids.ts';
import { FileMissingError } from '#ports/file-store.ts';
import type { FileName, FileStore } from '#ports/file-store.ts';
import { inTurnAcrossBuckets } from './across-buckets.ts';
import type { Database } from './connection.ts';
import { PIECE_BYTES, knownFiles, putLargeFile, putSmallFiles, readFile } from './file-put.ts';
import type { SmallFile } from './file-put.ts';
import { nameOf, ownerName, referToFiles } from './file-refs.ts';
import type { NewRef } from './file-refs.ts';
import { sweepFiles, sweepRefs } from './file-sweep.ts';
import { perBucket } from './per-bucket.ts';

/** Contents in one statement: with those of the largest pieces, 16 MB. */
const PUT_BATCH_MAX = 16;
/** Contents that wait to be written, over which a call is refused. */
const PUTS_WAITING_MAX = 1_000;

/** The bucket of a content. */
export function bucketOfFile(database: Database, { accountId, sha256 }: FileName): number {
  return bucketOf(hash16(accountId, sha256), database.buckets);
}

/** The store on an open database. */
export function fileStore(database: Database): FileStore {
  const putSmall = perBucket({
    batchMax: PUT_BATCH_MAX,
    waitingMax: PUTS_WAITING_MAX,
    key: ({ accountId, sha256 }: SmallFile) => `${sha256} ${accountId}`,
    run: (bucket, batch: SmallFile[]) => putSmallFiles(database, bucket, batch),
  });
  const referToOne = perBucket({
    key: nameOf,
    run: (bucket, batch: NewRef[]) => referToFiles(database, bucket, batch),
  });
  const isKnown = perBucket({ run: (bucket, batch: FileName[]) => knownFiles(database, bucket, batch) });
  const forSweeping = inTurnAcrossBuckets(database);

  return {
    put: async (file, now) => {
      const { accountId, sha256, sizeBytes, pieces } = file;
      const bucket = bucketOfFile(database, file);
      if (sizeBytes > PIECE_BYTES) return putLargeFile(database, bucket, file, now);
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      await putSmall(bucket, { accountId, sha256, bytes, now });
    },
    refer: async (accountId, owner, contents, now) => {
      const hashes = [...new Set(contents.map(({ sha256 }) => sha256))];
      const noted = await Promise.all(
        hashes.map((sha256) => {
          const ref = { accountId, sha256, owner: ownerName(owner), now };
          return referToOne(bucketOfFile(database, ref), ref);
        }),
      );
      const missing = hashes.find((_, index) => !noted[index]);
      if (missing !== undefined)
        throw new FileMissingError(`the file with the SHA-256 ${missing} is not there any more`);
    },
    read: (name) => readFile(database, bucketOfFile(database, name), name),
    known: async (accountId, contents) => {
      const names = [...new Set(contents)].map((sha256) => ({ accountId, sha256 }));
      const there = await Promise.all(names.map((name) => isKnown(bucketOfFile(database, name), name)));
      return new Set(names.flatMap(({ sha256 }, index) => (there[index] ? [sha256] : [])));
    },
    sweep: async (now, limit) => {
      const lookedAt = await forSweeping<FileName | { sha256: string }>(limit, async (bucket, rest) => {
        const refs = await sweepRefs(database, bucket, now, rest);
        return [...refs, ...(await sweepFiles(database, bucket, now, rest))];
      });
      return lookedAt.length;
    },
  };
}
