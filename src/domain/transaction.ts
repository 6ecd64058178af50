/**
 * The transaction and its one function.
 *
 * A transaction is one trigger for one user: an ordered list of campaigns (its legs), a mode and an optional TTL. What
 * happens next is decided by {@link advance} alone: a pure function of what is known. The engine stores what it
 * answers, then does the effects; after a crash it may ask again and gets the same answer.
 *
 *     scheduled ──startAt──▶ running ──▶ completed                       (mode all)
 *         │                     ├──────▶ succeeded                       (fallback modes)
 *         │                     ├──────▶ failed · expired · unconfirmed ──positive receipt──▶ succeeded (late)
 *         └──────cancel─────────┴──────▶ cancelled
 */
import { takeAccepted, takePaced, takeRejected, takeSkipped, takeThrottled, takeUnknown } from './answers.ts';
import { proceed, rescue, start, stop } from './chain.ts';
import { takeMachineReceipt, takeReceipt } from './receipts.ts';
import { begin, finish, noteHandover } from './step.ts';
import { takeTimer } from './timers.ts';
import { unreachable } from './unreachable.ts';
import type { Channel, RetryPolicy, When } from './campaign.ts';
import type { AccountId, CampaignId, ProviderId, TransactionId, UserId } from './ids.ts';
import type { MessageFacts, MessageState, ReceiptStatus, SkipReason } from './message.ts';
import type { Instant } from './time.ts';

export const MODES = ['all', 'fallback_on_attempt_failure', 'fallback_on_delivery_failure'] as const;
/** When the next leg starts (semantics §2). */
export type Mode = (typeof MODES)[number];

/** What a message's campaign and provider say about its sending; pinned at acceptance. Absent means the default. */
export interface MessagePolicy {
  retry?: RetryPolicy;
  receiptTimeoutMs?: number;
  /** At most once: a lost answer is never followed by another send (semantics §10). */
  onUnknown?: 'leave';
  /** The provider cannot report delivery (semantics §2). */
  receipts?: 'none';
}

/**
 * One handover of a leg: a message, or the HTTP call of a hook, which is retried and rescued like one. Its index in
 * `messages` never changes and makes its id.
 */
export interface Message {
  /** The position of its leg, and of its stage in there. */
  leg: number;
  stage: number;
  isHook?: true;
  policy: MessagePolicy;
  state: MessageState;
  facts: MessageFacts;
}

/** Where a stage of a journey is. */
export type StageState =
  /** Its turn has not come. */
  | { name: 'pending' }
  /** Its messages or its hook are on their way. A crash here is a crash of theirs. */
  | { name: 'running' }
  /** A wait. Only the row waits, no memory. */
  | { name: 'waiting'; until: Instant }
  /** Each of its messages has been attempted or skipped, its hook called, its time waited. */
  | { name: 'done' }
  /** It will not run, or not be waited for any longer. */
  | { name: 'skipped'; reason: SkipReason };

/** One step of a leg's journey, pinned at acceptance (semantics §12). */
export type Stage = { when?: When; state: StageState } & (
  | { kind: 'message' }
  | { kind: 'hook' }
  | { kind: 'wait'; waitMs: number }
);

/** One campaign's turn. Its position is its index in `legs`; the order never changes. */
export interface Leg {
  campaignId: CampaignId;
  campaignVersion: number;
  /** The campaign's stages; absent where it has a single one, all of the leg's messages. */
  stages?: Stage[];
  /** The chain has succeeded with this leg; what is left of its journey goes on. */
  hasLanded?: true;
}

export const END_NAMES = ['completed', 'succeeded', 'failed', 'expired', 'unconfirmed', 'cancelled'] as const;
/** The name of a transaction's end. */
export type EndName = (typeof END_NAMES)[number];

/** Where a transaction is (semantics §1). After an end nothing more is sent. */
export type TransactionStatus =
  /** `startAt` is in the future; nothing has been triggered. */
  | { name: 'scheduled' }
  /** At least one leg may still be triggered, retried or confirmed. A crash here leaves it for timers and rescue. */
  | { name: 'running' }
  /** Mode all: every leg has been attempted or skipped. */
  | { name: 'completed'; endedAt: Instant }
  /** The chain landed. `late`: a positive receipt came after it had already been given up. */
  | { name: 'succeeded'; endedAt: Instant; late: boolean }
  /** The last leg ended badly. */
  | { name: 'failed'; endedAt: Instant }
  /** The TTL passed while legs were untriggered. */
  | { name: 'expired'; endedAt: Instant }
  /** The last word is silence: nobody knows whether it arrived. */
  | { name: 'unconfirmed'; endedAt: Instant }
  /** Somebody called it off. */
  | { name: 'cancelled'; endedAt: Instant };

/** One trigger for one user, with everything that decides what happens next. */
export interface Transaction {
  id: TransactionId;
  accountId: AccountId;
  txnId: string;
  userId: UserId;
  mode: Mode;
  createdAt: Instant;
  startAt: Instant;
  /** startAt + TTL: no leg is triggered at or after it. Null: no TTL was given. */
  deadline: Instant | null;
  /** How long silence is waited for where neither TTL nor receiptTimeout ends it, in ms (default 72 h). */
  receiptWindowMs: number;
  /** How long a fallback leg waits for a throttled provider, in ms (default 5 s). */
  throttleWaitMs: number;
  /** Whether an event and a profile upsert were asked for, and whether they have been emitted (semantics §5). */
  tracksEvent: boolean;
  updatesProfile: boolean;
  initialProcessing: 'due' | 'done';
  status: TransactionStatus;
  legs: Leg[];
  /** Of all legs, in the order of their legs and stages. */
  messages: Message[];
}

