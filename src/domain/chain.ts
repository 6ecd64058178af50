/** How the legs follow each other: starting, going on, stopping (semantics §2 and §3). */
import { carryOn, closeStages, cutShort } from './journey.ts';
import {
  chainHasLanded,
  hasHadTurn,
  isFinished,
  isWanted,
  leadsOfLeg,
  legEndedBadly,
  legHasLanded,
  messagesOfLeg,
} from './leg.ts';
import { end, isLast, isOpen, isPastDeadline, lose, note, noteMessage, retryOf, send } from './step.ts';
import type { Step } from './step.ts';
import { wasHandedOver } from './message.ts';
import type { Message, Transaction } from './transaction.ts';
import { unreachable } from './unreachable.ts';

/** Resends after crashes that one message gets beyond its retry policy: a message that kills nodes must end too. */
const RESCUES_MAX = 10;

/** Triggers the first leg, or all of them. */
export function start(step: Step): void {
  const { transaction } = step;
  if (transaction.status.name !== 'scheduled') return;
  transaction.status = { name: 'running' };
  if (isPastDeadline(step)) return stop(step, 'ttl_expired');
  if (transaction.mode === 'all') transaction.legs.forEach((_, position) => trigger(step, position));
  else trigger(step, 0);
}

function trigger(step: Step, position: number): void {
  const { legs, messages } = step.transaction;
  note(step, 'leg.triggered', position, legs[position]!.campaignId);
  if (legs[position]!.stages) return carryOn(step, position);
  messages.forEach(({ leg }, index) => leg === position && send(step, index));
}

/** After any news: ends the transaction or starts what comes next, and does the initial processing when it is due. */
export function proceed(step: Step): void {
  if (step.transaction.status.name === 'running') {
    if (step.transaction.mode === 'all') proceedAll(step);
    else proceedChain(step);
  }
  closeStages(step);
  processInitially(step);
}

function proceedAll(step: Step): void {
  const { transaction } = step;
  transaction.legs.forEach((_, position) => carryOn(step, position));
  if (!transaction.legs.every((_, position) => isFinished(transaction, position))) return;
  end(step, transaction.legs.some((_, position) => wasCutByTtl(transaction, position)) ? 'expired' : 'completed');
}

function proceedChain(step: Step): void {
  const { transaction } = step;
  const current = transaction.legs.findLastIndex((_, position) => hasHadTurn(transaction, position));
  if (current === -1) return;
  if (chainHasLanded(transaction)) return proceedLanded(step);
  if (!legEndedBadly(transaction, current)) carryOn(step, current);
  if (!legEndedBadly(transaction, current)) return;
  const isExpired = hasExpired(transaction, current);
  cutShort(step, current, isExpired ? 'ttl_expired' : 'condition_false');
  if (isExpired) return stop(step, 'ttl_expired');
  if (isLast(step, current)) return end(step, isUnconfirmed(transaction, current) ? 'unconfirmed' : 'failed');
  if (isPastDeadline(step)) return stop(step, 'ttl_expired');
  trigger(step, current + 1);
}

/** The chain has succeeded: other legs stop, and the transaction ends when the journey of the one that landed is over. */
function proceedLanded(step: Step): void {
  const { transaction } = step;
  const { legs } = transaction;
  const landed = [...legs.keys()].filter((position) => legHasLanded(transaction, position));
  for (const position of legs.keys()) {
    if (landed.includes(position)) carryOn(step, position);
    else cutShort(step, position, 'chain_succeeded');
  }
  if (landed.every((position) => isFinished(transaction, position))) return end(step, 'succeeded');
  if (!legs.some(({ hasLanded }) => hasLanded)) note(step, 'chain.succeeded', landed[0]);
  for (const position of landed) legs[position]!.hasLanded = true;
}

/** Nobody knows whether the leg arrived: one of its leads got no receipt in time. */
function isUnconfirmed(transaction: Transaction, position: number): boolean {
  return leadsOfLeg(transaction, position).some(({ state }) => state.name === 'unconfirmed');
}

