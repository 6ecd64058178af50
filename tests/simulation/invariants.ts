/** What must hold after every step of every history. Each returns what is wrong, or null. */
import { attemptsUsed, isPositive, isSettled, rank } from '#domain/message.ts';
import { unreachable } from '#domain/unreachable.ts';
import { DEFAULT_RETRY } from '#domain/campaign.ts';
import { standsIn } from '#domain/timers.ts';
import { isSending } from '#domain/transaction.ts';
import type { Leg, Message, Transaction } from '#domain/transaction.ts';
import { FAILOVER_INVARIANTS } from './failover-invariants.ts';
import { JOURNEY_INVARIANTS, isDue } from './journey-invariants.ts';
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
  ofStage,
  positions,
  same,
  waits,
  wasCut,
} from './reading.ts';
import type { Moment, World } from './world.ts';

/** A rule of semantics.md, as a test of one step. */
export type Invariant = (world: World, moment: Moment) => string | null;

const GIVEN_UP = new Set(['expired', 'failed', 'unconfirmed']);

/** All invariants by name; planted faults are caught under these names. */
export const INVARIANTS: Record<string, Invariant> = {
  // A message's id is made of the transaction's id and its index: with both of them it never changes.
  'identity and order never change': (_, { before, result: { transaction } }) => {
    for (const key of ['id', 'accountId', 'txnId', 'userId', 'mode', 'startAt', 'deadline'] as const) {
      if (before[key] !== transaction[key]) return `${key} changed`;
    }
    return sameParts(before, transaction) ? null : 'legs, stages or messages are other ones';
  },

  'the same question gets the same answer': ({ core }, { before, news, now, result }) =>
    same(core.advance(before, news, now), result) ? null : 'asked again, it answered something else',

  'unchanged means unchanged': (_, { before, result }) => {
    if (result.changed) return null;
    if (result.effects.length > 0 || result.entries.length > 0) return 'it has effects or entries';
    return same(before, result.transaction) ? null : 'the transaction differs';
  },

  'dueAt tells when a timer does something': ({ core }, { now, result: { transaction } }) => {
    const due = core.dueAt(transaction);
    const isDue = due !== null && due <= now;
    const probe = core.advance(transaction, { kind: 'timer' }, now);
    if (probe.changed !== isDue)
      return `due at ${due}, now ${now}, but a timer changes ${probe.changed ? 'something' : 'nothing'}`;
    return null;
  },

  'a running transaction has a next moment': ({ core }, { result: { transaction } }) => {
    if (transaction.status.name !== 'running') return null;
    if (isSending(transaction) || standsIn(transaction)) return null;
    const due = core.dueAt(transaction);
    return due !== null && Number.isFinite(due) ? null : `nothing is sent, and it is due at ${due}`;
  },

  'what is sent is stored as sent': (_, { before, result: { transaction, effects } }) => {
    const asked = new Set(effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : [])));
    const wrong = transaction.messages.findIndex(({ state, facts }, index) => {
      const isStored = state.name === 'sending' && facts.attempts > before.messages[index]!.facts.attempts;
      return isStored !== asked.has(index);
    });
    if (wrong !== -1)
      return `message ${wrong} is ${asked.has(wrong) ? 'sent, but not stored' : 'stored, but not sent'}`;
    return asked.size === effects.filter(({ kind }) => kind === 'send').length ? null : 'a message is sent twice';
  },

  'one leg at a time': (_, { before, result: { transaction, effects } }) => {
    if (!isChain(transaction)) return null;
    const sending = positions(transaction).filter((leg) => {
      return leads(transaction, leg).some(({ state }) => state.name === 'sending');
    });
    if (isOpen(transaction) && sending.length > 1 && !landed(transaction))
      return `legs ${sending.join(' and ')} are sending`;
    const current = currentLeg(transaction);
    const other = effects.find((effect) => effect.kind === 'send' && legOf(before, effect.message) !== current);
    return other && !landed(transaction) ? `${JSON.stringify(other)}, but it is leg ${current}'s turn` : null;
  },

  'a leg starts after the one before it ended badly': (_, { before, result: { transaction } }) => {
    if (!isChain(transaction)) return null;
    for (const leg of positions(transaction)) {
      if (hasStarted(before, leg) || !hasStarted(transaction, leg)) continue;
      const earlier = positions(transaction).slice(0, leg);
      if (earlier.some((other) => leads(transaction, other).some(({ state }) => state.name === 'pending')))
        return `leg ${leg} jumped the queue`;
      if (leg > 0 && !hasFailed(transaction, leg - 1)) return `leg ${leg} did not wait`;
      if (positions(transaction).some((other) => landsWith(transaction, other) && other !== leg))
        return `leg ${leg} started after a success`;
    }
    return null;
  },

  'all legs start at once': (_, { before, result: { transaction } }) => {
    if (isChain(transaction) || before.status.name !== 'scheduled' || transaction.status.name !== 'running')
      return null;
    const waiting = transaction.legs.some(({ stages }, leg) => {
      if (stages?.[0]?.kind === 'wait') return stages[0].state.name !== 'waiting';
      return ofStage(transaction, leg, 0).some(({ state }) => state.name !== 'sending');
    });
    return waiting ? 'a leg waits' : null;
  },

  'nothing is sent at or after the deadline': (_, { now, before, result: { effects } }) =>
    before.deadline !== null && now >= before.deadline && effects.some(({ kind }) => kind === 'send') ? 'sent' : null,

  'nothing is sent after an end': (_, { before, result: { transaction, effects } }) => {
    if (!effects.some(({ kind }) => kind === 'send')) return null;
    return isOpen(before) && isOpen(transaction)
      ? null
      : `sent while ${before.status.name} → ${transaction.status.name}`;
  },

  'an end is an end': (_, { before, now, news, result: { transaction, effects } }) => {
    const ends = effects.filter(({ kind }) => kind === 'end').length;
    const { status } = transaction;
    if (same(before.status, status)) return ends === 0 ? null : 'it ended twice';
    if (isOpen(transaction)) return before.status.name === 'scheduled' ? null : 'it came back to life';
    if (ends !== 1) return `${ends} end effects`;
    if (!('endedAt' in status) || status.endedAt !== now) return 'endedAt is not now';
    const isLate = status.name === 'succeeded' && status.late;
    if (isOpen(before)) return isLate ? 'late before its end' : null;
    const mayTurn = isChain(before) && GIVEN_UP.has(before.status.name);
    const positive =
      news.kind === 'receipt' && isPositive(news.status) && isLead(before, before.messages[news.message]!);
    return mayTurn && isLate && positive ? null : `${before.status.name} became ${status.name} by ${news.kind}`;
  },

  'each end has its reason': (_, { before, news, result: { transaction } }) =>
    endWithoutReason(before, news.kind, transaction),

  'after an end nothing waits': (_, { result: { transaction } }) => {
    if (isOpen(transaction)) return null;
    const waiting = transaction.messages.findIndex(waits);
    if (waiting !== -1) return `message ${waiting} is ${transaction.messages[waiting]!.state.name}`;
    const ahead = transaction.legs.findIndex(({ stages }) => stages?.some(isAhead));
    return ahead === -1 ? null : `leg ${ahead} has stages ahead`;
  },

  'a positive receipt lands the chain whenever it comes': ({ truths }, { before, news, result: { transaction } }) => {
    if (news.kind !== 'receipt' || !isPositive(news.status) || !truths[news.message]!.taken) return null;
    const [was, after] = [before.messages[news.message]!, transaction.messages[news.message]!];
    if (was.isHook) return null;
    if (!isUp(after.state)) return `the message is ${after.state.name}`;
    if (!isChain(before) || !isLead(before, was)) return null;
    const isGivenUp = GIVEN_UP.has(before.status.name);
    const laterStarted = positions(before).some((leg) => leg > was.leg && hasStarted(before, leg));
    if (!isUp(was.state) && (laterStarted || isGivenUp) && !after.facts.late) return 'the message is not late';
    if (before.status.name === 'cancelled') return null;
    const goesOn = transaction.status.name === 'running' && landed(transaction);
    if (transaction.status.name !== 'succeeded' && !goesOn) return `the transaction is ${transaction.status.name}`;
    return isGivenUp && !(transaction.status.name === 'succeeded' && transaction.status.late) ? 'it is not late' : null;
  },

  'no message moves backwards': (_, { before, news, result: { transaction } }) => {
    for (const [index, { state }] of transaction.messages.entries()) {
      const was = before.messages[index]!.state;
      const about = news.kind === 'receipt' && news.message === index;
      if (about && rank(state.name) < rank(was.name)) return `a receipt made message ${index} ${state.name}`;
      if (rank(was.name) >= rank('undelivered') && rank(state.name) < rank(was.name))
        return `message ${index} left ${was.name}`;
      if (was.name !== 'pending' && state.name === 'pending') return `message ${index} is pending again`;
    }
    return null;
  },

  'a message that was handed over is never skipped': ({ truths }, { result: { transaction } }) => {
    const lost = transaction.messages.findIndex(({ state }, index) => {
      return state.name === 'skipped' && truths[index]!.handedOver;
    });
    return lost === -1 ? null : `message ${lost} is`;
  },

  'attempts keep to the policy': ({ truths }, { result: { transaction } }) => {
    for (const [index, message] of transaction.messages.entries()) {
      const { facts, policy } = message;
      const max = isRetried(transaction, message) ? (policy.retry ?? DEFAULT_RETRY).attempts : 1;
      const { sends, rescueSends } = truths[index]!;
      const { throttles = 0, failovers = 0 } = facts;
      if (attemptsUsed(facts) > max) return `message ${index}: attempt ${attemptsUsed(facts)} of ${max}`;
      if (sends - rescueSends - throttles - failovers > max) return `message ${index} was sent ${sends} times`;
    }
    return null;
  },

  'throttles are counted as they come': ({ truths }, { result: { transaction } }) => {
    const strange = transaction.messages.findIndex(({ facts }, index) => {
      return (facts.throttles ?? 0) > truths[index]!.throttledAnswers;
    });
    return strange === -1 ? null : `message ${strange} counts too many`;
  },

  'a stale answer decides nothing': ({ core }, { news, now, isStale, before, result: { transaction, effects } }) => {
    if (!isStale || news.kind === 'accepted' || isDue(core, before, now)) return null;
    if (effects.length > 0) return `${effects[0]!.kind} for an answer to a past attempt`;
    return same(before, transaction) ? null : 'the transaction differs';
  },

  'left means left': ({ truths }, { before, result: { effects } }) => {
    const sentAgain = effects.find(
      (effect) =>
        effect.kind === 'send' &&
        before.messages[effect.message]!.policy.onUnknown === 'leave' &&
        truths[effect.message]!.answerLost,
    );
    return sentAgain ? 'a message whose answer was lost was sent again' : null;
  },

  'event and profile once, after the first attempts': ({ setup, emitted }, { result: { transaction, effects } }) => {
    if (emitted.track > (setup.tracksEvent ? 1 : 0)) return `tracked ${emitted.track} times`;
    if (emitted.upsert > (setup.updatesProfile ? 1 : 0)) return `upserted ${emitted.upsert} times`;
    if (!effects.some(({ kind }) => kind === 'track' || kind === 'upsert')) return null;
    const first = (isChain(transaction) ? [0] : positions(transaction)).flatMap((leg) => ofStage(transaction, leg, 0));
    const early = first.find(({ state }) => state.name === 'pending' || state.name === 'sending');
    return early ? `done while the message was ${early.state.name}` : null;
  },

  ...JOURNEY_INVARIANTS,
  ...FAILOVER_INVARIANTS,
};

