/** What semantics §12 says of journeys, after every step; and what is said of hooks, software and unsubscriptions. */
import { attemptsUsed, endedBadly, isSettled } from '#domain/message.ts';
import { unreachable } from '#domain/unreachable.ts';
import { DEFAULT_RETRY } from '#domain/campaign.ts';
import type { When } from '#domain/campaign.ts';
import type { Stage, Transaction } from '#domain/transaction.ts';
import type { Instant } from '#domain/time.ts';
import type { Invariant } from './invariants.ts';
import {
  currentLeg,
  hasFailed,
  hasStarted,
  isAhead,
  isChain,
  isLead,
  isOpen,
  isOver,
  isUp,
  landsWith,
  leads,
  ofLeg,
  ofStage,
  positions,
  same,
  waits,
} from './reading.ts';
import type { Core, Moment } from './world.ts';

/** Retries come at most so much later than their backoff. */
const JITTER_MAX = 1.2;

/** Rules of journeys by name. */
export const JOURNEY_INVARIANTS: Record<string, Invariant> = {
  'stages run in order, one at a time': (_, moment) =>
    firstStage(moment, ({ before, after, stages, leg, at }) => {
      if (same(before.state, after.state)) return null;
      if (isOver(before)) return `left ${before.state.name}`;
      if (before.state.name !== 'pending' && after.state.name === 'pending') return 'is pending again';
      const isStopped = after.state.name === 'skipped' && !isOwnCondition(moment, leg, after);
      if (after.state.name === 'pending' || isStopped) return null;
      return stages.slice(0, at).every(isOver) ? null : 'overtook another';
    }),

  'a stage is what its messages are': (_, { result: { transaction } }) => {
    for (const [leg, { stages = [] }] of transaction.legs.entries()) {
      for (const [at, stage] of stages.entries()) {
        const states = ofStage(transaction, leg, at).map(({ state }) => state);
        const fault = stageFault(
          stage,
          states.map(({ name }) => name),
          states.every(isSettled),
        );
        if (fault) return `leg ${leg}, stage ${at} is ${stage.state.name}, but ${fault}`;
      }
    }
    return null;
  },

  'a stage is run or skipped as its condition says': (_, moment) =>
    firstStage(moment, ({ before, after, leg }) => {
      if (before.state.name !== 'pending' || after.state.name === 'pending') return null;
      const { transaction } = moment.result;
      const holds = after.when === undefined || conditionHolds(transaction, leg, after.when);
      if (after.state.name !== 'skipped') return holds ? null : `ran, not being ${JSON.stringify(after.when)}`;
      if (after.state.reason !== 'condition_false' || !holds) return null;
      return isChain(transaction) && hasFailed(transaction, leg) ? null : 'was skipped, though its condition holds';
    }),

  'a wait lasts as long as it says': (_, moment) =>
    firstStage(moment, ({ before, after }) => {
      if (after.kind !== 'wait') return null;
      const { now } = moment;
      if (after.state.name === 'waiting') {
        const until = before.state.name === 'waiting' ? before.state.until : now + after.waitMs;
        return after.state.until === until ? null : `until ${after.state.until} instead of ${until}`;
      }
      if (after.state.name !== 'done' || before.state.name === 'done') return null;
      const until = before.state.name === 'waiting' ? before.state.until : now + after.waitMs;
      return until <= now ? null : `was over ${until - now} ms too early`;
    }),

  'a stage begins as soon as its turn has come': (_, { now, news, result: { transaction } }) => {
    if (transaction.status.name !== 'running') return null;
    for (const [leg, { stages = [] }] of transaction.legs.entries()) {
      if (!isUnderWay(transaction, leg)) continue;
      const next = stages.find((stage) => !isOver(stage));
      if (next?.state.name === 'pending') return `leg ${leg} stands still`;
      if (news.kind === 'timer' && next?.state.name === 'waiting' && next.state.until <= now)
        return `leg ${leg} waits on`;
    }
    return null;
  },

  'a leg that failed goes no further': (_, { before, result: { transaction, effects } }) => {
    if (!isChain(transaction)) return null;
    for (const leg of positions(transaction)) {
      if (!hasStarted(transaction, leg) || !hasFailed(transaction, leg) || transaction.legs[leg]!.hasLanded) continue;
      const sent = effects.find(
        (effect) => effect.kind === 'send' && transaction.messages[effect.message]!.leg === leg,
      );
      if (sent) return `leg ${leg} has failed, but ${JSON.stringify(sent)}`;
      if (ofLeg(transaction, leg).some(waits)) return `leg ${leg} has failed, but a message waits`;
      if (transaction.legs[leg]!.stages?.some(isAhead)) return `leg ${leg} has failed, but has stages ahead`;
      // What hindered the next one: an end, or a leg that has landed.
      const isLast = leg === transaction.legs.length - 1;
      const wentOn = !isLast && hasStarted(transaction, leg + 1);
      if (transaction.status.name === 'running' && !wentOn && !landed(before) && !landed(transaction))
        return `leg ${leg} has failed, and nothing follows`;
    }
    return null;
  },

  'the leg that landed goes on, the others do not': (_, { before, news, result: { transaction, effects } }) => {
    if (!isChain(transaction)) return landed(transaction) ? 'a leg of all landed' : null;
    for (const leg of positions(transaction)) {
      const { hasLanded } = transaction.legs[leg]!;
      if (before.legs[leg]!.hasLanded && !hasLanded) return `leg ${leg} has not landed any more`;
      if (hasLanded && !wasLandedWith(before, transaction, leg)) return `leg ${leg} landed without a success`;
      if (hasLanded && !before.legs[leg]!.hasLanded && landed(before)) return `leg ${leg} landed as well`;
      if (!isOpen(transaction)) continue;
      if (!landed(transaction)) {
        if (landsWith(transaction, leg)) return `that leg ${leg} landed was not noticed`;
        continue;
      }
      if (hasLanded) continue;
      if (ofLeg(transaction, leg).some(waits) || transaction.legs[leg]!.stages?.some(isAhead))
        return `leg ${leg} has work ahead`;
      if (effects.some((effect) => effect.kind === 'send' && transaction.messages[effect.message]!.leg === leg))
        return `leg ${leg} sends`;
    }
    const { name } = transaction.status;
    const mayBe = news.kind === 'cancelled' ? ['running', 'succeeded', 'cancelled'] : ['running', 'succeeded'];
    if (landed(before) && isOpen(before) && !mayBe.includes(name)) return `it had landed, and is ${name}`;
    return null;
  },

  'what follows the first messages decides nothing': (_, { before, news, now, result: { transaction } }) => {
    if (!('message' in news) || !isChain(before) || !isOpen(before)) return null;
    if (isLead(before, before.messages[news.message]!)) return null;
    const isPast = before.deadline !== null && now >= before.deadline;
    const { name } = transaction.status;
    if (name === 'failed' || name === 'unconfirmed' || (name === 'expired' && !isPast)) return `it made it ${name}`;
    if (name === 'succeeded' && !landed(before)) return 'it made it succeed';
    if (!landed(before) && landed(transaction)) return 'it landed a leg';
    return currentLeg(before) === currentLeg(transaction) ? null : 'it started the next leg';
  },

  'a hook is called as often as its own policy says': (_, { before, news, now, result: { transaction } }) => {
    if (news.kind !== 'rejected' && news.kind !== 'unknown') return null;
    const [was, after] = [before.messages[news.message]!, transaction.messages[news.message]!];
    if (!was.isHook || was.state.name !== 'sending' || was.facts.attempts !== news.attempt) return null;
    if (news.kind === 'rejected' && !news.retryable) return null;
    if (news.kind === 'unknown' && was.policy.onUnknown === 'leave') return null;
    const { attempts, backoffMs } = was.policy.retry ?? DEFAULT_RETRY;
    const used = attemptsUsed(was.facts);
    const backoff = backoffMs[used - 1] ?? backoffMs.at(-1) ?? 0;
    const isInTime = before.deadline === null || now + Math.ceil(backoff * JITTER_MAX) < before.deadline;
    if (used >= attempts || !isInTime || !isOpen(transaction) || !isUnderWay(transaction, was.leg)) return null;
    return isSettled(after.state) ? `it is ${after.state.name} after ${used} of ${attempts} calls` : null;
  },

  'nobody tells of a hook but its answer': ({ core }, { before, news, now, result: { transaction } }) => {
    if (news.kind !== 'receipt' || !before.messages[news.message]!.isHook || isDue(core, before, now)) return null;
    return same(before.messages[news.message]!.state, transaction.messages[news.message]!.state)
      ? null
      : 'a receipt did';
  },

  'each skip has its reason': (world, moment) => {
    const { before, result } = moment;
    const told = world.history.some(({ news }) => news.kind === 'skipped' && news.reason === 'ttl_expired');
    for (const [index, { state, leg, stage }] of result.transaction.messages.entries()) {
      if (state.name !== 'skipped' || before.messages[index]!.state.name === 'skipped') continue;
      // With its stage, for whose skip there is a reason below; or because the engine said so.
      const isWithStage = result.transaction.legs[leg]!.stages?.[stage]!.state.name === 'skipped';
      const isTold = moment.news.kind === 'skipped' && moment.news.message === index;
      const fault = isTold || isWithStage ? null : skipFault(moment, leg, state.reason, told);
      if (fault) return `message ${index} is skipped: ${fault}`;
    }
    return firstStage(moment, ({ before: was, after, leg }) => {
      if (after.state.name !== 'skipped' || was.state.name === 'skipped') return null;
      if (after.when && after.state.reason === 'condition_false') return null;
      const fault = skipFault(moment, leg, after.state.reason, told);
      return fault && `is skipped: ${fault}`;
    });
  },

  'the TTL stops whatever waits': (_, { news, now, result: { transaction } }) => {
    if (news.kind !== 'timer' || transaction.deadline === null || now < transaction.deadline) return null;
    if (transaction.messages.some(waits)) return 'a message waits';
    return transaction.legs.some(({ stages }) => stages?.some(isAhead)) ? 'a stage waits' : null;
  },

  'a cancel stops whatever waits': (_, { before, news, result: { transaction } }) => {
    if (news.kind !== 'cancelled' || !isOpen(before)) return null;
    return transaction.status.name === 'cancelled' ? null : `it is ${transaction.status.name}`;
  },

  'software decides nothing': ({ core }, { before, news, now, result }) => {
    if (news.kind !== 'machine_receipt' || isDue(core, before, now)) return null;
    if (result.effects.length > 0) return `it made it ${result.effects[0]!.kind}`;
    if (result.entries.length === 0) return 'it is not in the timeline';
    return same(before, result.transaction) ? null : 'the transaction differs';
  },

  'who unsubscribed has read': ({ truths }, { before, news, result: { transaction } }) => {
    if (news.kind !== 'receipt' || news.status !== 'unsubscribed' || !truths[news.message]!.taken) return null;
    if (before.messages[news.message]!.isHook) return null;
    const { state, facts } = transaction.messages[news.message]!;
    if (state.name !== 'read') return `the message is ${state.name}`;
    return facts.unsubscribedAt !== undefined && facts.readAt !== undefined ? null : 'it is not noted when';
  },
};

