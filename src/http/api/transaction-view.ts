/** A transaction as our API shows it. */
import type { Attachment } from '#domain/attachment.ts';
import { messageId } from '#domain/ids.ts';
import type { MessageId } from '#domain/ids.ts';
import { leadsOfLeg, legState } from '#domain/leg.ts';
import type { MessageFacts, MessageState } from '#domain/message.ts';
import { formatDuration, isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { Leg, Message, Stage, TimelineEntry, Transaction } from '#domain/transaction.ts';
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

/** The whole of it: the files of the call, every leg with its messages and, of journeys, its stages; and the timeline. */
export function transactionView(
  stored: StoredTransaction,
  timeline: TimelineEntry[],
  attachments: Attachment[],
): object {
  const { transaction } = stored;
  return {
    ...transactionSummary(stored),
    attachments,
    legs: transaction.legs.map((leg, position) => legView(transaction, leg, position)),
    timeline: timeline.map(({ at, what, leg, message, detail }) => {
      return { at: isoTime(at), what, leg, message: message === null ? null : idOf(transaction, message), detail };
    }),
  };
}

function legView(transaction: Transaction, { campaignId, campaignVersion, stages }: Leg, position: number): object {
  const state = legState(transaction, position);
  const judged = leadsOfLeg(transaction, position).find((message) => message.state === state);
  const parts = transaction.messages.flatMap((message, index) =>
    message.leg === position ? [{ ...message, id: idOf(transaction, index) }] : [],
  );
  return {
    position,
    campaignId,
    version: campaignVersion,
    state: state.name,
    reason: reasonOf(state, judged?.facts),
    messages: parts.filter(({ isHook, facts }) => !isHook && facts.queuedAt !== undefined).map(messageView),
    ...(stages && { stages: stages.map((stage, at) => stageView(stage, at, parts)) }),
  };
}

/** A message or hook, with the id that it has for the outside. */
type Part = Message & { id: MessageId };

function messageView({ id, stage, state, facts }: Part): object {
  return {
    id,
    stage,
    channel: facts.channel ?? null,
    provider: facts.provider ?? null,
    to: facts.to ?? null,
    state: state.name,
    reason: reasonOf(state, facts),
    ref: facts.ref ?? null,
    attempts: attemptsOf(facts),
    late: facts.late ?? false,
    queuedAt: timeOrNull(facts.queuedAt),
    sentAt: timeOrNull(facts.sentAt),
    acceptedAt: timeOrNull(facts.acceptedAt),
    deliveredAt: timeOrNull(facts.deliveredAt),
    failedAt: timeOrNull(facts.failedAt),
    readAt: timeOrNull(facts.readAt),
    openedAt: timeOrNull(facts.openedAt),
    clickedAt: timeOrNull(facts.clickedAt),
    unsubscribedAt: timeOrNull(facts.unsubscribedAt),
  };
}

function stageView({ kind, state, when, ...rest }: Stage, position: number, parts: Part[]): object {
  const hook = parts.find((part) => part.stage === position && part.isHook);
  return {
    position,
    kind,
    state: state.name,
    reason: 'reason' in state ? state.reason : null,
    ...('waitMs' in rest && { wait: formatDuration(rest.waitMs) }),
    until: state.name === 'waiting' ? isoTime(state.until) : null,
    when: when ?? null,
    ...(hook && { hook: hookView(hook) }),
  };
}

function hookView({ id, state, facts }: Part): object {
  return {
    id,
    state: state.name,
    reason: reasonOf(state, facts),
    attempts: attemptsOf(facts),
    queuedAt: timeOrNull(facts.queuedAt),
    acceptedAt: timeOrNull(facts.acceptedAt),
    failedAt: timeOrNull(facts.failedAt),
  };
}

function idOf({ id }: Transaction, index: number): MessageId {
  return messageId(id, index + 1);
}

function reasonOf(state: MessageState, facts: MessageFacts | undefined): string | null {
  return 'reason' in state ? state.reason : (facts?.reason ?? null);
}

function attemptsOf({ attempts, throttles = 0 }: MessageFacts): number {
  return attempts - throttles;
}

function timeOrNull(instant: Instant | null | undefined): string | null {
  return instant === null || instant === undefined ? null : isoTime(instant);
}
