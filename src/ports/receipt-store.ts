/** Where provider references, receipts without a message, and the sandbox's promised receipts live. */
import type { AccountId, MessageId, ProviderId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { SuppressionReason } from '#domain/suppression.ts';
import type { Instant } from '#domain/time.ts';

/** How long a receipt that was handed out is not handed out again: should the one who got it die, another gets it after that. */
export const PARKED_CLAIM_MS = 10_000;

/** A receipt whose message is not known yet. */
export interface ParkedReceipt {
  accountId: AccountId;
  providerId: ProviderId;
  ref: string;
  status: ReceiptStatus;
  reason: string | null;
  at: Instant;
  /** As in the receipt: the message's address must not be written to any more. */
  suppress?: { reason: SuppressionReason };
}

/** A parked receipt as it is kept. */
export interface KeptReceipt extends ParkedReceipt {
  /** Of the store's own. */
  id: string;
}

/** A receipt that the sandbox promised. */
export interface PromisedReceipt {
  accountId: AccountId;
  providerId: ProviderId;
  messageId: MessageId;
  status: ReceiptStatus;
  dueAt: Instant;
}

/** The promises: a receipt that met no message is kept until its reference appears, or `prune` is told to drop it. */
export interface ReceiptStore {
  /** Makes a message findable by its provider's reference, and hands out the receipts parked for it. */
  addRef(
    accountId: AccountId,
    providerId: ProviderId,
    ref: string,
    messageId: MessageId,
    now: Instant,
  ): Promise<KeptReceipt[]>;
  findByRef(accountId: AccountId, providerId: ProviderId, ref: string): Promise<MessageId | null>;
  /** Keeps a receipt until its reference appears. */
  park(receipt: ParkedReceipt): Promise<void>;
  /**
   * Hands out parked receipts whose reference has appeared by now: what a race between `addRef` and `park` left, and what
   * was handed out and not forgotten within {@link PARKED_CLAIM_MS}.
   */
  takeMatched(now: Instant, limit: number): Promise<{ receipt: KeptReceipt; messageId: MessageId }[]>;
  /** Removes a parked receipt that has been applied. */
  forgetParked(receipt: KeptReceipt): Promise<void>;
  /** Stores a promised receipt. */
  promise(receipt: PromisedReceipt): Promise<void>;
  /** Takes the promised receipts that are due, so that no other node gets them for `claimMs`; `kept` removes them for good. */
  claimPromised(now: Instant, limit: number, claimMs: number): Promise<PromisedReceipt[]>;
  /** Removes a promised receipt that has been taken in. */
  kept(receipt: PromisedReceipt): Promise<void>;
  /** Deletes references and parked receipts from before the instant. */
  prune(before: Instant): Promise<void>;
}