/** At the end of a history in which everybody answered and every timer fired. */
export function restFault(world: World): string | null {
  const { transaction, setup, emitted, history } = world;
  if (isOpen(transaction)) return `still ${transaction.status.name}`;
  const hasRun = history.some(({ result }) => result.transaction.status.name === 'running');
  if (transaction.status.name === 'cancelled' && !hasRun) {
    return emitted.track + emitted.upsert === 0 ? null : 'cancelled before it started, but processed';
  }
  if (isSending(transaction)) return 'still sending';
  if (setup.tracksEvent && emitted.track !== 1) return 'never tracked';
  if (setup.updatesProfile && emitted.upsert !== 1) return 'never upserted';
  return null;
}

function endWithoutReason(before: Transaction, news: string, transaction: Transaction): string | null {
  const { status, legs, messages, mode } = transaction;
  if (isOpen(transaction) || same(before.status, status)) return null;
  const judged = positions(transaction).flatMap((leg) => leads(transaction, leg));
  const expired = [...messages, ...legs.flatMap(({ stages = [] }) => stages)].some(wasCut);
  const isUnderWay = legs.some(({ hasLanded }, leg) => hasLanded && !isFinished(transaction, leg));
  // A receipt that overtook the provider's answer proves that the provider took the message.
  const taken = judged.some(({ state }) => ['accepted', 'sent', 'undelivered'].includes(state.name));
  const wasLanded = positions(transaction).some((leg) => landsWith(transaction, leg)) || landed(before);
  switch (status.name) {
    case 'completed':
      return mode === 'all' && !expired ? null : 'completed';
    case 'succeeded':
      if (isUnderWay && !status.late) return 'succeeded before the end of the journey';
      return wasLanded || (mode === 'fallback_on_attempt_failure' && taken) ? null : 'succeeded without a success';
    case 'expired':
      if (wasLanded && isChain(before)) return 'expired after a success';
      return (isChain(before) ? isCutOff(transaction) : expired) ? null : 'expired with every leg triggered';
    case 'failed':
      return isChain(before) && hasFailed(transaction, legs.length - 1) && !isLastUnconfirmed(transaction) && !wasLanded
        ? null
        : 'failed';
    case 'unconfirmed':
      return mode === 'fallback_on_delivery_failure' &&
        judged.some(({ state }) => state.name === 'unconfirmed') &&
        !wasLanded
        ? null
        : 'unconfirmed';
    case 'cancelled':
      return news === 'cancelled' ? null : 'cancelled by nobody';
    case 'scheduled':
    case 'running':
      return null;
    default:
      return unreachable(status);
  }
}

