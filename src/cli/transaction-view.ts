/** A transaction as the API shows it: what is read of it here. Times are ISO-8601. */

/** What is told of a message and of a hook. */
export interface PartView {
  /** The message id by which the timeline names it. */
  id: string;
  state: string;
  reason: string | null;
  attempts: number;
  queuedAt: string | null;
  acceptedAt: string | null;
  failedAt: string | null;
}

/** One message of a leg. */
export interface MessageView extends PartView {
  /** The position of its stage. */
  stage: number;
  channel: string | null;
  provider: string | null;
  to: string | null;
  late: boolean;
  deliveredAt: string | null;
  readAt: string | null;
}

/** One stage of a journey. */
export interface StageView {
  position: number;
  kind: 'message' | 'wait' | 'hook';
  state: string;
  reason: string | null;
  /** How long it waits: `10m`. */
  wait?: string;
  /** Until when, while it waits. */
  until: string | null;
  hook?: PartView;
}

/** One campaign's turn. No messages: it has not been triggered. */
export interface LegView {
  position: number;
  campaignId: string;
  state: string;
  reason: string | null;
  messages: MessageView[];
  /** Of journeys. */
  stages?: StageView[];
}

/** What happened, to which leg and message (null: the transaction, the leg), and why. */
export interface EntryView {
  at: string;
  what: string;
  leg: number | null;
  message: string | null;
  detail: string | null;
}

/** `GET /v1/transactions/{id}`. */
export interface TransactionView {
  id: string;
  txnId: string;
  userId: string;
  mode: string;
  state: string;
  late: boolean;
  ttl: number | null;
  startAt: string;
  expiresAt: string | null;
  createdAt: string;
  endedAt: string | null;
  legs: LegView[];
  timeline: EntryView[];
}

/** True once nothing more is sent. */
export function hasEnded({ state }: Pick<TransactionView, 'state'>): boolean {
  return state !== 'scheduled' && state !== 'running';
}

/** True for the ends that an operator wanted. */
export function endedWell({ state }: Pick<TransactionView, 'state'>): boolean {
  return state === 'succeeded' || state === 'completed';
}

/** True for a leg that is drawn in several lines: a journey, or one with messages on several channels. */
export function hasParts({ messages, stages }: LegView): boolean {
  return stages !== undefined || messages.length > 1;
}
