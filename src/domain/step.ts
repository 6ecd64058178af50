/** The working copy one `advance` changes, and the few moves that all of its parts share. */
import type { Advance, Effect, EndName, Handover, Leg, News, TimelineEntry, Transaction } from './transaction.ts';
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
  const legs = transaction.legs.map((leg) => ({ ...leg, facts: { ...leg.facts } }));
  return { transaction: { ...transaction, legs }, now, effects: [], entries: [], changed: false };
}

/** Seals the step. */
export function finish(step: Step): Advance {
  const { transaction, effects, entries, changed } = step;
  return { transaction, effects, entries, changed: changed || entries.length > 0 || effects.length > 0 };
}

/** Adds a line to the timeline. */
export function note(step: Step, what: string, leg: number | null = null, detail: string | null = null): void {
  step.entries.push({ at: step.now, what, leg, detail });
}

/** The leg at a position; a position outside the transaction is a bug of the caller. */
export function legAt(step: Step, position: number): Leg {
  const leg = step.transaction.legs[position];
  if (!leg) throw new RangeError(`transaction ${step.transaction.id} has no leg ${position}`);
  return leg;
}

/** Remembers to whom and through whom a message went, and when first; a provider that put it off was not sent it. */
export function noteHandover(step: Step, news: Extract<News, { handover?: Handover }>): void {
  const { state, facts } = legAt(step, news.leg);
  // A past attempt's answer must not hide where the message really went, unless nothing is known yet.
  const isCurrent = news.attempt === facts.attempts && (state.name === 'sending' || facts.to === undefined);
  if (!news.handover || (news.kind !== 'accepted' && !isCurrent)) return;
  const { at, ...route } = news.handover;
  Object.assign(facts, route);
  if (news.kind !== 'throttled' && at !== null) facts.sentAt ??= at;
  step.changed = true;
}

/** The leg's retry policy, the default where it has none of its own. */
export function retryOf(leg: Leg): RetryPolicy {
  return leg.policy.retry ?? DEFAULT_RETRY;
}

/** True at and after the deadline (semantics §3). */
export function isPastDeadline(step: Step): boolean {
  return step.transaction.deadline !== null && step.now >= step.transaction.deadline;
}

/** True for the last leg: no other channel waits behind it. */
export function isLast(step: Step, position: number): boolean {
  return position === step.transaction.legs.length - 1;
}

/** Stores the intent of a first or further handover and asks the engine for it. */
export function send(step: Step, position: number): void {
  const leg = legAt(step, position);
  leg.state = { name: 'sending', since: step.now };
  leg.facts.attempts += 1;
  leg.facts.queuedAt ??= step.now;
  step.effects.push({ kind: 'send', leg: position });
}

/** Marks a leg that was never handed over, for good. */
export function skip(step: Step, position: number, reason: SkipReason): void {
  legAt(step, position).state = { name: 'skipped', reason };
  note(step, 'message.skipped', position, reason);
}

/** Ends a leg that was handed over before and will not be again: what its attempts came to stays. */
export function giveUpSending(step: Step, position: number, reason: string): void {
  const { facts } = legAt(step, position);
  if (facts.answerLost) lose(step, position, facts.reason ?? reason);
  else reject(step, position, facts.reason ?? reason);
}

/** Marks a leg whose answer was lost, with the instant of its next attempt where it gets one. */
export function lose(step: Step, position: number, reason: string, retryAt: Instant | null = null): void {
  const leg = legAt(step, position);
  leg.state = { name: 'unknown', retryAt };
  leg.facts.answerLost = true;
  leg.facts.reason = reason;
  leg.facts.failedAt ??= step.now;
  note(step, 'message.unknown', position, reason);
}

/** Marks a leg as refused for good. */
export function reject(step: Step, position: number, reason: string): void {
  const leg = legAt(step, position);
  leg.state = { name: 'rejected', reason };
  leg.facts.reason = reason;
  leg.facts.failedAt ??= step.now;
  note(step, 'message.rejected', position, reason);
}

/** Marks a leg whose receipt did not come in time. */
export function giveUpWaiting(step: Step, position: number): void {
  const leg = legAt(step, position);
  leg.state = { name: 'unconfirmed' };
  leg.facts.failedAt ??= step.now;
  note(step, 'message.unconfirmed', position, 'no receipt in time');
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
