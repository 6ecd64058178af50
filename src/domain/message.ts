/**
 * A message's states (semantics §1) and what a receipt does to them.
 *
 * Each state is a member of {@link MessageState} with its own data; `docs/states.md` has the diagram. What does not
 * decide anything (when it was first accepted, the provider's reference …) is kept beside it, in {@link MessageFacts}.
 */
import { unreachable } from './unreachable.ts';
import type { Channel } from './campaign.ts';
import type { ProviderId } from './ids.ts';
import type { Instant } from './time.ts';

/** Why a message was never handed over. */
export type SkipReason =
  | 'chain_succeeded'
  | 'ttl_expired'
  | 'cancelled'
  | 'campaign_not_running'
  | 'no_address'
  | 'suppressed'
  | 'opted_out'
  | 'quiet_hours'
  | 'condition_false';

/** Where a message is. The members above `rejected` are a way up; a receipt never moves one back. */
export type MessageState =
  /** Not triggered yet: an earlier leg decides. */
  | { name: 'pending' }
  /**
   * Waits until `notBefore`: a retry, or a throttled provider. With `lane` it stands in that line, since `notBefore`, until
   * the pace of its provider or sender lets it go. Only the row waits, no memory.
   */
  | { name: 'queued'; notBefore: Instant; lane?: string }
  /** Intent is stored, the provider is being called. A crash here leaves it for `rescue`, which sends it again. */
  | { name: 'sending'; since: Instant }
  /** Handed over, but the answer was lost. With `retryAt` it goes out again, under the same message id. */
  | { name: 'unknown'; retryAt: Instant | null }
  /** The provider took it. With `confirmBy`, silence until then makes it `unconfirmed`. */
  | { name: 'accepted'; confirmBy: Instant | null }
  /** A receipt says the provider passed it on; that is not yet delivery. */
  | { name: 'sent'; confirmBy: Instant | null }
  | { name: 'delivered' }
  | { name: 'read' }
  /** The provider refused it synchronously, or every attempt failed. */
  | { name: 'rejected'; reason: string }
  /** A receipt said that it never arrived. */
  | { name: 'undelivered'; reason: string }
  /** No receipt in time. A positive one may still come, and counts. */
  | { name: 'unconfirmed' }
  /** Never handed over, and never will be. */
  | { name: 'skipped'; reason: SkipReason };

/** The word for a message's state. */
export type MessageStateName = MessageState['name'];

/** What is remembered of a message beside its state. Instants are of the first time. */
export interface MessageFacts {
  /** Handovers so far, the one under way included. Numbers the attempts: no two have the same number. */
  attempts: number;
  /** Of these, resends after a crash. */
  rescues?: number;
  /** Of these, the ones that the provider or its pace put off and that waited. */
  throttles?: number;
  /** Of these, the ones that were refused and followed by one at another provider. */
  failovers?: number;
  /** An attempt's answer was lost: the provider may have the message. */
  answerLost?: true;
  /** The providers that certainly do not have it, since it was first asked for or last waited for a retry. */
  passed?: ProviderId[];
  /** The provider it goes to instead of them. */
  via?: ProviderId;
  channel?: Channel;
  provider?: ProviderId;
  /** Whether that one reports delivery; absent where the message has no other. */
  receipts?: 'none' | 'callback';
  to?: string;
  /** Since when its provider has been asking to slow down; unset once it took the message. */
  throttledSince?: Instant;
  /** The provider's own reference. */
  ref?: string;
  /** A positive receipt came after a later leg had started, or after the transaction had ended. */
  late?: true;
  /** The last provider's or receipt's word for what went wrong. */
  reason?: string;
  queuedAt?: Instant;
  sentAt?: Instant;
  acceptedAt?: Instant;
  deliveredAt?: Instant;
  failedAt?: Instant;
  readAt?: Instant;
  clickedAt?: Instant;
  openedAt?: Instant;
  unsubscribedAt?: Instant;
}

/** What a receipt can say. `opened`, `clicked` and `unsubscribed` are timestamps, not states; each implies `read`. */
export const RECEIPT_STATUSES = [
  'accepted',
  'sent',
  'delivered',
  'read',
  'opened',
  'clicked',
  'unsubscribed',
  'undelivered',
] as const;
/** One of {@link RECEIPT_STATUSES}. */
export type ReceiptStatus = (typeof RECEIPT_STATUSES)[number];

/** The state a receipt speaks of. */
export function stateOfReceipt(status: ReceiptStatus): 'accepted' | 'sent' | 'delivered' | 'read' | 'undelivered' {
  return status === 'opened' || status === 'clicked' || status === 'unsubscribed' ? 'read' : status;
}

/** True for the receipts that end a chain well (semantics §2). */
export function isPositive(status: ReceiptStatus): boolean {
  const state = stateOfReceipt(status);
  return state === 'delivered' || state === 'read';
}

/** The order of the states; a receipt is applied only where it leads up. */
export function rank(state: MessageStateName): number {
  switch (state) {
    case 'pending':
      return 0;
    case 'queued':
    case 'sending':
    case 'unknown':
      return 1;
    case 'accepted':
      return 2;
    case 'sent':
      return 3;
    case 'rejected':
    case 'unconfirmed':
      return 4;
    case 'undelivered':
      return 5;
    case 'delivered':
      return 6;
    case 'read':
      return 7;
    case 'skipped':
      // Nothing was handed over: a receipt for it is somebody's mistake, recorded and not applied.
      return 8;
    default:
      return unreachable(state);
  }
}

/** Attempts that count against the retry policy: neither resends after a crash nor throttled ones do, nor do failovers. */
export function attemptsUsed({ attempts, rescues = 0, throttles = 0, failovers = 0 }: MessageFacts): number {
  return attempts - rescues - throttles - failovers;
}

/** True when an attempt that is over may have reached the provider: the message can no longer be `skipped`. */
export function wasHandedOver(state: MessageState, { attempts, throttles = 0 }: MessageFacts): boolean {
  return attempts - throttles > (state.name === 'sending' ? 1 : 0);
}

/** True when the message will not be handed over (again) and no answer to a handover is awaited. */
export function isSettled(state: MessageState): boolean {
  switch (state.name) {
    case 'pending':
    case 'queued':
    case 'sending':
      return false;
    case 'unknown':
      return state.retryAt === null;
    case 'accepted':
    case 'sent':
    case 'delivered':
    case 'read':
    case 'rejected':
    case 'undelivered':
    case 'unconfirmed':
    case 'skipped':
      return true;
    default:
      return unreachable(state);
  }
}

/** True for the ends that hand a chain to its next leg (semantics §1, "ends badly", and a lost answer that stays lost). */
export function endedBadly(state: MessageState): boolean {
  switch (state.name) {
    case 'rejected':
    case 'undelivered':
    case 'unconfirmed':
    case 'skipped':
      return true;
    case 'unknown':
      return state.retryAt === null;
    case 'pending':
    case 'queued':
    case 'sending':
    case 'accepted':
    case 'sent':
    case 'delivered':
    case 'read':
      return false;
    default:
      return unreachable(state);
  }
}
