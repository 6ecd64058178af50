/** Where the calls of webhooks wait, and what became of them. `tests/conformance/webhook-store.ts` says the same in tests. */
import type { AccountId, TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { WebhookFormat, WebhookId } from '#domain/webhook.ts';
import type { Page } from './transaction-store.ts';

/** What may be told of a call's state. */
export const CALL_STATES = ['waiting', 'delivered', 'failed'] as const;
/** One of {@link CALL_STATES}. A crash leaves a call waiting, and it is made again. */
export type CallState = (typeof CALL_STATES)[number];

/** How long a call is kept once it was delivered: 7 days, in ms. */
export const DELIVERED_KEPT_MS = 7 * 86_400_000;
/** And once it was given up: 30 days, in ms. */
export const FAILED_KEPT_MS = 30 * 86_400_000;

/** Names one subscription. */
export interface WebhookName {
  accountId: AccountId;
  webhookId: WebhookId;
}

/** Names one call. */
export interface CallName extends WebhookName {
  /** The event's id, the same for every attempt and replay. It begins with a UUID, which says in which bucket it is. */
  id: string;
}

/** One event for one webhook, to be told. */
export interface WebhookCall extends CallName {
  type: string;
  /** A UUID: the calls of one webhook and lane are made one after the other. A transaction's id, a batch's. */
  lane: string;
  /** The order in its lane. */
  position: number;
  /** When the event happened; it is due since then. */
  at: Instant;
  format: WebhookFormat;
  /** A JSON document, sent as it is. */
  body: string;
  /** When it is given up. */
  giveUpAt: Instant;
}

/** A call that the one who claimed it has to make. */
export interface ClaimedCall extends Pick<
  WebhookCall,
  keyof CallName | 'lane' | 'position' | 'format' | 'body' | 'giveUpAt'
> {
  /** This one included. */
  attempts: number;
}

/** What became of a claimed call. */
export interface SettledCall extends CallName {
  lane: string;
  /** `put_back`: it was not made after all, and no attempt is counted. */
  what: CallState | 'put_back';
  /** When it is due again; null unless it waits. */
  dueAt: Instant | null;
  /** The answer's status, where there was one, and what was wrong. */
  status: number | null;
  error: string | null;
  at: Instant;
}

/** A call as the log shows it. */
export interface LoggedCall extends CallName {
  type: string;
  /** Null for what no transaction brought. */
  transactionId: TransactionId | null;
  state: CallState;
  /** Since it was made, or replayed. */
  attempts: number;
  at: Instant;
  triedAt: Instant | null;
  /** When it is made (again); null unless it waits. */
  dueAt: Instant | null;
  status: number | null;
  error: string | null;
  body: string;
}

/** What a log may be narrowed to. */
export interface CallFilter extends WebhookName {
  state?: CallState;
  since?: Instant;
}

/** How many calls of one webhook may be claimed now. */
export interface CallRoom extends WebhookName {
  calls: number;
}

/**
 * The promises: what is stored is durable; a claimed call is claimed by nobody else until the claim ends, and is then due again; of
 * a lane only the first of the waiting calls are claimed, in their order; the settlements of a few ms share a statement.
 * Calls of transitions are stored with them: see `Transition.calls`.
 */
export interface WebhookStore {
  /** Stores calls that no transition brings; one that is there already is left as it is. */
  add(calls: WebhookCall[]): Promise<void>;
  /** Webhooks that have calls due, each with one of these; up to `limit`. Who asks again and again hears of all. */
  due(now: Instant, limit: number): Promise<CallName[]>;
  /**
   * Claims due calls, those that are due longest first, as far as there is room.
   * @param near looks only where the calls with these ids live (a bucket); null: everywhere.
   */
  claim(rooms: CallRoom[], now: Instant, claimMs: number, near: readonly string[] | null): Promise<ClaimedCall[]>;
  /** Writes what became of a claimed call. Once it is delivered or given up, nothing changes that but a replay. */
  settle(call: SettledCall): Promise<void>;
  /** Newest first. */
  list(filter: CallFilter, limit: number, cursor: string | null): Promise<Page<LoggedCall>>;
  find(name: CallName): Promise<LoggedCall | null>;
  /** Lets a call wait again, with a new patience; false when there is none. */
  replay(name: CallName, now: Instant, giveUpAt: Instant): Promise<boolean>;
  /** The same for up to `limit` calls that happened in [since, until) and are delivered or given up; the number. */
  replayRange(filter: CallFilter & { until: Instant }, now: Instant, giveUpAt: Instant, limit: number): Promise<number>;
  /** Gives up what has waited until its time was over, up to `limit` calls; their webhooks, as often as they had calls. */
  giveUpLate(now: Instant, limit: number): Promise<WebhookName[]>;
  /** Gives up up to `limit` waiting calls of one webhook: it is no longer there. The number. */
  giveUpAll(name: WebhookName, now: Instant, error: string, limit: number): Promise<number>;
  /** Remembers that something was delivered to a webhook. */
  noteDelivered(name: WebhookName, at: Instant): Promise<void>;
  /** When that was, to the minute; null: never. */
  lastDelivered(name: WebhookName): Promise<Instant | null>;
  /** Waiting calls; of more than `limit`, that number. */
  waiting(limit: number): Promise<number>;
  /** Deletes up to `limit` calls that have been kept long enough; the number deleted. */
  prune(now: Instant, limit: number): Promise<number>;
}
