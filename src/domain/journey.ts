/**
 * How the stages of a leg follow each other (semantics §12). A stage starts when the one before it is over: its messages
 * attempted or skipped, its hook called, its time waited. Its condition is asked then, and once.
 *
 *     pending ──its turn──▶ running (messages, a hook) ──▶ done
 *        │                  waiting (a wait)           ──▶ done
 *        └──condition false · leg failed · TTL · cancelled──▶ skipped
 */
import { isSettled, wasHandedOver } from './message.ts';
import type { SkipReason } from './message.ts';
import { giveUpSending, isPastDeadline, messageAt, note, send, skip } from './step.ts';
import type { Step } from './step.ts';
import type { Stage, Transaction } from './transaction.ts';
import type { When } from './campaign.ts';
import { unreachable } from './unreachable.ts';

/** Carries a leg's journey on as far as it can go now. Does nothing to a leg of a single stage. */
export function carryOn(step: Step, position: number): void {
  for (const [at, stage] of (step.transaction.legs[position]!.stages ?? []).entries()) {
    if (stage.state.name === 'pending') startStage(step, position, at);
    closeStage(step, position, at);
    if (stage.state.name !== 'done' && stage.state.name !== 'skipped') return;
  }
}

function startStage(step: Step, position: number, at: number): void {
  if (isPastDeadline(step)) return cutShort(step, position, 'ttl_expired');
  const stage = stageAt(step, position, at);
  if (stage.when && !holds(step.transaction, position, stage.when))
    return skipStage(step, position, at, 'condition_false');
  note(step, 'stage.started', position, `${at} ${stage.kind}`);
  if (stage.kind === 'wait') {
    stage.state = { name: 'waiting', until: step.now + stage.waitMs };
    return;
  }
  stage.state = { name: 'running' };
  for (const index of indicesOf(step, position, at)) send(step, index);
}

/** Whether the condition holds, by what is known now. */
function holds({ messages }: Transaction, position: number, { stage, is }: When): boolean {
  const asked = messages.filter((message) => message.leg === position && message.stage === stage);
  const isDelivered = asked.some(({ state: { name } }) => name === 'delivered' || name === 'read');
  const isClicked = asked.some(({ facts }) => facts.clickedAt !== undefined);
  switch (is) {
    case 'delivered':
      return isDelivered;
    case 'not delivered':
      return !isDelivered;
    case 'clicked':
      return isClicked;
    case 'not clicked':
      return !isClicked;
    default:
      return unreachable(is);
  }
}

/** Marks the stages of all legs whose messages have been answered: also after the end, answers come. */
export function closeStages(step: Step): void {
  for (const [position, { stages }] of step.transaction.legs.entries()) {
    stages?.forEach((stage, at) => stage.state.name === 'running' && closeStage(step, position, at));
  }
}

function closeStage(step: Step, position: number, at: number): void {
  const stage = stageAt(step, position, at);
  const isOver =
    stage.state.name === 'waiting'
      ? stage.state.until <= step.now
      : stage.state.name === 'running' &&
        indicesOf(step, position, at).every((index) => isSettled(messageAt(step, index).state));
  if (!isOver) return;
  stage.state = { name: 'done' };
  step.changed = true;
}

/** Stops a leg: what was never handed over is skipped, what waited for a retry keeps its last outcome. */
export function cutShort(step: Step, position: number, reason: SkipReason): void {
  const { transaction } = step;
  transaction.legs[position]!.stages?.forEach(({ state }, at) => {
    if (state.name === 'pending' || state.name === 'waiting') skipStage(step, position, at, reason);
  });
  for (const index of transaction.messages.keys()) {
    const message = messageAt(step, index);
    const { leg, state, facts } = message;
    if (leg !== position) continue;
    const waitsUnsent = state.name === 'queued' && !wasHandedOver(state, facts);
    if (state.name === 'pending' || waitsUnsent) skip(step, index, reason);
    else if (state.name === 'queued') giveUpSending(step, index, 'provider_error');
    else if (state.name === 'unknown' && state.retryAt !== null) {
      message.state = { name: 'unknown', retryAt: null };
      step.changed = true;
    }
  }
}

/** One line of the timeline for the stage; its messages go with it. */
function skipStage(step: Step, position: number, at: number, reason: SkipReason): void {
  stageAt(step, position, at).state = { name: 'skipped', reason };
  for (const index of indicesOf(step, position, at)) messageAt(step, index).state = { name: 'skipped', reason };
  note(step, 'stage.skipped', position, `${at} ${reason}`);
}

function stageAt(step: Step, position: number, at: number): Stage {
  return step.transaction.legs[position]!.stages![at]!;
}

/** The indices of a stage's messages. */
function indicesOf(step: Step, position: number, at: number): number[] {
  return [...step.transaction.messages.keys()].filter((index) => {
    const { leg, stage } = messageAt(step, index);
    return leg === position && stage === at;
  });
}
