/** What a receipt does (semantics §2, the "receipt" rows): applied only upwards, recorded always. */
import { awaitReceipt } from './answers.ts';
import { end, legAt, note } from './step.ts';
import type { Step } from './step.ts';
import { isPositive, rank, stateOfReceipt } from './message.ts';
import type { MessageFacts, ReceiptStatus } from './message.ts';
import type { News } from './transaction.ts';
import { unreachable } from './unreachable.ts';
import type { Instant } from './time.ts';

/** Applies a receipt. It may come before the provider's own answer, twice, or out of order. */
export function takeReceipt(step: Step, news: Extract<News, { kind: 'receipt' }>): void {
  const leg = legAt(step, news.leg);
  const before = leg.state.name;
  const target = stateOfReceipt(news.status);
  if (before === 'pending' || before === 'skipped') {
    note(step, 'receipt.ignored', news.leg, `${news.status}, but the message is ${before}`);
    return;
  }
  const wasNew = stamp(leg.facts, news.status, step.now);
  if (rank(target) <= rank(before)) {
    const detail = wasNew ? `${news.status}, recorded` : `${news.status}, but the message is ${before}`;
    note(step, 'receipt.ignored', news.leg, detail);
    return;
  }
  note(step, `receipt.${news.status}`, news.leg, news.reason);
  if (target === 'accepted' || target === 'sent') {
    if (leg.state.name === 'accepted') leg.state = { name: 'sent', confirmBy: leg.state.confirmBy };
    else awaitReceipt(step, news.leg, target);
  } else if (target === 'undelivered') {
    leg.facts.reason = news.reason ?? 'undelivered';
    leg.state = { name: 'undelivered', reason: leg.facts.reason };
  } else leg.state = { name: target };
  if (isPositive(news.status)) markLate(step, news.leg);
}

/** A positive receipt after the chain had moved on, or after the end, is late; after most ends it turns them (semantics §1). */
function markLate(step: Step, position: number): void {
  const { legs, status, mode } = step.transaction;
  if (mode === 'all') return;
  const givenUp = status.name === 'expired' || status.name === 'failed' || status.name === 'unconfirmed';
  const laterStarted = legs.some((leg, other) => other > position && leg.facts.queuedAt !== undefined);
  if (givenUp || laterStarted || status.name === 'cancelled') legAt(step, position).facts.late = true;
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
    case 'undelivered':
      return first(facts, 'failedAt', now);
    default:
      return unreachable(status);
  }
}

type Stamp = 'acceptedAt' | 'sentAt' | 'deliveredAt' | 'readAt' | 'openedAt' | 'clickedAt' | 'failedAt';

function first(facts: MessageFacts, at: Stamp, now: Instant): boolean {
  if (facts[at] !== undefined) return false;
  facts[at] = now;
  return true;
}