/** True when the TTL stopped a leg before anything of it could arrive. */
function isCutOff(transaction: Transaction): boolean {
  return positions(transaction).some((leg) => hasFailed(transaction, leg) && leads(transaction, leg).some(wasCut));
}

function isLastUnconfirmed(transaction: Transaction): boolean {
  return leads(transaction, transaction.legs.length - 1).some(({ state }) => state.name === 'unconfirmed');
}

function isFinished(transaction: Transaction, leg: number): boolean {
  const own = transaction.messages.filter((message) => message.leg === leg);
  return (transaction.legs[leg]!.stages ?? []).every(isOver) && own.every(({ state }) => isSettled(state));
}

/** The chain has landed, and the journey of the leg it landed with goes on. */
function landed({ legs }: Transaction): boolean {
  return legs.some(({ hasLanded }) => hasLanded);
}

/** Another channel waits behind the messages that an earlier leg is judged by; all others are retried. */
function isRetried(transaction: Transaction, message: Message): boolean {
  if (!isChain(transaction) || message.leg === transaction.legs.length - 1) return true;
  return !isLead(transaction, message) || transaction.legs[message.leg]!.hasLanded === true;
}

function legOf({ messages }: Transaction, index: number): number {
  return messages[index]!.leg;
}

/** True where the transactions have the same legs, stages and messages; their states may differ. */
function sameParts(one: Transaction, other: Transaction): boolean {
  if (one.legs.length !== other.legs.length || one.messages.length !== other.messages.length) return false;
  const isSameLeg = (leg: Leg, position: number) => {
    const { campaignId, campaignVersion, stages = [] } = other.legs[position]!;
    if (leg.campaignId !== campaignId || leg.campaignVersion !== campaignVersion) return false;
    if ((leg.stages ?? []).length !== stages.length) return false;
    return stages.every((stage, at) => same({ ...stage, state: null }, { ...leg.stages![at]!, state: null }));
  };
  const isSameMessage = (message: Message, index: number) => {
    const { leg, stage, isHook, policy } = other.messages[index]!;
    if (message.leg !== leg || message.stage !== stage || message.isHook !== isHook) return false;
    return same(message.policy, policy);
  };
  return one.legs.every(isSameLeg) && one.messages.every(isSameMessage);
}
