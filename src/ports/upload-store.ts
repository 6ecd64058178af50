/** Where files of recipients go while they are uploaded. `tests/conformance/upload-store.ts` says the same in tests. */
import type { AccountId, BatchId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { BatchAcceptance, BatchAccepted, BatchPage } from './batch-store.ts';

/** Some rows of a file, in their order. */
export interface UploadPage extends BatchPage {
  /** The places of those that could not be read. They stand among the recipients, each with his fault. */
  badRows: number[];
}

/** A batch whose pages are all stored. */
export type UploadCompletion = Omit<BatchAcceptance, 'pages'>;

/** The promises: nobody works on a page before its batch is complete; nothing is left of an upload that was given up. */
export interface UploadStore {
  /** Begins an upload; `id` will be the batch's. */
  begin(id: BatchId, now: Instant): Promise<void>;
  /** Stores a page. False: the upload has been swept, all of it. */
  append(id: BatchId, page: UploadPage, now: Instant): Promise<boolean>;
  /** Makes the batch of its pages, unless its key is taken (one of concurrent calls wins), or, `gone`, the upload was swept. */
  complete(completion: UploadCompletion): Promise<BatchAccepted | { kind: 'gone' }>;
  /** The batch that was accepted under the key, and how it can be told from another call; null: there is none. */
  named(accountId: AccountId, key: string): Promise<Omit<Extract<BatchAccepted, { kind: 'repeat' }>, 'kind'> | null>;
  /** Gives an upload up, with its pages. What has become a batch stays. */
  discard(id: BatchId): Promise<void>;
  /** Gives up to `limit` uploads up that have had no page since the instant; the number of them. */
  sweep(touchedBefore: Instant, limit: number): Promise<number>;
}
