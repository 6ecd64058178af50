/** The working copy one `advance` changes, and the few moves that all of its parts share. */
import type { Advance, Effect, EndName, Handover, Message, News, TimelineEntry, Transaction } from './transaction.ts';
import { DEFAULT_RETRY } from './campaign.ts';
import type { RetryPolicy } from './campaign.ts';
import type { SkipReason } from './message.ts';
import type { Instant } from './time.ts';

/** A private copy of the transaction, and what this step has decided so far. */
export interface Step {
  transaction: Transaction;
  now: Instant;
  effects: Effect[];
  entries: TimelineEntry[];
  changed: boolean;
}

/** Copies the transaction, so that `advance` can change the copy and stay pure. */
export function begin(transaction: Transaction, now: Instant): Step {
  const legs = transaction.legs.map((leg) => ({
    ...leg,
    ...(leg.stages && { stages: leg.stages.map((stage) => ({ ...stage })) }),
  }));
  const messages = transaction.messages.map((message) => ({ ...message, facts: { ...message.facts } }));
  return { transaction: { ...transaction, legs, messages }, now, effects: [], entries: [], changed: false };
}

/** Seals the step. */
export function finish(step: Step): Advance {
  const { transaction, effects, entries, changed } = step;
  return { transaction, effects, entries, changed: changed || entries.length > 0 || effects.length > 0 };
}

/** Adds a line about the transaction or a leg to the timeline. */
export function note(step: Step, what: string, leg: number | null = null, detail: string | null = null): void {
  step.entries.push({ at: step.now, what, leg, message: null, detail });
}

/** Adds a line about a message; what a hook went through is told as `hook.…` instead of `message.…`. */
export function noteMessage(step: Step, index: number, what: string, detail: string | null): void {
  const { leg, isHook } = messageAt(step, index);
  const word = isHook ? what.replace(/^message\./, 'hook.') : what;
  step.entries.push({ at: step.now, what: word, leg, message: index, detail });
}

/** The message of an index; an index outside the transaction is a bug of the caller. */
export function messageAt(step: Step, index: number): Message {
  const message = step.transaction.messages[index];
  if (!message) throw new RangeError(`transaction ${step.transaction.id} has no message ${index}`);
  return message;
}

/** Remembers to whom and through whom a message went, and when first; a provider that put it off was not sent it. */
export function noteHandover(step: Step, news: Extract<News, { handover?: Handover }>): void {
  const { state, facts } = messageAt(step, news.message);
  // A past attempt's answer must not hide where the message really went, unless nothing is known yet.
  const isCurrent = news.attempt === facts.attempts && (state.name === 'sending' || facts.to === undefined);
  if (!news.handover || (news.kind !== 'accepted' && !isCurrent)) return;
  const { at, ...route } = news.handover;
  Object.assign(facts, route);
  if (news.kind !== 'throttled' && news.kind !== 'paced' && at !== null) facts.sentAt ??= at;
  step.changed = true;
}

/** The message's retry policy, the default where it has none of its own. */
export function retryOf(message: Message): RetryPolicy {
  return message.policy.retry ?? DEFAULT_RETRY;
}

/** True at and after the deadline (semantics §3). */
export function isPastDeadline(step: Step): boolean {
  return step.transaction.deadline !== null && step.now >= step.transaction.deadline;
}

/** True for the last leg: no other campaign waits behind it. */
export function isLast(step: Step, position: number): boolean {
  return position === step.transaction.legs.length - 1;
}

/** Stores the intent of a first or further handover and asks the engine for it. */
export function send(step: Step, index: number): void {
  const message = messageAt(step, index);
  message.state = { name: 'sending', since: step.now };
  message.facts.attempts += 1;
  message.facts.queuedAt ??= step.now;
  step.effects.push({ kind: 'send', message: index });
}

/** Marks a message that was never handed over, for good. */
export function skip(step: Step, index: number, reason: SkipReason): void {
  messageAt(step, index).state = { name: 'skipped', reason };
  noteMessage(step, index, 'message.skipped', reason);
}

/** Ends a message that was handed over before and will not be again: what its attempts came to stays. */
export function giveUpSending(step: Step, index: number, reason: string): void {
  const { facts } = messageAt(step, index);
  if (facts.answerLost) lose(step, index, facts.reason ?? reason);
  else reject(step, index, facts.reason ?? reason);
}

/** Marks a message whose answer was lost, with the instant of its next attempt where it gets one. */
export function lose(step: Step, index: number, reason: string, retryAt: Instant | null = null): void {
  const message = messageAt(step, index);
  message.state = { name: 'unknown', retryAt };
  message.facts.answerLost = true;
  message.facts.reason = reason;
  message.facts.failedAt ??= step.now;
  noteMessage(step, index, 'message.unknown', reason);
}

/** Marks a message as refused for good. */
export function reject(step: Step, index: number, reason: string): void {
  const message = messageAt(step, index);
  message.state = { name: 'rejected', reason };
  message.facts.reason = reason;
  message.facts.failedAt ??= step.now;
  noteMessage(step, index, 'message.rejected', reason);
}

/** Marks a message whose receipt did not come in time. */
export function giveUpWaiting(step: Step, index: number): void {
  const message = messageAt(step, index);
  message.state = { name: 'unconfirmed' };
  message.facts.failedAt ??= step.now;
  noteMessage(step, index, 'message.unconfirmed', 'no receipt in time');
}

/** Ends the transaction. */
export function end(step: Step, name: EndName, late = false): void {
  step.transaction.status = name === 'succeeded' ? { name, endedAt: step.now, late } : { name, endedAt: step.now };
  step.effects.push({ kind: 'end' });
  note(step, `transaction.${name}`, null, late ? 'late' : null);
}

/** True while legs may still be triggered or retried. */
export function isOpen(step: Step): boolean {
  const { name } = step.transaction.status;
  return name === 'running' || name === 'scheduled';
}
