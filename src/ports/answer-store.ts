/** Where answers are kept, so that a repeat of a call gets the first one's. `tests/conformance/answer-store.ts` says the same in tests. */
import type { Batch } from '#domain/batch.ts';
import type { AccountId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { BatchPage } from './batch-store.ts';

/** A call's name in its account. */
export interface AnswerName {
  accountId: AccountId;
  key: string;
}

/** An answer to keep. */
export interface KeptAnswer extends AnswerName {
  /** Until then, and not longer, a call of this name is a repeat. */
  until: Instant;
  body: string;
}

/** What a call made; null: nobody was to be sent anything. The id's hash16 is that of (account, key). */
export type AnsweredBatch = { batch: Batch; pages: BatchPage[] } | null;

/** The promises: what was answered is durable, and a name makes one batch in its time, however many ask at once. */
export interface AnswerStore {
  /**
   * Stores the answer and what the call made, in one unit of work, unless the name has an answer whose time is not over: of
   * concurrent calls one wins.
   * @returns null, or the first one's answer.
   */
  accept(answer: KeptAnswer, made: AnsweredBatch, now: Instant): Promise<string | null>;
  /** The answer whose time is not over. */
  find(name: AnswerName, now: Instant): Promise<string | null>;
  /** Deletes up to `limit` answers whose time is over; the number deleted. */
  prune(now: Instant, limit: number): Promise<number>;
}
