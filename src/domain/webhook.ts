/** A webhook: an account's wish to be told of events at an address of its own. */
import type { Channel } from './campaign.ts';
import type { AccountId, CampaignId } from './ids.ts';

/** Its id within its account. */
export type WebhookId = string;

export const WEBHOOK_EVENT_TYPES = [
  'message.sent',
  'message.delivered',
  'message.failed',
  'message.opened',
  'message.clicked',
  'message.unsubscribed',
  'transaction.ended',
  'batch.ended',
] as const;
/** What a webhook may be told of. */
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number];

export const WEBHOOK_FORMATS = ['cloudevents', 'xtremepush', 'connectly', 'webengage'] as const;
/** How a call's body is written. */
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** What a format has words for; absent: everything. */
export const FORMAT_EVENTS: Partial<Record<WebhookFormat, readonly WebhookEventType[]>> = {
  connectly: ['message.sent', 'message.delivered', 'message.failed', 'message.opened'],
  // A chain's failed leg is nothing to tell the vendor of: what its message came to is the transaction's end.
  webengage: ['transaction.ended', 'message.opened', 'message.unsubscribed'],
};

/** How a receiver knows that a call comes from here. */
export type WebhookAuth =
  /** A signature after Standard Webhooks; `secret` is `whsec_` and the key in base64. */
  | { type: 'standard'; secret: string }
  /** Connectly's signature: of the body alone, with the secret as it is written. */
  | { type: 'connectly'; secret: string }
  | { type: 'basic'; username: string; password: string }
  | { type: 'bearer'; token: string }
  | { type: 'none' };

/** A subscription as it stands. */
export interface Webhook {
  accountId: AccountId;
  id: WebhookId;
  url: string;
  /** At least one. */
  events: WebhookEventType[];
  /** Only what is about one of these campaigns; absent: all. */
  campaigns?: CampaignId[];
  /** Only what is about a message on one of these channels; absent: all. */
  channels?: Channel[];
  format: WebhookFormat;
  auth: WebhookAuth;
  /** A disabled one gets no new calls, and those that wait go on waiting, until they are given up. */
  enabled: boolean;
  /** Why it was disabled by itself; null where it was not. */
  disabledReason: string | null;
}

/** What an event is about, as far as subscriptions ask. */
export interface WebhookSubject {
  type: WebhookEventType;
  campaignIds: readonly CampaignId[];
  /** Null: it is about no message (a batch's end), and no filter by channel keeps it out. */
  channels: readonly Channel[] | null;
}

/** True when the webhook is to be told. */
export function wantsToKnow({ events, campaigns, channels, enabled }: Webhook, subject: WebhookSubject): boolean {
  if (!enabled || !events.includes(subject.type)) return false;
  if (campaigns && !subject.campaignIds.some((id) => campaigns.includes(id))) return false;
  return !channels || subject.channels === null || subject.channels.some((channel) => channels.includes(channel));
}
