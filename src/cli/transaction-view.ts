/** A transaction as the API shows it: what is read of it here. Times are ISO-8601. */

/** One message of a leg. */
export interface MessageView {
  channel: string | null;
  provider: string | null;
  to: string | null;
  late: boolean;
  queuedAt: string | null;
  acceptedAt: string | null;
  deliveredAt: string | null;
  failedAt: string | null;
  readAt: string | null;
}

/** One campaign's turn. No messages: it has not been triggered. */
export interface LegView {
  position: number;
  campaignId: string;
  state: string;
  reason: string | null;
  messages: MessageView[];
}

/** What happened, to which leg (null: the transaction), and why. */
export interface EntryView {
  at: string;
  what: string;
  leg: number | null;
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