/** Why a transaction stops before all its legs have spoken. */
export type StopReason = 'ttl_expired' | 'cancelled' | 'receipt_window';

/** Stops all legs now: what was never handed over is skipped, what waited for a retry keeps its last outcome. */
export function stop(step: Step, reason: StopReason): void {
  if (!isOpen(step)) return;
  const { transaction } = step;
  const skipReason = reason === 'receipt_window' ? 'ttl_expired' : reason;
  transaction.legs.forEach((_, position) => cutShort(step, position, skipReason));
  step.changed = true;
  switch (reason) {
    case 'cancelled':
      return end(step, 'cancelled');
    case 'receipt_window':
      return end(step, 'unconfirmed');
    case 'ttl_expired':
      // In `all` the legs under way may still be answered; `proceedAll` ends it when the last one is.
      if (transaction.mode === 'all') return proceedAll(step);
      if (chainHasLanded(transaction)) return proceedLanded(step);
      // Not where only some of a leg's messages were cut off: the others may still arrive.
      if (transaction.legs.some((_, position) => hasExpired(transaction, position))) return end(step, 'expired');
      return proceedChain(step);
    default:
      return unreachable(reason);
  }
}

/** Sends again what a dead node was sending, with the same message id, in every mode (semantics §10). */
export function rescue(step: Step): void {
  const { transaction } = step;
  transaction.messages.forEach((message, index) => {
    if (message.state.name !== 'sending') return;
    const rescues = message.facts.rescues ?? 0;
    const maySend = isWanted(transaction, message) && !isPastDeadline(step) && message.policy.onUnknown !== 'leave';
    if (maySend && rescues < retryOf(message).attempts + RESCUES_MAX) {
      message.facts.rescues = rescues + 1;
      message.facts.answerLost = true;
      send(step, index);
      noteMessage(step, index, 'message.sent_again', 'the node that was sending died');
      return;
    }
    lose(step, index, 'node_died');
  });
}

/** Steps 4 and 5 of semantics §5: once, right after the first leg (in `all`: every leg) has been attempted or skipped. */
function processInitially(step: Step): void {
  const { transaction } = step;
  if (transaction.initialProcessing === 'done') return;
  const { legs, status } = transaction;
  if (status.name === 'scheduled') return;
  const wasTriggered = transaction.messages.some(({ facts }) => facts.queuedAt !== undefined);
  if (status.name === 'cancelled' && !wasTriggered) return;
  const first = transaction.mode === 'all' ? [...legs.keys()] : [0];
  if (!first.every((position) => legHasBeenAttempted(transaction, position))) return;
  transaction.initialProcessing = 'done';
  step.changed = true;
  if (transaction.tracksEvent) step.effects.push({ kind: 'track' });
  if (transaction.updatesProfile) step.effects.push({ kind: 'upsert' });
}

/** By its first stage: a wait that has begun, a hook or messages that have been attempted. */
function legHasBeenAttempted(transaction: Transaction, position: number): boolean {
  const first = messagesOfLeg(transaction, position).filter(({ stage }) => stage === 0);
  return hasHadTurn(transaction, position) && first.every(hasBeenAttempted);
}

function hasBeenAttempted({ state, facts }: Message): boolean {
  if (state.name === 'queued') return wasHandedOver(state, facts);
  return state.name !== 'pending' && state.name !== 'sending';
}

/** The TTL stopped the leg before one of its leads could arrive. */
function hasExpired(transaction: Transaction, position: number): boolean {
  return legEndedBadly(transaction, position) && leadsOfLeg(transaction, position).some(wasExpired);
}

function wasCutByTtl(transaction: Transaction, position: number): boolean {
  const { stages = [] } = transaction.legs[position]!;
  return messagesOfLeg(transaction, position).some(wasExpired) || stages.some(wasExpired);
}

function wasExpired({ state }: Pick<Message, 'state'> | { state: { name: string } }): boolean {
  return state.name === 'skipped' && 'reason' in state && state.reason === 'ttl_expired';
}
