/**
 * A campaign: prebuilt, versioned messages (semantics §0), in one stage or several (§12).
 *
 *     draft ──start──▶ running ──pause──▶ paused
 *                        ▲ │ ◀──start───────┘ │
 *                        │ └──────end──▶ ended ◀┘
 *
 * A version never changes once it has run: changed content makes the next version. Transactions pin the version that
 * was current when they were accepted; whether the campaign still runs is asked when a leg is triggered (§11).
 */
import { unreachable } from './unreachable.ts';
import type { Attachment } from './attachment.ts';
import type { AccountId, CampaignId, ProviderId } from './ids.ts';
import type { JsonObject } from './request.ts';

export const CHANNELS = ['sms', 'email', 'whatsapp', 'push', 'web_push', 'rcs', 'voice', 'webhook'] as const;
/** The way a message reaches a user. */
export type Channel = (typeof CHANNELS)[number];

/** True where messages go from one phone number to another. */
export function isPhoneChannel(channel: Channel): boolean {
  return channel === 'sms' || channel === 'whatsapp' || channel === 'rcs' || channel === 'voice';
}

/** True where messages go to devices. */
export function isPushChannel(channel: Channel): boolean {
  return channel === 'push' || channel === 'web_push';
}

export const CAMPAIGN_STATES = ['draft', 'running', 'paused', 'ended'] as const;
/** Where a campaign is in its life; only a `running` one may be triggered. */
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/** How a send that may be repeated is repeated (semantics §2): `attempts` in all, `backoffMs[i]` before attempt i + 2. */
export interface RetryPolicy {
  attempts: number;
  backoffMs: number[];
}

/** The retry policy of a campaign or provider that names none (semantics §2). */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, backoffMs: [500, 2_000, 8_000] };

/** What a message says about one of its providers (semantics §2, "Failover"). */
export interface ProviderRoute {
  /** Its share of the messages, as a whole number, among those that have one; 0: it only stands in for others. */
  weight?: number;
  /** It takes numbers that begin so (`+91`), and those of its countries; where it has neither, all. */
  prefixes?: string[];
  /** ISO 3166, two letters. */
  countries?: string[];
}

/** One message for one channel. Texts are templates. */
export interface MessageContent {
  channel: Channel;
  /** In the order of preference; at least one. */
  providers: ProviderId[];
  /** Of those about which more is said than their place. */
  routes?: Record<ProviderId, ProviderRoute>;
  from?: string;
  /** Every channel's text. */
  body?: string;
  subject?: string;
  html?: string;
  replyTo?: string;
  title?: string;
  image?: string;
  url?: string;
  data?: Record<string, string>;
  template?: { name: string; language?: string; variables?: string[] };
  /** Files of every e-mail; other channels have none. */
  attachments?: Attachment[];
  receiptTimeoutMs?: number;
  /** It cannot wait for the morning: quiet hours do not hold it back. What the user refused stays refused. */
  critical?: true;
  retry?: RetryPolicy;
  /** After a crash: send again with the same message id (the default), or leave it `unknown` (semantics §10). */
  onUnknown?: 'resend' | 'leave';
  /** What is not to be tracked; absent: clicks and opens are, and e-mail can be unsubscribed from. */
  tracking?: { clicks?: false; opens?: false; unsubscribe?: false };
}

/** The texts that one call may replace for its own messages. */
export type MessageTexts = Pick<
  MessageContent,
  'from' | 'body' | 'subject' | 'html' | 'replyTo' | 'title' | 'image' | 'url' | 'data'
>;

export const CONDITIONS = ['delivered', 'not delivered', 'clicked', 'not clicked'] as const;
/** What a stage may ask of an earlier one when its turn comes (semantics §12). */
export type Condition = (typeof CONDITIONS)[number];

/** A condition, and the position of the earlier message stage that it is about. */
export interface When {
  stage: number;
  is: Condition;
}

/** An HTTP call of a journey. */
export interface HookContent {
  /** `method`, `url`, `headers`, `timeout` and one of `json`, `form` and `body`, as an `http` provider's request. */
  request: JsonObject;
  retry?: RetryPolicy;
}

/** One step of a journey. `id`: by which later stages may name it. */
export type StageContent = { id?: string; when?: When } &
  /** Messages on different channels, sent at once. */
  (
    | { kind: 'message'; messages: MessageContent[] }
    | { kind: 'wait'; waitMs: number }
    | { kind: 'hook'; hook: HookContent }
  );

/** What a version says: one message, or stages. */
export type CampaignContent = MessageContent | { stages: StageContent[] };

/** Every content as stages: one message is a single stage. */
export function stagesOf(content: CampaignContent): StageContent[] {
  return 'stages' in content ? content.stages : [{ kind: 'message', messages: [content] }];
}

/** All messages of a content, over all its stages. */
export function messagesOf(content: CampaignContent): MessageContent[] {
  return stagesOf(content).flatMap((stage) => (stage.kind === 'message' ? stage.messages : []));
}

/** A campaign as it stands: its current version and its state. */
export interface Campaign {
  accountId: AccountId;
  id: CampaignId;
  name: string;
  state: CampaignState;
  /** The tracked event by which it starts by itself, for the event's user; absent: only a request starts it. */
  on?: { event: string };
  /** 1, 2, 3…; of the current content. */
  version: number;
  content: CampaignContent;
}

/** What an operator can do to a campaign's state. */
export type CampaignVerb = 'start' | 'pause' | 'end';

/** The state after the verb; null where the life cycle has no such step. Repeating a verb is allowed and changes nothing. */
export function afterVerb(state: CampaignState, verb: CampaignVerb): CampaignState | null {
  switch (verb) {
    case 'start':
      return state === 'ended' ? null : 'running';
    case 'pause':
      return state === 'running' || state === 'paused' ? 'paused' : null;
    case 'end':
      return 'ended';
    default:
      return unreachable(verb);
  }
}

/** Whether one state may follow another when a manifest or PUT names it outright. */
export function mayBecome(from: CampaignState, to: CampaignState): boolean {
  if (from === to) return true;
  if (from === 'ended') return false;
  return to !== 'draft';
}
