/** What a provider's synchronous answer does to its leg (semantics §2, the rows above "receipt"). */
import { giveUpSending, giveUpWaiting, isLast, isOpen, legAt, lose, note, reject, retryOf, skip } from './step.ts';
import type { Step } from './step.ts';
import { hash16 } from './ids.ts';
import { attemptsUsed, wasHandedOver } from './message.ts';
import type { Leg, News } from './transaction.ts';
import type { Instant } from './time.ts';

/** A retry comes after 100 % to 120 % of its backoff, so that the retries of one outage spread out. */
const JITTER_SHARE = 0.2;

type Answer<Kind extends News['kind']> = Extract<News, { kind: Kind }>;

/** The provider took the message. Also applied when it answers an attempt that was already given up as lost. */
export function takeAccepted(step: Step, news: Answer<'accepted'>): void {
  const leg = legAt(step, news.leg);
  if (news.ref !== null && leg.facts.ref === undefined) {
    leg.facts.ref = news.ref;
    step.changed = true;
  }
  leg.facts.acceptedAt ??= step.now;
  const { name } = leg.state;
  if (name !== 'sending' && name !== 'queued' && name !== 'unknown') {
    note(step, 'message.accepted', news.leg, `recorded; the message is ${name}`);
    return;
  }
  note(step, 'message.accepted', news.leg, news.ref);
  awaitReceipt(step, news.leg, 'accepted');
}

/** Sets a leg to `accepted` or `sent` and, where silence has a limit, that limit. */
export function awaitReceipt(step: Step, position: number, name: 'accepted' | 'sent'): void {
  const leg = legAt(step, position);
  leg.facts.acceptedAt ??= step.now;
  delete leg.facts.throttledSince;
  const waitsMs = silenceLimitMs(step, leg);
  leg.state = { name, confirmBy: waitsMs === null ? null : step.now + waitsMs };
  if (waitsMs === 0) giveUpWaiting(step, position);
}

/** How long a receipt is waited for; null: as long as TTL or receipt window allow, or not at all. */
function silenceLimitMs(step: Step, leg: Leg): number | null {
  const { mode } = step.transaction;
  if (mode === 'fallback_on_attempt_failure') return null;
  if (leg.policy.receiptTimeoutMs !== undefined) return leg.policy.receiptTimeoutMs;
  return mode === 'fallback_on_delivery_failure' && leg.policy.receipts === 'none' ? 0 : null;
}

/** The provider refused, or could not be reached. */
export function takeRejected(step: Step, news: Answer<'rejected'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const retryAt = news.retryable ? retryTime(step, news.leg, step.now) : null;
  if (retryAt === null) return reject(step, news.leg, news.reason);
  queueRetry(step, news.leg, retryAt, news.reason);
}

/** The provider asked to slow down: the message waits and no attempt is used up, in fallback modes only for a while. */
export function takeThrottled(step: Step, news: Answer<'throttled'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const leg = legAt(step, news.leg);
  const since = (leg.facts.throttledSince ??= step.now);
  const until = step.now + news.retryAfterMs;
  const { mode, throttleWaitMs, receiptWindowMs } = step.transaction;
  const patienceMs = mode === 'all' ? receiptWindowMs : throttleWaitMs;
  if (isOpen(step) && until <= since + patienceMs) {
    leg.facts.throttles = (leg.facts.throttles ?? 0) + 1;
    leg.state = { name: 'queued', notBefore: until };
    note(step, 'message.throttled', news.leg, `waits ${news.retryAfterMs} ms`);
    return;
  }
  const retryAt = retryTime(step, news.leg, until);
  if (retryAt === null) return reject(step, news.leg, 'throttled');
  queueRetry(step, news.leg, retryAt, 'throttled');
}

/** The answer was lost: the message may or may not be on its way. */
export function takeUnknown(step: Step, news: Answer<'unknown'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const leg = legAt(step, news.leg);
  const retryAt = leg.policy.onUnknown === 'leave' ? null : retryTime(step, news.leg, step.now);
  lose(step, news.leg, news.reason, retryAt);
}

/** The engine found that the message must not, or cannot, be handed over. */
export function takeSkipped(step: Step, news: Answer<'skipped'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const { state, facts } = legAt(step, news.leg);
  // What an earlier attempt handed over cannot be skipped: its receipt may still come, and counts.
  if (wasHandedOver(state, facts)) return giveUpSending(step, news.leg, news.reason);
  facts.attempts -= 1;
  skip(step, news.leg, news.reason);
}

/** When the leg may be tried again, not before `earliest`; null: never (the policy is used up, another channel waits, or the TTL ends first). */
function retryTime(step: Step, position: number, earliest: Instant): Instant | null {
  const { transaction } = step;
  const leg = legAt(step, position);
  const { attempts, backoffMs } = retryOf(leg);
  const used = attemptsUsed(leg.facts);
  const anotherWaits = transaction.mode !== 'all' && !isLast(step, position);
  if (!isOpen(step) || anotherWaits || used >= attempts) return null;
  const baseMs = backoffMs[used - 1] ?? backoffMs.at(-1) ?? 0;
  // Not random: the same question gets the same answer after a crash.
  const jitter = hash16(transaction.id, String(position), String(used)) / 0x1_0000;
  const retryAt = Math.max(earliest, Math.round(step.now + baseMs * (1 + JITTER_SHARE * jitter)));
  return transaction.deadline !== null && retryAt >= transaction.deadline ? null : retryAt;
}

function queueRetry(step: Step, position: number, retryAt: Instant, reason: string): void {
  const leg = legAt(step, position);
  leg.facts.reason = reason;
  leg.state = { name: 'queued', notBefore: retryAt };
  note(step, 'message.retry', position, `${reason}; again in ${retryAt - step.now} ms`);
}

/** False for an answer to an attempt that is over: a receipt overtook it, or another node took the message on. */
function answersCurrentAttempt(step: Step, news: { kind: string; leg: number; attempt: number }): boolean {
  const leg = legAt(step, news.leg);
  const isCurrent = leg.state.name === 'sending' && leg.facts.attempts === news.attempt;
  if (!isCurrent) note(step, 'answer.ignored', news.leg, `${news.kind}, but the message is ${leg.state.name}`);
  return isCurrent;
}
