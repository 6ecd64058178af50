/** How the legs follow each other: starting, going on, stopping (semantics §2 and §3). */
import { end, giveUpSending, isLast, isOpen, isPastDeadline, legAt, lose, note, retryOf, send, skip } from './step.ts';
import type { Step } from './step.ts';
import { endedBadly, isSettled, wasHandedOver } from './message.ts';
import type { Leg } from './transaction.ts';
import { unreachable } from './unreachable.ts';

/** Resends after crashes that one message gets beyond its retry policy: a message that kills nodes must end too. */
const RESCUES_MAX = 10;

/** Triggers the first leg, or all of them. */
export function start(step: Step): void {
  const { transaction } = step;
  if (!isOpen(step) || transaction.legs.some((leg) => leg.state.name !== 'pending')) return;
  transaction.status = { name: 'running' };
  if (isPastDeadline(step)) return stop(step, 'ttl_expired');
  if (transaction.mode === 'all') transaction.legs.forEach((_, position) => trigger(step, position));
  else trigger(step, 0);
}

function trigger(step: Step, position: number): void {
  send(step, position);
  note(step, 'leg.triggered', position, legAt(step, position).campaignId);
}

/** After any news: does the initial processing when it is due, then ends the transaction or starts its next leg. */
export function proceed(step: Step): void {
  if (isOpen(step)) {
    if (step.transaction.mode === 'all') proceedAll(step);
    else proceedChain(step);
  }
  processInitially(step);
}

function proceedAll(step: Step): void {
  const { legs } = step.transaction;
  if (!legs.every((leg) => isSettled(leg.state))) return;
  end(step, legs.some(isExpired) ? 'expired' : 'completed');
}

function proceedChain(step: Step): void {
  const { legs } = step.transaction;
  const current = legs.findLastIndex((leg) => leg.state.name !== 'pending');
  if (current === -1) return;
  if (hasLanded(step, current)) return stop(step, 'chain_succeeded');
  const leg = legAt(step, current);
  if (!endedBadly(leg.state)) return;
  if (isExpired(leg)) return stop(step, 'ttl_expired');
  if (isLast(step, current)) return end(step, leg.state.name === 'unconfirmed' ? 'unconfirmed' : 'failed');
  if (isPastDeadline(step)) return stop(step, 'ttl_expired');
  trigger(step, current + 1);
}

/** The success criterion of the fallback modes: semantics §2, rows "provider accepted" and "receipt: delivered / read". */
function hasLanded(step: Step, current: number): boolean {
  const { legs, mode } = step.transaction;
  if (legs.some((leg) => leg.state.name === 'delivered' || leg.state.name === 'read')) return true;
  if (mode !== 'fallback_on_attempt_failure') return false;
  // A receipt of any kind proves that the provider took the message, also one that overtook the provider's answer.
  if (legAt(step, current).state.name === 'undelivered') return true;
  return legs.some((leg) => leg.state.name === 'accepted' || leg.state.name === 'sent');
}

/** Why a chain stops before its last leg has spoken. */
export type StopReason = 'chain_succeeded' | 'ttl_expired' | 'cancelled' | 'receipt_window';

/** Ends the chain now: what was never handed over is skipped, what waited for a retry keeps its last outcome. */
export function stop(step: Step, reason: StopReason): void {
  if (!isOpen(step)) return;
  const skipReason = reason === 'receipt_window' ? 'ttl_expired' : reason;
  let untriggered = false;
  step.transaction.legs.forEach((leg, position) => {
    const waitsUnsent = leg.state.name === 'queued' && !wasHandedOver(leg.state, leg.facts);
    if (leg.state.name === 'pending' || waitsUnsent) {
      untriggered = true;
      skip(step, position, skipReason);
    } else if (leg.state.name === 'queued') giveUpSending(step, position, 'provider_error');
    else if (leg.state.name === 'unknown') leg.state = { name: 'unknown', retryAt: null };
  });
  step.changed = true;
  switch (reason) {
    case 'chain_succeeded':
      return end(step, 'succeeded');
    case 'cancelled':
      return end(step, 'cancelled');
    case 'receipt_window':
      return end(step, 'unconfirmed');
    case 'ttl_expired':
      // In `all` the legs under way may still be answered; `proceedAll` ends it when the last one is.
      if (step.transaction.mode === 'all') return proceedAll(step);
      if (untriggered || step.transaction.legs.some(isExpired)) return end(step, 'expired');
      return proceedChain(step);
    default:
      return unreachable(reason);
  }
}

/** Sends again what a dead node was sending, with the same message id, in every mode (semantics §10). */
export function rescue(step: Step): void {
  step.transaction.legs.forEach((leg, position) => {
    if (leg.state.name !== 'sending') return;
    const rescues = leg.facts.rescues ?? 0;
    const maySend = isOpen(step) && !isPastDeadline(step) && leg.policy.onUnknown !== 'leave';
    if (maySend && rescues < retryOf(leg).attempts + RESCUES_MAX) {
      leg.facts.rescues = rescues + 1;
      leg.facts.answerLost = true;
      send(step, position);
      note(step, 'message.sent_again', position, 'the node that was sending died');
      return;
    }
    lose(step, position, 'node_died');
  });
}

/** Steps 4 and 5 of semantics §5: once, right after the first leg (in `all`: every leg) has been attempted or skipped. */
function processInitially(step: Step): void {
  const { transaction } = step;
  if (transaction.initialProcessing === 'done') return;
  const { legs, status } = transaction;
  if (status.name === 'scheduled') return;
  const wasTriggered = legs.some((leg) => leg.facts.queuedAt !== undefined);
  if (status.name === 'cancelled' && !wasTriggered) return;
  const first = transaction.mode === 'all' ? legs : legs.slice(0, 1);
  if (!first.every(hasBeenAttempted)) return;
  transaction.initialProcessing = 'done';
  step.changed = true;
  if (transaction.tracksEvent) step.effects.push({ kind: 'track' });
  if (transaction.updatesProfile) step.effects.push({ kind: 'upsert' });
}

function hasBeenAttempted({ state, facts }: Leg): boolean {
  if (state.name === 'queued') return wasHandedOver(state, facts);
  return state.name !== 'pending' && state.name !== 'sending';
}

function isExpired(leg: Leg): boolean {
  return leg.state.name === 'skipped' && leg.state.reason === 'ttl_expired';
}
