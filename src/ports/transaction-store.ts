/** Where transactions live. `tests/conformance/transaction-store.ts` says the same in tests. */
import type { AccountId, CampaignId, NodeId, TransactionId, UserId } from '#domain/ids.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { TimelineEntry, Transaction } from '#domain/transaction.ts';
import type { WebhookCall } from './webhook-store.ts';

/** A transaction with what is stored around it. */
export interface StoredTransaction {
  transaction: Transaction;
  request: TransactionRequest;
  /** Counts the writes; a save names the one it was decided on. */
  version: number;
  /** The node that is calling a provider for it; null: none is. */
  node: NodeId | null;
}

/** A transaction, and what happened to it. */
export interface TransactionHistory {
  stored: StoredTransaction;
  timeline: TimelineEntry[];
}

/** A transaction to accept. */
export interface Acceptance {
  stored: StoredTransaction;
  entries: TimelineEntry[];
  /** The single-campaign dedupe window (semantics §4): no second acceptance under this key before `until`. */
  window: { key: string; until: Instant } | null;
}

/** What accepting came to. */
export type Accepted =
  | { kind: 'accepted' }
  /** The txnId is taken: the first one's transaction. */
  | { kind: 'repeat'; first: StoredTransaction }
  /** The dedupe window is taken. */
  | { kind: 'duplicate'; first: StoredTransaction };

/** A decided transition. */
export interface Transition {
  stored: StoredTransaction;
  entries: TimelineEntry[];
  /** What webhooks are told of it; stored with it, or not at all. */
  calls?: WebhookCall[];
}

/** The name of a leased transaction. */
export interface Lease {
  accountId: AccountId;
  id: TransactionId;
}

/** What a list may be narrowed to. */
export interface TransactionFilter {
  accountId: AccountId;
  state?: string;
  userId?: UserId;
  campaignId?: CampaignId;
  since?: Instant;
}

/** A page, newest first; `next` continues it, null at the end. */
export interface Page<Item> {
  data: Item[];
  next: string | null;
}

/** The promises: what was answered is durable; every write is guarded by version; the calls of a few ms share a statement. */
export interface TransactionStore {
  /** Stores a new transaction, unless its txnId or its dedupe window is taken: exactly one of concurrent calls wins. */
  accept(acceptance: Acceptance): Promise<Accepted>;
  /**
   * Writes a transition if the version is still the one it was decided on; false when it is not. Adds one to the version.
   * The transaction then stands in the line that its messages wait in, or in none.
   */
  save(transition: Transition): Promise<boolean>;
  load(accountId: AccountId, id: TransactionId): Promise<StoredTransaction | null>;
  loadByTxnId(accountId: AccountId, txnId: string): Promise<StoredTransaction | null>;
  /** The transaction with its timeline, both of the same instant. */
  history(accountId: AccountId, id: TransactionId): Promise<TransactionHistory | null>;
  list(filter: TransactionFilter, limit: number, cursor: string | null): Promise<Page<StoredTransaction>>;
  /** Takes up to `limit` transactions whose timer is due, so that no other node gets them for `claimMs`. */
  claimDue(now: Instant, node: NodeId, limit: number, claimMs: number): Promise<StoredTransaction[]>;
  /** Names up to `limit` lines in which transactions stand. */
  lanes(limit: number): Promise<string[]>;
  /** Takes up to `limit` from the front of a line, so that no other node gets them for `claimMs`; they stand in it no more. */
  claimLane(lane: string, now: Instant, node: NodeId, limit: number, claimMs: number): Promise<StoredTransaction[]>;
  /**
   * Makes claimed transactions that have not started stand in a line, at the place of their start; what another node has
   * changed meanwhile is left out.
   */
  joinLane(claimed: StoredTransaction[], lane: string): Promise<void>;
  /** Takes up to `limit` transactions that `from` was sending, over to `to`. */
  takeOver(from: NodeId, to: NodeId, limit: number): Promise<StoredTransaction[]>;
  /** Names up to `limit` transactions leased to the node, as the database has them. */
  leasedTo(node: NodeId, limit: number): Promise<Lease[]>;
  /** Deletes up to `limit` transactions that ended before the instant; the number deleted. */
  prune(endedBefore: Instant, limit: number): Promise<number>;
}