/** One stage of one leg, before and after the step. */
interface StageMoment {
  before: Stage;
  after: Stage;
  leg: number;
  at: number;
  /** All of its leg, after the step. */
  stages: Stage[];
}

/** The fault of the first stage that has one. */
function firstStage({ before, result }: Moment, faultOf: (stage: StageMoment) => string | null): string | null {
  for (const [leg, { stages = [] }] of result.transaction.legs.entries()) {
    for (const [at, after] of stages.entries()) {
      const fault = faultOf({ before: before.legs[leg]!.stages![at]!, after, leg, at, stages });
      if (fault) return `leg ${leg}, stage ${at} ${fault}`;
    }
  }
  return null;
}

function stageFault({ kind, state }: Stage, names: string[], isSettledAll: boolean): string | null {
  const others = `its messages are ${names.join(', ')}`;
  switch (state.name) {
    case 'pending':
    case 'skipped':
      return names.every((name) => name === state.name) ? null : others;
    case 'waiting':
      return kind === 'wait' ? null : `it is a ${kind}`;
    case 'running':
      if (kind === 'wait') return 'it is a wait';
      return names.includes('pending') || isSettledAll ? others : null;
    case 'done':
      return isSettledAll ? null : others;
    default:
      return unreachable(state);
  }
}

