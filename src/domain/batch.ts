/**
 * A batch: the transactions made from one request with many recipients (semantics §0).
 *
 *     running ⇄ paused
 *        │  │     │
 *        │  └─────┴──▶ cancelled   nothing more is made, and what was made is cancelled
 *        └──▶ ended                every recipient has been looked at, and every transaction has ended
 *
 * Before its `startAt` a running batch is shown as scheduled.
 */
import type { Attachment } from './attachment.ts';
import type { AccountId, BatchId, CampaignId, TransactionId, UserId } from './ids.ts';
import { isEmailAddress } from './profile.ts';
import { ID_LENGTH_MAX, NOTHING_MORE } from './request.ts';
import type { JsonObject, Overrides, TransactionRequest } from './request.ts';
import type { Mode } from './transaction.ts';
import type { Instant } from './time.ts';

export const TARGET_KINDS = ['user_id', 'email', 'phone', 'internal_id', 'internal_or_user_id'] as const;
/**
 * What a batch names its recipients by. `internal_id`: the number a profile was imported with. `internal_or_user_id`: that,
 * and where nobody has it, the user id.
 */
export type TargetKind = (typeof TARGET_KINDS)[number];

export const UNKNOWN_USERS = ['skip', 'create', 'send'] as const;
/** What becomes of a recipient without a profile: reported as `unknown_user`; created; or sent to all the same. */
export type UnknownUsers = (typeof UNKNOWN_USERS)[number];

/** What all recipients of a batch share. Stored once, not with every transaction. */
export interface BatchRequest {
  campaignIds: CampaignId[];
  mode: Mode;
  /** Seconds, counted from the batch's acceptance or its `startAt`; null: no deadline (semantics §3). */
  ttl: number | null;
  /** Null: now. */
  startAt: Instant | null;
  params: JsonObject;
  overrides: Overrides | null;
  reference: string | null;
  targetKind: TargetKind;
  unknownUsers: UnknownUsers;
  /** Files for the e-mails of all recipients. Absent: none. */
  attachments?: Attachment[];
  /** What is tracked for its transactions starts no campaign. Absent: it does. */
  skipTriggers?: boolean;
}

/** One entry of a batch. What is absent was not given. */
export interface Recipient {
  /** Of the batch's {@link TargetKind}. */
  target: string;
  /** His own parameters; they win over the batch's (semantics §8). */
  params?: JsonObject;
  /** Where to send, instead of the profile's. With `unknownUsers: 'create'` the profile gets it, too. */
  email?: string;
  phone?: string;
  /** The token that his pushes go to, instead of the profile's devices. */
  device?: string;
  /** The number that his messages are from, instead of the campaign's: see `TransactionRequest.from`. */
  from?: string;
  /** Until then his transaction waits: it is made in his turn, and scheduled. Absent, or before the batch's: it begins with that. */
  startAt?: Instant;
  /** Per channel, for the profile; only with `unknownUsers: 'create'`. */
  consents?: Record<string, boolean>;
  /** What is wrong with the row of the file that he came in: he is refused as `bad_row`. Absent: nothing. */
  fault?: string;
}

/** Where a batch is. */
export type BatchState = 'running' | 'paused' | 'ended' | 'cancelled';
/** What a batch can be told. */
export type BatchVerb = 'pause' | 'resume' | 'cancel';

/** A batch as it stands. */
export interface Batch {
  accountId: AccountId;
  id: BatchId;
  createdAt: Instant;
  request: BatchRequest;
  /** The campaigns' versions, pinned at acceptance. */
  campaignVersions: number[];
  /** Recipients. Of a file: all of its rows, the bad ones, too. */
  total: number;
  /** Rows of its file that could not be read, each refused as `bad_row`. Absent: none. */
  badRows?: number;
  state: BatchState;
  /** When the last of its transactions had ended; null: some have not, or are still to be made. */
  endedAt: Instant | null;
}

/** Why a recipient has no transaction. */
export type RecipientRefusal =
  /** His row of the file cannot be read; {@link Recipient.fault} says why. */
  | 'bad_row'
  /** Nobody has the target, and the batch says `skip`. */
  | 'unknown_user'
  /** The batch's TTL had passed before his turn came. */
  | 'ttl_expired'
  /** The campaigns or their versions are gone, or what was made of him cannot be a transaction. */
  | 'invalid';

/** What a batch has come to: how many recipients wait, have no transaction, or have one in each state. */
export interface BatchCounts {
  total: number;
  waiting: number;
  refused: number;
  running: number;
  completed: number;
  succeeded: number;
  failed: number;
  expired: number;
  unconfirmed: number;
  /** Their transactions were cancelled, or the batch was before they had one. */
  cancelled: number;
}

