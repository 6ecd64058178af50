/** The files of messages on their way out: read when a provider wants them, and never more at once than there is room for. */
import type { Attachment } from '#domain/attachment.ts';
import type { AccountId } from '#domain/ids.ts';
import { FileMissingError } from '#ports/file-store.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { OutgoingFile } from '#ports/provider.ts';
import { createRoom } from './room.ts';
import { keptReading } from './kept-reading.ts';
import { untilThere } from './until-there.ts';

/** Bytes of files that a node's messages under way may have together. One message with more goes when no other is there. */
const UNDER_WAY_BYTES_MAX = 134_217_728;
/** Bytes of contents that are kept for the next message: a batch sends the same to everybody. */
const KEPT_BYTES_MAX = 33_554_432;

/** Files on their way out. */
export interface MessageFiles {
  /** The files as a provider is given them; null for none. */
  of(accountId: AccountId, attachments: readonly Attachment[]): OutgoingFile[] | null;
  /** Makes a call when there is room for the files of its message. */
  withRoom<Result>(files: readonly OutgoingFile[] | null, call: () => Promise<Result>): Promise<Result>;
}

/** Nothing read yet. */
export function messageFiles(store: Pick<FileStore, 'read'>, signal: AbortSignal): MessageFiles {
  const kept = keptReading<Buffer>(KEPT_BYTES_MAX, ({ length }) => length);
  const read = (accountId: AccountId, sha256: string) =>
    kept(`${sha256} ${accountId}`, () => untilThere(() => store.read({ accountId, sha256 }), signal));
  const room = createRoom(UNDER_WAY_BYTES_MAX);
  return {
    of: (accountId, attachments) => {
      if (attachments.length === 0) return null;
      return attachments.map(({ name, type, sha256, sizeBytes }) => ({
        name,
        type,
        sizeBytes,
        content: async () => {
          const content = await read(accountId, sha256);
          if (content === null) throw new FileMissingError(`the content of the file "${name}" is gone`);
          return content;
        },
      }));
    },
    withRoom: async (files, call) => {
      if (files === null) return call();
      const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      await room.enter(bytes);
      try {
        return await call();
      } finally {
        room.leave(bytes);
      }
    },
  };
}
