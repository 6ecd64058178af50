/** What a provider's synchronous answer does to its message (semantics §2, the rows above "receipt"). */
import { beginRound, failOver, mayFailOver } from './failover.ts';
import { giveUpSending, giveUpWaiting, lose, messageAt, noteMessage, reject, retryOf, skip } from './step.ts';
import type { Step } from './step.ts';
import { hash16 } from './ids.ts';
import { attemptsUsed, wasHandedOver } from './message.ts';
import { chainHasLanded, isLead, isWanted } from './leg.ts';
import type { Message, News, Transaction } from './transaction.ts';
import type { Instant } from './time.ts';

/** A retry comes after 100 % to 120 % of its backoff, so that the retries of one outage spread out. */
const JITTER_SHARE = 0.2;

type Answer<Kind extends News['kind']> = Extract<News, { kind: Kind }>;

/** The provider took the message. Also applied when it answers an attempt that was already given up as lost. */
export function takeAccepted(step: Step, news: Answer<'accepted'>): void {
  const message = messageAt(step, news.message);
  if (news.ref !== null && message.facts.ref === undefined) {
    message.facts.ref = news.ref;
    step.changed = true;
  }
  message.facts.acceptedAt ??= step.now;
  const { name } = message.state;
  if (name !== 'sending' && name !== 'queued' && name !== 'unknown') {
    noteMessage(step, news.message, 'message.accepted', `recorded; the message is ${name}`);
    return;
  }
  noteMessage(step, news.message, 'message.accepted', news.ref);
  awaitReceipt(step, news.message, 'accepted');
}

/** Sets a message to `accepted` or `sent` and, where silence has a limit, that limit. */
export function awaitReceipt(step: Step, index: number, name: 'accepted' | 'sent'): void {
  const message = messageAt(step, index);
  message.facts.acceptedAt ??= step.now;
  delete message.facts.throttledSince;
  const waitsMs = silenceLimitMs(step, message);
  message.state = { name, confirmBy: waitsMs === null ? null : step.now + waitsMs };
  if (waitsMs === 0) giveUpWaiting(step, index);
}

/** How long a receipt is waited for; null: as long as TTL or receipt window allow, or not at all. */
function silenceLimitMs(step: Step, message: Message): number | null {
  const { mode } = step.transaction;
  if (mode === 'fallback_on_attempt_failure' || message.isHook) return null;
  if (message.policy.receiptTimeoutMs !== undefined) return message.policy.receiptTimeoutMs;
  const receipts = message.facts.receipts ?? message.policy.receipts;
  return mode === 'fallback_on_delivery_failure' && receipts === 'none' ? 0 : null;
}

/** The provider refused, or could not be reached. */
export function takeRejected(step: Step, news: Answer<'rejected'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  if (news.failover && mayFailOver(step, news.message, news.failover)) {
    const { facts } = messageAt(step, news.message);
    facts.failovers = (facts.failovers ?? 0) + 1;
    return failOver(step, news.message, news.failover, news.reason);
  }
  const retryAt = news.retryable ? retryTime(step, news.message, step.now) : null;
  if (retryAt === null) return reject(step, news.message, news.reason);
  queueRetry(step, news.message, retryAt, news.reason);
}

/** The provider asked to slow down: the message waits and no attempt is used up, in fallback modes only for a while. */
export function takeThrottled(step: Step, news: Answer<'throttled'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const message = messageAt(step, news.message);
  const since = (message.facts.throttledSince ??= step.now);
  const until = step.now + news.retryAfterMs;
  const { mode, throttleWaitMs, receiptWindowMs } = step.transaction;
  const holdsUpChain = mode !== 'all' && isLead(step.transaction, message);
  const patienceMs = holdsUpChain ? throttleWaitMs : receiptWindowMs;
  const isTooLong = news.isBroken === true || until > since + throttleWaitMs;
  // Where an answer was lost, waiting says nothing: only its own refusal says that the provider does not have it.
  const isCertain = message.facts.answerLost === undefined;
  if (news.failover && isTooLong && isCertain && mayFailOver(step, news.message, news.failover)) {
    message.facts.throttles = (message.facts.throttles ?? 0) + 1;
    return failOver(step, news.message, news.failover, news.isBroken ? 'circuit_open' : 'throttled');
  }
  if (isWanted(step.transaction, message) && until <= since + patienceMs) {
    message.facts.throttles = (message.facts.throttles ?? 0) + 1;
    message.state = { name: 'queued', notBefore: until };
    noteMessage(step, news.message, 'message.throttled', `waits ${news.retryAfterMs} ms`);
    return;
  }
  const retryAt = retryTime(step, news.message, until);
  if (retryAt === null) return reject(step, news.message, 'throttled');
  queueRetry(step, news.message, retryAt, 'throttled');
}

