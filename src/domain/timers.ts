/** What time alone brings about (semantics §2, §3, §11), and when it next will. */
import { start, stop } from './chain.ts';
import { giveUpWaiting, isOpen, isPastDeadline, note, send } from './step.ts';
import type { Step } from './step.ts';
import type { Leg, Transaction } from './transaction.ts';
import type { Instant } from './time.ts';

/** Does what has fallen due. Harmless when nothing has. */
export function takeTimer(step: Step): void {
  const { transaction } = step;
  if (transaction.status.name === 'scheduled') {
    if (step.now >= transaction.startAt) start(step);
    return;
  }
  if (isOpen(step) && isPastDeadline(step) && transaction.legs.some(couldStillBeSent)) stop(step, 'ttl_expired');
  transaction.legs.forEach((leg, position) => {
    const { state } = leg;
    if (isOpen(step) && isDue(retryTimeOf(leg), step.now)) {
      send(step, position);
      note(step, 'message.sent_again', position, `attempt ${leg.facts.attempts}`);
    } else if (
      (state.name === 'accepted' || state.name === 'sent') &&
      isDue(confirmTimeOf(transaction, leg), step.now)
    ) {
      giveUpWaiting(step, position);
    }
  });
  if (isOpen(step) && isDue(receiptWindowEnd(transaction), step.now)) {
    const position = transaction.legs.findLastIndex((leg) => leg.state.name !== 'pending');
    giveUpWaiting(step, position);
    stop(step, 'receipt_window');
  }
}

/** The next instant at which {@link takeTimer} would do something; null: only news from outside can. */
export function dueAt(transaction: Transaction): Instant | null {
  if (transaction.status.name === 'scheduled') return transaction.startAt;
  const isRunning = transaction.status.name === 'running';
  const times: (Instant | null)[] = transaction.legs.map((leg) => confirmTimeOf(transaction, leg));
  if (isRunning) {
    times.push(...transaction.legs.map(retryTimeOf), receiptWindowEnd(transaction));
    if (transaction.legs.some(couldStillBeSent)) times.push(transaction.deadline);
  }
  return times.reduce<Instant | null>((soonest, time) => {
    return time === null || (soonest !== null && soonest <= time) ? soonest : time;
  }, null);
}

function isDue(time: Instant | null, now: Instant): boolean {
  return time !== null && time <= now;
}

/** Untriggered, or waiting to be sent again: what the deadline can stop. */
function couldStillBeSent(leg: Leg): boolean {
  return leg.state.name === 'pending' || leg.state.name === 'queued' || retryTimeOf(leg) !== null;
}

function retryTimeOf({ state }: Leg): Instant | null {
  if (state.name === 'queued') return state.notBefore;
  return state.name === 'unknown' ? state.retryAt : null;
}

/** A chain's receiptTimeout counts while the chain runs; in `all` it is recorded whenever it comes. */
function confirmTimeOf({ mode, status }: Transaction, { state }: Leg): Instant | null {
  if (mode !== 'all' && status.name !== 'running') return null;
  return state.name === 'accepted' || state.name === 'sent' ? state.confirmBy : null;
}

/** When silence without a receiptTimeout ends a delivery chain: never before a TTL that still has legs to stop. */
function receiptWindowEnd(transaction: Transaction): Instant | null {
  if (transaction.mode !== 'fallback_on_delivery_failure') return null;
  const current = transaction.legs.findLast((leg) => leg.state.name !== 'pending');
  if (!current || (current.state.name !== 'accepted' && current.state.name !== 'sent')) return null;
  if (current.state.confirmBy !== null || current.facts.acceptedAt === undefined) return null;
  const ttlWillEndIt = transaction.deadline !== null && transaction.legs.some((leg) => leg.state.name === 'pending');
  return ttlWillEndIt ? null : current.facts.acceptedAt + transaction.receiptWindowMs;
}
