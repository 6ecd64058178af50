/** What a receipt does (semantics §2, the "receipt" rows): applied only upwards, recorded always. */
import { awaitReceipt } from './answers.ts';
import type { ProviderId } from './ids.ts';
import { hasBegun, isLead } from './leg.ts';
import { end, messageAt, noteMessage } from './step.ts';
import type { Step } from './step.ts';
import { isPositive, rank, stateOfReceipt } from './message.ts';
import type { MessageFacts, ReceiptStatus } from './message.ts';
import type { News } from './transaction.ts';
import { unreachable } from './unreachable.ts';
import type { Instant } from './time.ts';

/** Applies a receipt. It may come before the provider's own answer, twice, or out of order. */
export function takeReceipt(step: Step, news: Extract<News, { kind: 'receipt' }>): void {
  const message = messageAt(step, news.message);
  const before = message.state.name;
  const target = stateOfReceipt(news.status);
  if (message.isHook || before === 'pending' || before === 'skipped') {
    const what = message.isHook ? 'it is a hook' : `the message is ${before}`;
    noteMessage(step, news.message, 'receipt.ignored', `${news.status}, but ${what}`);
    return;
  }
  if (news.provider !== undefined && !isItsReceipt(message.facts, news.status, news.provider)) {
    const detail = `${news.status} by ${news.provider}, but it is with ${message.facts.provider}`;
    return noteMessage(step, news.message, 'receipt.ignored', detail);
  }
  const wasNew = stamp(message.facts, news.status, step.now);
  if (rank(target) <= rank(before)) {
    const detail = wasNew ? `${news.status}, recorded` : `${news.status}, but the message is ${before}`;
    noteMessage(step, news.message, 'receipt.ignored', detail);
    return;
  }
  noteMessage(step, news.message, `receipt.${news.status}`, news.reason);
  if (target === 'accepted' || target === 'sent') {
    if (message.state.name === 'accepted') message.state = { name: 'sent', confirmBy: message.state.confirmBy };
    else awaitReceipt(step, news.message, target);
  } else if (target === 'undelivered') {
    message.facts.reason = news.reason ?? 'undelivered';
    message.state = { name: 'undelivered', reason: message.facts.reason };
  } else message.state = { name: target };
  if (isPositive(news.status)) markLate(step, news.message);
}

/**
 * False for what a provider reports that does not have the message: it went on to another one. Where an answer was lost both
 * may have it; that it arrived is then true whoever says so.
 */
export function isItsReceipt(facts: MessageFacts, status: ReceiptStatus, by: ProviderId): boolean {
  const { provider, answerLost, passed = [] } = facts;
  if (provider === undefined || provider === by) return true;
  return answerLost === true && isPositive(status) && passed.includes(by);
}

/** Software looked at the message: recorded, so that one sees it, and nothing more. */
export function takeMachineReceipt(step: Step, news: Extract<News, { kind: 'machine_receipt' }>): void {
  noteMessage(step, news.message, `machine.${news.status}`, news.reason);
}

/**
 * A positive receipt after the chain had moved on, or after the end, is late; after most ends it turns them (semantics §1).
 * Receipts of a journey's later stages do neither.
 */
function markLate(step: Step, index: number): void {
  const { legs, status, mode } = step.transaction;
  const message = messageAt(step, index);
  if (mode === 'all' || !isLead(step.transaction, message)) return;
  const givenUp = status.name === 'expired' || status.name === 'failed' || status.name === 'unconfirmed';
  const laterStarted = legs.some((_, other) => other > message.leg && hasBegun(step.transaction, other));
  if (givenUp || laterStarted || status.name === 'cancelled') message.facts.late = true;
  if (givenUp) end(step, 'succeeded', true);
}

/** Notes the time of the first receipt of each kind; false when there was one already. */
function stamp(facts: MessageFacts, status: ReceiptStatus, now: Instant): boolean {
  switch (status) {
    case 'accepted':
      return first(facts, 'acceptedAt', now);
    case 'sent':
      return first(facts, 'sentAt', now);
    case 'delivered':
      return first(facts, 'deliveredAt', now);
    case 'read':
      return first(facts, 'readAt', now);
    case 'opened':
      first(facts, 'readAt', now);
      return first(facts, 'openedAt', now);
    case 'clicked':
      first(facts, 'readAt', now);
      return first(facts, 'clickedAt', now);
    case 'unsubscribed':
      first(facts, 'readAt', now);
      return first(facts, 'unsubscribedAt', now);
    case 'undelivered':
      return first(facts, 'failedAt', now);
    default:
      return unreachable(status);
  }
}

type Stamp =
  | 'acceptedAt'
  | 'sentAt'
  | 'deliveredAt'
  | 'readAt'
  | 'openedAt'
  | 'clickedAt'
  | 'unsubscribedAt'
  | 'failedAt';

function first(facts: MessageFacts, at: Stamp, now: Instant): boolean {
  if (facts[at] !== undefined) return false;
  facts[at] = now;
  return true;
}
