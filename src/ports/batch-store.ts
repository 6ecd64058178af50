/** Where batches live. `tests/conformance/batch-store.ts` says the same in tests. */
import type { Batch, BatchCounts, BatchVerb, Recipient, RecipientRefusal, RecipientResult } from '#domain/batch.ts';
import type { AccountId, BatchId, TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { Page } from './transaction-store.ts';

/** Some of a batch's recipients, written and worked on together. */
export interface BatchPage {
  /** The first one's place in the request. */
  first: number;
  /** How many they are. */
  size: number;
  /** {@link Recipient}s as a JSON list. */
  recipients: string;
}

/** A batch to accept. */
export interface BatchAcceptance {
  batch: Batch;
  pages: BatchPage[];
  /** The client's own name for the call, unique in its account; null: it gave none. */
  key: string | null;
  /** Tells a repeat of the call from another one under the same key. */
  fingerprint: string;
}

/** What accepting came to. */
export type BatchAccepted =
  | { kind: 'accepted' }
  /** The key is taken: by this batch. Nothing was written. */
  | { kind: 'repeat'; first: Batch; fingerprint: string };

/** A page in somebody's hands. */
export interface ClaimedPage {
  batch: Batch;
  first: number;
  recipients: Recipient[];
}

/** What became of a page: its recipients have their transactions, except these. */
export interface PageOutcome {
  refused: { index: number; reason: RecipientRefusal }[];
}

/** How soon a batch whose transactions are still under way is looked at again: after an eighth of its age, within these. */
export const RECHECK_MIN_MS = 250;
export const RECHECK_MAX_MS = 60_000;

/** The promises: what was answered is durable; a page is in one pair of hands at a time, and in another after its claim is over. */
export interface BatchStore {
  /** Stores a batch and all its recipients in one unit of work, unless its key is taken: one of concurrent calls wins. */
  accept(acceptance: BatchAcceptance): Promise<BatchAccepted>;
  load(accountId: AccountId, id: BatchId): Promise<Batch | null>;
  /** Newest first. */
  list(accountId: AccountId, limit: number, cursor: string | null): Promise<Page<Batch>>;
  /**
   * Takes a page whose recipients have not been looked at of each of the running, started batches that were served least
   * recently, up to `limit`, so that nobody else gets them before `until`. Empty: there is none now.
   * @param except batches that are not asked.
   */
  claimPages(now: Instant, until: Instant, limit: number, except?: BatchId[]): Promise<ClaimedPage[]>;
  /** Prolongs the claim of a page. False when its batch does not run any more: the page is then to be released. */
  renewPage(page: ClaimedPage, until: Instant): Promise<boolean>;
  /** Gives a claimed page back, unfinished. */
  releasePage(page: ClaimedPage, now: Instant): Promise<void>;
  /** Notes what became of a page; it is not handed out again. */
  settlePage(page: ClaimedPage, outcome: PageOutcome): Promise<void>;
  /** Does what the verb says where it can be done now; the batch after that, null when there is none. */
  turn(accountId: AccountId, id: BatchId, verb: BatchVerb, now: Instant): Promise<Batch | null>;
  /**
   * Takes up to `limit` batches that may have ended: all pages are settled, or it is cancelled and no page is in anybody's
   * hands. They come again (see {@link RECHECK_MIN_MS}) until `end` is told.
   */
  claimEnding(now: Instant, limit: number): Promise<Batch[]>;
  /** Ids of up to `limit` of its transactions that have not ended. */
  openMembers(accountId: AccountId, id: BatchId, limit: number): Promise<TransactionId[]>;
  /** Notes the end; true for one caller alone. */
  end(accountId: AccountId, id: BatchId, now: Instant): Promise<boolean>;
  counts(batch: Batch): Promise<BatchCounts>;
  /**
   * What became of the recipients, in their order; the cursor is the last index before the page.
   * @param result only those it became of: `waiting`, `refused`, or a transaction's state.
   */
  results(batch: Batch, result: string | null, limit: number, cursor: string | null): Promise<Page<RecipientResult>>;
  /** Batches that have not ended, of all accounts. */
  open(): Promise<number>;
  /** Deletes up to `limit` batches that ended before the instant; the number deleted. */
  prune(endedBefore: Instant, limit: number): Promise<number>;
}
