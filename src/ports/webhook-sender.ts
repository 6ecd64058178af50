/** What the engine needs to make the calls of webhooks: an HTTP client that is careful whom it calls, and the words of the bodies. */
import type { BatchCounts } from '#domain/batch.ts';
import type { Channel } from '#domain/campaign.ts';
import type { AccountId, BatchId, CampaignId, MessageId, ProviderId, TransactionId, UserId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { WebhookAuth, WebhookEventType, WebhookFormat } from '#domain/webhook.ts';
import type { WebhookOutcome } from '#domain/webhook-retry.ts';

/** How long a whole call may take, in ms: connection, answer and all. */
export const WEBHOOK_TIMEOUT_MS = 15_000;

/** One call to make. */
export interface OutgoingCall {
  url: string;
  /** The same for every attempt and replay: what receivers deduplicate by. */
  id: string;
  format: WebhookFormat;
  /** JSON. */
  body: string;
  auth: WebhookAuth;
  /** Whether private and loopback addresses may be called. */
  allowPrivate: boolean;
}

/** Makes calls. */
export interface WebhookSender {
  /** Bounded by {@link WEBHOOK_TIMEOUT_MS}; follows no redirects. Never rejects for what the receiver does. */
  send(call: OutgoingCall, now: Instant): Promise<WebhookOutcome>;
  /** What is wrong with an address, and what to do about it; null when it can be called. Asks no name server. */
  faultOf(url: string, allowPrivate: boolean): string | null;
  /** Ends its connections once the calls under way are over. */
  close(): Promise<void>;
}

/** What happened, in our words. */
export interface ToldEvent {
  /** Unique, and the same for every webhook. */
  id: string;
  type: WebhookEventType | 'test';
  at: Instant;
  accountId: AccountId;
  /** Where it is about a transaction. */
  transaction?: {
    id: TransactionId;
    txnId: string;
    userId: UserId;
    state: string;
    late: boolean;
    campaignIds: CampaignId[];
    /** The client's own word for it. */
    reference: string | null;
    batchId: BatchId | null;
  };
  /** Where it is about a message. */
  message?: {
    id: MessageId;
    campaignId: CampaignId;
    campaignName: string;
    version: number;
    /** The position of its leg. */
    leg: number;
    channel: Channel | null;
    provider: ProviderId | null;
    to: string | null;
    /** Null: its campaign names nobody, or somebody else for each message. */
    from: string | null;
    state: string;
    reason: string | null;
  };
  /** Where it is about a batch. */
  batch?: { id: BatchId; campaignIds: CampaignId[]; reference: string | null; counts: BatchCounts };
}

/** Writes an event as the body of a call. */
export type WriteEvent = (event: ToldEvent, format: WebhookFormat) => string;
