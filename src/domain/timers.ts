/** What time alone brings about (semantics §2, §3, §11), and when it next will. */
import { start, stop } from './chain.ts';
import { chainHasLanded, hasHadTurn, isLead, isWanted } from './leg.ts';
import { endedBadly } from './message.ts';
import { giveUpWaiting, isOpen, isPastDeadline, noteMessage, send } from './step.ts';
import type { Step } from './step.ts';
import type { Message, Transaction } from './transaction.ts';
import type { Instant } from './time.ts';

/**
 * Does what has fallen due; the waits of journeys are looked at after any news. Harmless when nothing has.
 * @param lane the line in which the transaction's turn has come, if it is for that.
 */
export function takeTimer(step: Step, lane?: string): void {
  const { transaction } = step;
  if (transaction.status.name === 'scheduled') {
    if (step.now >= transaction.startAt) start(step);
    return;
  }
  if (isOpen(step) && isPastDeadline(step) && deadlineStopsSomething(transaction)) stop(step, 'ttl_expired');
  transaction.messages.forEach((message, index) => {
    const { state, facts } = message;
    if (isDue(retryTimeOf(message), step.now) || (lane !== undefined && laneIn(message) === lane)) {
      // What has just been given up may have failed its leg, or may be about to end the chain.
      if (!isWanted(transaction, message) || isDue(receiptWindowEnd(transaction), step.now)) return;
      send(step, index);
      if (laneIn({ state }) === null) noteMessage(step, index, 'message.sent_again', `attempt ${facts.attempts}`);
    } else if (
      (state.name === 'accepted' || state.name === 'sent') &&
      isDue(confirmTimeOf(transaction, message), step.now)
    ) {
      giveUpWaiting(step, index);
    }
  });
  if (isOpen(step) && isDue(receiptWindowEnd(transaction), step.now)) {
    for (const index of silentLeads(transaction)) giveUpWaiting(step, index);
    stop(step, 'receipt_window');
  }
}

/** The next instant at which a timer would do something; null: only news from outside can. */
export function dueAt(transaction: Transaction): Instant | null {
  if (transaction.status.name === 'scheduled') return transaction.startAt;
  const times: (Instant | null)[] = transaction.messages.map((message) => confirmTimeOf(transaction, message));
  if (transaction.status.name === 'running') {
    times.push(...transaction.messages.map(retryTimeOf), ...waitsOf(transaction), receiptWindowEnd(transaction));
    if (deadlineStopsSomething(transaction)) times.push(transaction.deadline);
  }
  return times.reduce<Instant | null>((soonest, time) => {
    return time === null || (soonest !== null && soonest <= time) ? soonest : time;
  }, null);
}

function isDue(time: Instant | null, now: Instant): boolean {
  return time !== null && time <= now;
}

/** Something is untriggered, or waits to be sent again. */
function deadlineStopsSomething({ messages, legs }: Transaction): boolean {
  const couldBeSent = (message: Message) =>
    message.state.name === 'pending' || retryTimeOf(message) !== null || laneIn(message) !== null;
  const couldRun = ({ state }: { state: { name: string } }) => state.name === 'pending' || state.name === 'waiting';
  return messages.some(couldBeSent) || legs.some(({ stages }) => stages?.some(couldRun));
}

/** When the waits that journeys are in end. */
function waitsOf({ legs }: Transaction): Instant[] {
  return legs.flatMap(({ stages = [] }) =>
    stages.flatMap(({ state }) => (state.name === 'waiting' ? state.until : [])),
  );
}

/** The line that the transaction stands in, and since when; null: it is in none. One that is in several goes through them one after the other. */
export function standsIn({ status, messages }: Transaction): { lane: string; since: Instant } | null {
  if (status.name !== 'running') return null;
  for (const { state } of messages)
    if (state.name === 'queued' && state.lane !== undefined) return { lane: state.lane, since: state.notBefore };
  return null;
}

function laneIn({ state }: Pick<Message, 'state'>): string | null {
  return state.name === 'queued' ? (state.lane ?? null) : null;
}

function retryTimeOf({ state }: Message): Instant | null {
  if (state.name === 'queued') return state.lane === undefined ? state.notBefore : null;
  return state.name === 'unknown' ? state.retryAt : null;
}

/** A chain's receiptTimeout counts while the chain runs; in `all` it is recorded whenever it comes. */
function confirmTimeOf({ mode, status }: Transaction, { state }: Message): Instant | null {
  if (mode !== 'all' && status.name !== 'running') return null;
  return state.name === 'accepted' || state.name === 'sent' ? state.confirmBy : null;
}

/** When silence without a receiptTimeout ends a delivery chain: never before a TTL that still has legs to stop. */
function receiptWindowEnd(transaction: Transaction): Instant | null {
  const { mode, legs, deadline, receiptWindowMs, messages } = transaction;
  if (mode !== 'fallback_on_delivery_failure') return null;
  const silent = silentLeads(transaction).map((index) => messages[index]!);
  if (silent.length === 0 || silent.some(({ state }) => 'confirmBy' in state && state.confirmBy !== null)) return null;
  const ttlWillEndIt = deadline !== null && legs.some((_, position) => !hasHadTurn(transaction, position));
  if (ttlWillEndIt || chainHasLanded(transaction)) return null;
  return Math.max(...silent.map(({ facts }) => facts.acceptedAt!)) + receiptWindowMs;
}

/** The leads of the current leg that wait for a receipt, when it is for nothing else that the chain waits. */
function silentLeads(transaction: Transaction): number[] {
  const { legs, messages } = transaction;
  const current = legs.findLastIndex((_, position) => hasHadTurn(transaction, position));
  const silent: number[] = [];
  for (const [index, message] of messages.entries()) {
    if (message.leg !== current || !isLead(transaction, message)) continue;
    if (message.state.name === 'accepted' || message.state.name === 'sent') silent.push(index);
    else if (!endedBadly(message.state)) return [];
  }
  return silent;
}
