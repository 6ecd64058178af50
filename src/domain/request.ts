/** What a client asked for, in our words. Stored with the transaction, never changed, the same for every leg. */
import type { Attachment } from './attachment.ts';
import type { Channel, MessageContent, MessageTexts } from './campaign.ts';
import type { BatchId, CampaignId, UserId } from './ids.ts';
import type { ProfileFields } from './profile.ts';
import type { Mode } from './transaction.ts';
import type { Instant } from './time.ts';

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** Texts that replace a campaign's for one call, by channel. They are templates too. */
export type Overrides = Partial<Record<Channel, MessageTexts>>;

/** A trigger as every dialect parses it. */
export interface TransactionRequest {
  campaignIds: CampaignId[];
  mode: Mode;
  userId: UserId;
  /** Null: the server makes one. */
  txnId: string | null;
  /** Seconds, 1…{@link TTL_MAX_S}; null: no deadline (semantics §3). */
  ttl: number | null;
  /** Null: now. */
  startAt: Instant | null;
  /** WebEngage's personalisation tokens: the namespace `token` of templates, and the event's data. */
  token: JsonObject;
  /** Request-wide parameters (semantics §8); empty for a batch's transactions, which share those of the batch. */
  params: JsonObject;
  /** The recipient's own parameters; they win over the request-wide ones. */
  recipientParams: JsonObject;
  /** Texts of this call instead of the campaign's, by channel; null: none, or those of the batch. */
  overrides: Overrides | null;
  /** The number that its SMS, WhatsApp, RCS and voice messages are from, instead of the campaign's. No template. */
  from: string | null;
  /** Files for its e-mails, beside those of the campaign; null: none, or those of the batch. */
  attachments: Attachment[] | null;
  /** The client's own word for it, told to webhooks (Xtremepush's `external_message_id`). */
  reference: string | null;
  /** The batch it was made from, and its place there. */
  batch: { id: BatchId; index: number } | null;
  email: string | null;
  phone: string | null;
  /** The token that its pushes go to, instead of the profile's devices; absent: those. */
  device?: string;
  eventName: string | null;
  /** Its event starts no campaign. */
  skipTriggers: boolean;
  profile: ProfileFields | null;
  /** It tries a provider: what it says, instead of what a campaign says. Its one campaign does not exist. */
  test?: { content: MessageContent };
}

/** What a request is that says no more than its campaigns, its mode and its user. */
export const NOTHING_MORE: Omit<TransactionRequest, 'campaignIds' | 'mode' | 'userId'> = {
  txnId: null,
  ttl: null,
  startAt: null,
  token: {},
  params: {},
  recipientParams: {},
  overrides: null,
  from: null,
  attachments: null,
  reference: null,
  batch: null,
  email: null,
  phone: null,
  eventName: null,
  skipTriggers: false,
  profile: null,
};

/** The longest TTL: 30 days, in seconds (semantics §3). */
export const TTL_MAX_S = 2_592_000;
/** How far ahead a transaction may be scheduled: 90 days, in ms (semantics §11). */
export const SCHEDULE_AHEAD_MAX_MS = 90 * 86_400_000;
/** Campaigns in one request. */
export const CAMPAIGNS_MAX = 100;
/** Characters of a userId, txnId or campaign id. */
export const ID_LENGTH_MAX = 100;

/** The first rule the request breaks, in words for its sender; null when it may be accepted. */
export function faultOf(request: TransactionRequest, now: Instant): string | null {
  const { campaignIds, ttl, userId, txnId, startAt } = request;
  if (campaignIds.length === 0) return 'campaignIds is missing: name at least one campaign';
  if (campaignIds.length > CAMPAIGNS_MAX) {
    return `campaignIds names ${campaignIds.length} campaigns; at most ${CAMPAIGNS_MAX} are allowed`;
  }
  const twice = campaignIds.find((id, position) => campaignIds.indexOf(id) !== position);
  if (twice !== undefined) return `campaignIds names "${twice}" twice; each campaign may be named once`;
  if (userId.length === 0 || userId.length > ID_LENGTH_MAX) return `userId must have 1 to ${ID_LENGTH_MAX} characters`;
  if (txnId !== null && (txnId.length === 0 || txnId.length > ID_LENGTH_MAX)) {
    return `txnId must have 1 to ${ID_LENGTH_MAX} characters`;
  }
  if (ttl !== null && (!Number.isInteger(ttl) || ttl < 1 || ttl > TTL_MAX_S)) {
    return `ttl must be a whole number of seconds from 1 to ${TTL_MAX_S}`;
  }
  if (startAt !== null && startAt > now + SCHEDULE_AHEAD_MAX_MS) return 'startAt is more than 90 days ahead';
  return null;
}