/**
 * Its turn has not come: the message waits in the line, whatever the mode, for as long as TTL and retention let it. No
 * attempt is used up, and nothing has gone wrong: a pace is the operator's own wish, so no other channel is tried for it.
 */
export function takePaced(step: Step, news: Answer<'paced'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const message = messageAt(step, news.message);
  const isFirst = message.facts.throttles === undefined;
  message.facts.throttles = (message.facts.throttles ?? 0) + 1;
  step.changed = true;
  if (!isWanted(step.transaction, message)) return giveUpSending(step, news.message, 'not_wanted');
  message.state = { name: 'queued', notBefore: step.now, lane: news.lane };
  if (isFirst) noteMessage(step, news.message, 'message.paced', 'waits for its turn at the provider');
}

/** The answer was lost: the message may or may not be on its way. */
export function takeUnknown(step: Step, news: Answer<'unknown'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const message = messageAt(step, news.message);
  const retryAt = message.policy.onUnknown === 'leave' ? null : retryTime(step, news.message, step.now);
  lose(step, news.message, news.reason, retryAt);
}

/** The engine found that the message must not, or cannot, be handed over. */
export function takeSkipped(step: Step, news: Answer<'skipped'>): void {
  if (!answersCurrentAttempt(step, news)) return;
  const { state, facts } = messageAt(step, news.message);
  // What an earlier attempt handed over cannot be skipped: its receipt may still come, and counts.
  if (wasHandedOver(state, facts)) return giveUpSending(step, news.message, news.reason);
  facts.attempts -= 1;
  skip(step, news.message, news.reason);
}

/** When the message may be tried again, not before `earliest`; null: never (the policy is used up, another channel waits, or the TTL ends first). */
function retryTime(step: Step, index: number, earliest: Instant): Instant | null {
  const { transaction } = step;
  const message = messageAt(step, index);
  const { attempts, backoffMs } = retryOf(message);
  const used = attemptsUsed(message.facts);
  if (!mayRetry(transaction, message) || used >= attempts) return null;
  const baseMs = backoffMs[used - 1] ?? backoffMs.at(-1) ?? 0;
  // Not random: the same question gets the same answer after a crash.
  const jitter = hash16(transaction.id, String(index), String(used)) / 0x1_0000;
  const retryAt = Math.max(earliest, Math.round(step.now + baseMs * (1 + JITTER_SHARE * jitter)));
  return transaction.deadline !== null && retryAt >= transaction.deadline ? null : retryAt;
}

/** An earlier leg of a chain is never retried: another channel waits (semantics §2). What else is under way is. */
function mayRetry(transaction: Transaction, message: Message): boolean {
  if (!isWanted(transaction, message)) return false;
  const isJudged = transaction.mode !== 'all' && isLead(transaction, message) && !chainHasLanded(transaction);
  return !isJudged || message.leg === transaction.legs.length - 1;
}

function queueRetry(step: Step, index: number, retryAt: Instant, reason: string): void {
  const message = messageAt(step, index);
  message.facts.reason = reason;
  beginRound(message);
  message.state = { name: 'queued', notBefore: retryAt };
  noteMessage(step, index, 'message.retry', `${reason}; again in ${retryAt - step.now} ms`);
}

/** False for an answer to an attempt that is over: a receipt overtook it, or another node took the message on. */
function answersCurrentAttempt(step: Step, news: { kind: string; message: number; attempt: number }): boolean {
  const message = messageAt(step, news.message);
  const isCurrent = message.state.name === 'sending' && message.facts.attempts === news.attempt;
  if (!isCurrent)
    noteMessage(step, news.message, 'answer.ignored', `${news.kind}, but the message is ${message.state.name}`);
  return isCurrent;
}
