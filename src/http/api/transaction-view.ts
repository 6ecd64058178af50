/** A transaction as our API shows it. */
import { messageId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { Leg, TimelineEntry, Transaction } from '#domain/transaction.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';

/** The summary that lists and acceptances show. */
export function transactionSummary({ transaction, request }: StoredTransaction): object {
  const { id, txnId, userId, mode, status, deadline, createdAt, startAt } = transaction;
  return {
    id,
    txnId,
    userId,
    mode,
    state: status.name,
    late: status.name === 'succeeded' && status.late,
    campaignIds: request.campaignIds,
    ttl: request.ttl,
    startAt: isoTime(startAt),
    expiresAt: timeOrNull(deadline),
    createdAt: isoTime(createdAt),
    endedAt: 'endedAt' in status ? isoTime(status.endedAt) : null,
  };
}

/** The whole of it: every leg with its message, and the timeline. */
export function transactionView(stored: StoredTransaction, timeline: TimelineEntry[]): object {
  const { transaction } = stored;
  return {
    ...transactionSummary(stored),
    legs: transaction.legs.map((leg, position) => legView(transaction, leg, position)),
    timeline: timeline.map(({ at, ...entry }) => ({ at: isoTime(at), ...entry })),
  };
}

function legView({ id }: Transaction, { campaignId, campaignVersion, state, facts }: Leg, position: number): object {
  const reason = 'reason' in state ? state.reason : (facts.reason ?? null);
  const wasTriggered = facts.queuedAt !== undefined;
  const message = {
    id: messageId(id, position + 1),
    channel: facts.channel ?? null,
    provider: facts.provider ?? null,
    to: facts.to ?? null,
    state: state.name,
    reason,
    ref: facts.ref ?? null,
    attempts: facts.attempts - (facts.throttles ?? 0),
    late: facts.late ?? false,
    queuedAt: timeOrNull(facts.queuedAt),
    sentAt: timeOrNull(facts.sentAt),
    acceptedAt: timeOrNull(facts.acceptedAt),
    deliveredAt: timeOrNull(facts.deliveredAt),
    failedAt: timeOrNull(facts.failedAt),
    readAt: timeOrNull(facts.readAt),
    openedAt: timeOrNull(facts.openedAt),
    clickedAt: timeOrNull(facts.clickedAt),
  };
  return {
    position,
    campaignId,
    version: campaignVersion,
    state: state.name,
    reason,
    messages: wasTriggered ? [message] : [],
  };
}

function timeOrNull(instant: Instant | null | undefined): string | null {
  return instant === null || instant === undefined ? null : isoTime(instant);
}
