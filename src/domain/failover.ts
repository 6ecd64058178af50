/**
 * Failover inside a channel (semantics §2): a message that its provider certainly did not take goes to another one, at once
 * and under the same id. It uses up no attempt of the retry policy, and its leg is not judged before the last one has spoken.
 */
import { isWanted } from './leg.ts';
import { isPastDeadline, messageAt, noteMessage, send } from './step.ts';
import type { Step } from './step.ts';
import type { Failover, Message } from './transaction.ts';

/** False when nothing more may be sent, or the other one has been asked already. */
export function mayFailOver(step: Step, index: number, { from, to }: Failover): boolean {
  const message = messageAt(step, index);
  const { passed = [] } = message.facts;
  if (to === from || passed.includes(to)) return false;
  return isWanted(step.transaction, message) && !isPastDeadline(step);
}

/** Stores whom it goes to now, and asks the engine for it. */
export function failOver(step: Step, index: number, { from, to }: Failover, reason: string): void {
  const { facts } = messageAt(step, index);
  facts.passed = [...(facts.passed ?? []), from];
  facts.via = to;
  // Noted before it is asked: its receipt may overtake its answer, and the other's must not count.
  facts.provider = to;
  facts.reason = reason;
  delete facts.throttledSince;
  noteMessage(step, index, 'message.failover', `${from} → ${to}: ${reason}`);
  send(step, index);
}

/** All of its providers have refused: the retry asks them again, in their order. */
export function beginRound({ facts }: Message): void {
  if (!facts.passed) return;
  delete facts.passed;
  delete facts.via;
  delete facts.provider;
}
