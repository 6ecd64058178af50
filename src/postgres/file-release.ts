/** What was just deleted lets go of its files at once. Should that fail half-way, the next look at them finds it out. */
import type { Attachment } from '#domain/attachment.ts';
import type { AccountId } from '#domain/ids.ts';
import type { FileOwner } from '#ports/file-store.ts';
import type { Database } from './connection.ts';
import { releaseRefs, ownerName } from './file-refs.ts';
import type { FileRef } from './file-refs.ts';
import { bucketOfFile } from './file-store.ts';

/** A deleted row, and the files that it referred to. */
export interface WithFiles {
  accountId: AccountId;
  id: string;
  attachments: Attachment[] | null;
}

/** Deletes the references of owners that were deleted: one statement for each bucket in which they had files. */
export async function releaseFiles(
  database: Database,
  kind: Exclude<FileOwner['kind'], 'campaign'>,
  deleted: readonly WithFiles[],
): Promise<void> {
  const refs = deleted.flatMap(({ accountId, id, attachments }): FileRef[] => {
    const hashes = new Set(attachments?.map(({ sha256 }) => sha256));
    return [...hashes].map((sha256) => ({ accountId, sha256, owner: ownerName({ kind, id }) }));
  });
  const buckets = Map.groupBy(refs, (ref) => bucketOfFile(database, ref));
  // Their time is over, whatever the clock says: a content is kept for as long after it was last stored all the same.
  for (const [bucket, its] of buckets) await releaseRefs(database, bucket, its, 0);
}