/** To whom and through whom a message went; known when the engine tries to hand it over. */
export interface Handover {
  channel: Channel;
  provider: ProviderId;
  to: string;
  /** Whether the provider reports delivery; said where the message has several. */
  receipts?: 'none' | 'callback';
  /** When the call began; null: it was refused before there was one. */
  at: Instant | null;
}

/** Another provider that may take a message which this one certainly did not take (semantics §2, "Failover"). */
export interface Failover {
  from: ProviderId;
  to: ProviderId;
}

/** Something that happened. `message` is an index in `messages`. An answer names the attempt it
 * answers, so that one from a past attempt is recognised. */
export type News =
  /** Its time has come (at acceptance, unless scheduled). */
  | { kind: 'started' }
  | { kind: 'accepted'; message: number; attempt: number; ref: string | null; handover?: Handover }
  /** The provider refused. `retryable`: what failed may pass (connection not made, 5xx). */
  | {
      kind: 'rejected';
      message: number;
      attempt: number;
      reason: string;
      retryable: boolean;
      failover?: Failover;
      handover?: Handover;
    }
  /** The provider asked to slow down; or, with `isBroken`, is not asked for so long, because it has been failing. */
  | {
      kind: 'throttled';
      message: number;
      attempt: number;
      retryAfterMs: number;
      isBroken?: true;
      failover?: Failover;
      handover?: Handover;
    }
  /** It was not handed over: others are before it in this line, as the pace of its provider or sender wants it. */
  | { kind: 'paced'; message: number; attempt: number; lane: string; handover?: Handover }
  /** The answer was lost: timeout, or the connection broke mid-call. */
  | { kind: 'unknown'; message: number; attempt: number; reason: string; handover?: Handover }
  /** It was not handed over, for this reason. */
  | { kind: 'skipped'; message: number; attempt: number; reason: SkipReason }
  /** `provider`: who reports it; absent: it is beyond doubt. */
  | { kind: 'receipt'; message: number; status: ReceiptStatus; reason: string | null; provider?: ProviderId }
  /** Software opened or clicked, not the user: a link scanner, a preview. Recorded, and nothing else. */
  | { kind: 'machine_receipt'; message: number; status: 'opened' | 'clicked'; reason: string }
  /**
   * A timer fired, on time, late or for nothing: the same answer as if nothing had been missed.
   * `lane`: the transaction's turn in this line has come.
   */
  | { kind: 'timer'; lane?: string }
  | { kind: 'cancelled' }
  /** The node that was sending died before it recorded an answer. */
  | { kind: 'rescued' };

/** What the engine must do. `track` and `upsert` before the new state is stored (idempotent by transaction id), `send` after. */
export type Effect = { kind: 'send'; message: number } | { kind: 'track' } | { kind: 'upsert' } | { kind: 'end' };

/** One line of the timeline: what happened, to which leg and message (null: the transaction, the leg), and why. */
export interface TimelineEntry {
  at: Instant;
  what: string;
  leg: number | null;
  message: number | null;
  detail: string | null;
}

/** The answer of {@link advance}. `changed` is false when the news changed nothing and nothing needs storing. */
export interface Advance {
  transaction: Transaction;
  effects: Effect[];
  entries: TimelineEntry[];
  changed: boolean;
}

/** What happens next. Same arguments, same answer: after a crash the engine may ask again. The argument is not changed. */
export function advance(transaction: Transaction, news: News, now: Instant): Advance {
  const step = begin(transaction, now);
  if ('handover' in news) noteHandover(step, news);
  switch (news.kind) {
    case 'started':
      start(step);
      break;
    case 'accepted':
      takeAccepted(step, news);
      break;
    case 'rejected':
      takeRejected(step, news);
      break;
    case 'throttled':
      takeThrottled(step, news);
      break;
    case 'paced':
      takePaced(step, news);
      break;
    case 'unknown':
      takeUnknown(step, news);
      break;
    case 'skipped':
      takeSkipped(step, news);
      break;
    case 'receipt':
      takeReceipt(step, news);
      break;
    case 'machine_receipt':
      takeMachineReceipt(step, news);
      break;
    case 'timer':
      takeTimer(step, news.lane);
      break;
    case 'cancelled':
      stop(step, 'cancelled');
      break;
    case 'rescued':
      rescue(step);
      break;
    default:
      unreachable(news);
  }
  proceed(step);
  return finish(step);
}

/** True once the transaction has an end state. */
export function hasEnded(transaction: Transaction): boolean {
  return transaction.status.name !== 'scheduled' && transaction.status.name !== 'running';
}

/** True while an answer from a provider is awaited: the row is then leased to the node that waits. */
export function isSending(transaction: Transaction): boolean {
  return transaction.messages.some(({ state }) => state.name === 'sending');
}