/** What a condition asks, by what is known. */
function conditionHolds(transaction: Transaction, leg: number, { stage, is }: When): boolean {
  const asked = ofStage(transaction, leg, stage);
  const isIt = is.endsWith('delivered')
    ? asked.some(({ state }) => isUp(state))
    : asked.some(({ facts }) => facts.clickedAt !== undefined);
  return isIt !== is.startsWith('not ');
}

/** True while the leg may still run stages: in a chain the current one until it fails, and the one that landed. */
function isUnderWay(transaction: Transaction, leg: number): boolean {
  if (!isChain(transaction)) return true;
  if (landed(transaction)) return transaction.legs[leg]!.hasLanded === true;
  return leg === currentLeg(transaction) && !hasFailed(transaction, leg);
}

/** A wait that is over goes on with any news. */
export function isDue(core: Core, transaction: Transaction, now: Instant): boolean {
  const due = core.dueAt(transaction);
  return due !== null && due <= now;
}

/** It was skipped for what it asks itself, not because its leg failed. */
function isOwnCondition({ result: { transaction } }: Moment, leg: number, { when, state }: Stage): boolean {
  if (when === undefined || state.name !== 'skipped' || state.reason !== 'condition_false') return false;
  return !isChain(transaction) || !hasFailed(transaction, leg);
}

function landed({ legs }: Transaction): boolean {
  return legs.some(({ hasLanded }) => hasLanded);
}

/** It landed by now, or before; a message that was taken for undelivered while it was sent had been accepted. */
function wasLandedWith(before: Transaction, after: Transaction, leg: number): boolean {
  if (before.legs[leg]!.hasLanded || landsWith(after, leg)) return true;
  const isAttempt = after.mode === 'fallback_on_attempt_failure';
  return isAttempt && leads(after, leg).some(({ state }) => state.name === 'undelivered');
}

function skipFault({ before, news, now, result }: Moment, leg: number, reason: string, told: boolean): string | null {
  const { transaction } = result;
  const { status, deadline } = transaction;
  switch (reason) {
    case 'chain_succeeded': {
      const hasSucceeded = status.name === 'succeeded' || landed(transaction);
      const isOther = !landsWith(transaction, leg) && !transaction.legs[leg]!.hasLanded;
      return isChain(transaction) && hasSucceeded && isOther ? null : reason;
    }
    case 'ttl_expired':
      return told || status.name === 'unconfirmed' || (deadline !== null && now >= deadline) ? null : reason;
    case 'cancelled':
      return news.kind === 'cancelled' && isOpen(before) ? null : reason;
    case 'condition_false':
      return isChain(transaction) && leads(transaction, leg).every(({ state }) => endedBadly(state)) ? null : reason;
    default:
      return reason;
  }
}