/** What became of one recipient. */
export interface RecipientResult {
  /** His place in the request, from 0. */
  index: number;
  target: string;
  /** Null: not known (yet). */
  userId: UserId | null;
  /** `waiting`, `refused`, `forgotten` (past its retention), or the transaction's. */
  result: string;
  reason: string | null;
  /** With `bad_row`: in which line, and what to do about it. */
  detail?: string;
  transactionId: TransactionId | null;
}

/** Recipients of one call. */
export const RECIPIENTS_MAX = 100_000;
/** Rows of one file. */
export const FILE_ROWS_MAX = 10_000_000;
/** Characters of JSON that the shared `params` and `overrides` of a batch may have together. */
export const SHARED_LENGTH_MAX = 131_072;
/** Characters of JSON that one recipient may have. */
export const RECIPIENT_LENGTH_MAX = 16_384;
/** Characters of a target that is an e-mail address; the other kinds have those of a user id. */
export const EMAIL_TARGET_LENGTH_MAX = 254;

/** The first rule that what the recipients share breaks, in words for its sender; null when it may be accepted. */
export function faultOfBatch(request: BatchRequest, recipients: number): string | null {
  if (recipients === 0) return 'recipients is empty: name at least one';
  if (recipients > RECIPIENTS_MAX) {
    return `there are ${recipients} recipients; at most ${RECIPIENTS_MAX} are allowed in one call: send the others in further calls, or all of them as a file`;
  }
  return faultOfShared(request);
}

/** The first rule that what the recipients share breaks, however many they are; null when it may be accepted. */
export function faultOfShared({ params, overrides }: BatchRequest): string | null {
  const length = JSON.stringify(params).length + JSON.stringify(overrides).length;
  if (length > SHARED_LENGTH_MAX) {
    return `params has ${length} characters of JSON; at most ${SHARED_LENGTH_MAX} are allowed`;
  }
  return null;
}

/**
 * The first rule that a recipient breaks, in words for its sender; null when he may be accepted.
 * @param length the characters of the recipient as JSON.
 */
export function faultOfRecipient({ target, email }: Recipient, length: number, kind: TargetKind): string | null {
  const targetMax = kind === 'email' ? EMAIL_TARGET_LENGTH_MAX : ID_LENGTH_MAX;
  if (target.length === 0 || target.length > targetMax) return `its target must have 1 to ${targetMax} characters`;
  if (email !== undefined && !isEmailAddress(email)) return 'its email is not an e-mail address';
  if (length > RECIPIENT_LENGTH_MAX) {
    return `it has ${length} characters of JSON; at most ${RECIPIENT_LENGTH_MAX} are allowed: put what all share into params`;
  }
  return null;
}

/** When the transactions of the batch begin: its `startAt`, or its acceptance. */
export function startOf({ createdAt, request }: Pick<Batch, 'createdAt' | 'request'>): Instant {
  return Math.max(request.startAt ?? createdAt, createdAt);
}

/**
 * The request of a recipient's transaction. The same for whoever asks, whenever: a page that is done again after a crash
 * finds its txnIds taken. `params` and `overrides` stay with the batch.
 * @returns null when the batch's TTL is over by now.
 */
export function memberRequest(
  batch: Pick<Batch, 'id' | 'createdAt' | 'request'>,
  index: number,
  userId: UserId,
  { params, email, phone, device, from, startAt }: Recipient,
  now: Instant,
): TransactionRequest | null {
  const { campaignIds, mode, ttl, reference, skipTriggers = false } = batch.request;
  const begin = Math.max(startOf(batch), startAt ?? 0);
  const leftMs = ttl === null ? null : begin + ttl * 1_000 - Math.max(begin, now);
  if (leftMs !== null && leftMs <= 0) return null;
  return {
    ...NOTHING_MORE,
    campaignIds,
    mode,
    userId,
    txnId: memberTxnId(batch.id, index),
    ttl: leftMs === null ? null : Math.ceil(leftMs / 1_000),
    startAt: startAt !== undefined && startAt > now ? startAt : null,
    recipientParams: params ?? NOTHING_MORE.recipientParams,
    from: from ?? null,
    reference,
    batch: { id: batch.id, index },
    email: email ?? null,
    phone: phone ?? null,
    ...(device !== undefined && { device }),
    skipTriggers,
  };
}

/** The txnId of a recipient's transaction. */
export function memberTxnId(id: BatchId, index: number): string {
  return `${id}:${index}`;
}
