/** Where the contents of files live. `tests/conformance/file-store.ts` says the same in tests. */
import type { Attachment } from '#domain/attachment.ts';
import type { AccountId, BatchId, CampaignId, TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';

/** How long a content is kept that nobody refers to: what stored it has that long to refer to it, in ms. */
export const UNREFERRED_KEPT_MS = 3_600_000;
/** How often it is looked whether who refers to a content is still there, in ms: nobody has to remember to say that he is gone. */
export const RECHECK_MS = 86_400_000;

/** Names a content. */
export interface FileName {
  accountId: AccountId;
  /** 64 hex digits in lower case. */
  sha256: string;
}

/** A content to be stored, in pieces of any size. */
export interface NewFile extends FileName {
  sizeBytes: number;
  pieces: readonly Buffer[];
}

/** Who refers to a content: it stays as long as this does. A campaign: as long as one of its versions names the content. */
export type FileOwner =
  | { kind: 'transaction'; id: TransactionId }
  | { kind: 'batch'; id: BatchId }
  | { kind: 'campaign'; id: CampaignId };

/**
 * The promises: a content is stored once in its account, whole or not at all, and is there for all nodes once `put` has resolved; it
 * stays for {@link UNREFERRED_KEPT_MS} after that, and as long as one who refers to it is there. A crash anywhere leaves at
 * most contents and references that nobody needs, which `sweep` finds.
 */
export interface FileStore {
  /** Stores a content, also one that is there already. */
  put(file: NewFile, now: Instant): Promise<void>;
  /**
   * Notes that somebody refers to these contents: before he himself is stored, so that no crash can leave him without them.
   * @throws {FileMissingError} when one is not there.
   */
  refer(
    accountId: AccountId,
    owner: FileOwner,
    contents: readonly Pick<Attachment, 'sha256'>[],
    now: Instant,
  ): Promise<void>;
  /** A whole content; null: there is none. */
  read(name: FileName): Promise<Buffer | null>;
  /** Of these contents, those that are there. */
  known(accountId: AccountId, contents: readonly string[]): Promise<Set<string>>;
  /**
   * Looks at references and contents that are due for it, and deletes those that nobody needs.
   * @returns how many were looked at; fewer than `limit`: no more are due.
   */
  sweep(now: Instant, limit: number): Promise<number>;
}

/** A content is not there (any more). */
export class FileMissingError extends Error {
  override name = 'FileMissingError';
}
