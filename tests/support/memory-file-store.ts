/** Files in memory, for tests of what is built on them. */
import { FileMissingError } from '#ports/file-store.ts';
import type { FileName, FileStore } from '#ports/file-store.ts';

/** A store that forgets nothing. */
export function memoryFileStore(): FileStore {
  const contents = new Map<string, Buffer>();
  const nameOf = ({ accountId, sha256 }: FileName) => `${sha256} ${accountId}`;
  return {
    put: async (file) => void contents.set(nameOf(file), Buffer.concat(file.pieces)),
    refer: async (accountId, _owner, wanted) => {
      const isThere = ({ sha256 }: { sha256: string }) => contents.has(nameOf({ accountId, sha256 }));
      if (!wanted.every(isThere)) throw new FileMissingError('it is not there');
    },
    read: async (name) => contents.get(nameOf(name)) ?? null,
    known: async (accountId, wanted) => new Set(wanted.filter((sha256) => contents.has(nameOf({ accountId, sha256 })))),
    sweep: async () => 0,
  };
}
