/** What must hold after every step of every history. Each returns what is wrong, or null. */
import { attemptsUsed, endedBadly, isPositive, isSettled, rank } from '#domain/message.ts';
import type { MessageState } from '#domain/message.ts';
import { unreachable } from '#domain/unreachable.ts';
import { DEFAULT_RETRY } from '#domain/campaign.ts';
import { isSending } from '#domain/transaction.ts';
import type { Leg, Transaction } from '#domain/transaction.ts';
import type { Moment, World } from './world.ts';

/** A rule of semantics.md, as a test of one step. */
type Invariant = (world: World, moment: Moment) => string | null;

const GIVEN_UP = new Set(['expired', 'failed', 'unconfirmed']);
const isOpen = ({ status }: Transaction) => status.name === 'running' || status.name === 'scheduled';
const isChain = ({ mode }: Transaction) => mode !== 'all';
const isUp = ({ name }: MessageState) => name === 'delivered' || name === 'read';
const wasTriggered = (leg: Leg) => leg.facts.queuedAt !== undefined;

/** All invariants by name; planted faults are caught under these names. */
export const INVARIANTS: Record<string, Invariant> = {
  // A message's id is made of the transaction's id and its position: with both of them it never changes.
  'identity and order never change': (_, { before, result: { transaction } }) => {
    for (const key of ['id', 'accountId', 'txnId', 'userId', 'mode', 'startAt', 'deadline'] as const) {
      if (before[key] !== transaction[key]) return `${key} changed`;
    }
    if (before.legs.length !== transaction.legs.length) return 'the number of legs changed';
    const moved = before.legs.findIndex((leg, position) => {
      const now = transaction.legs[position]!;
      return (
        leg.campaignId !== now.campaignId ||
        leg.campaignVersion !== now.campaignVersion ||
        !same(leg.policy, now.policy)
      );
    });
    return moved === -1 ? null : `leg ${moved} is another one`;
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
    if (transaction.legs.some((leg) => leg.state.name === 'sending')) return null;
    const due = core.dueAt(transaction);
    return due !== null && Number.isFinite(due) ? null : `nothing is sent, and it is due at ${due}`;
  },

  'one leg at a time': (_, { result: { transaction } }) => {
    const sending = transaction.legs.filter((leg) => leg.state.name === 'sending').length;
    return isChain(transaction) && sending > 1 ? `${sending} legs are sending` : null;
  },

  'a leg starts after the one before it ended badly': (_, { before, result: { transaction, effects } }) => {
    if (!isChain(transaction)) return null;
    for (const effect of effects) {
      if (effect.kind !== 'send' || before.legs[effect.leg]!.state.name !== 'pending') continue;
      const earlier = transaction.legs.slice(0, effect.leg);
      if (earlier.some((leg) => leg.state.name === 'pending')) return `leg ${effect.leg} jumped the queue`;
      if (effect.leg > 0 && !endedBadly(earlier.at(-1)!.state)) return `leg ${effect.leg} did not wait`;
      if (earlier.some((leg) => isUp(leg.state))) return `leg ${effect.leg} started after a delivery`;
    }
    return null;
  },

  'all legs start at once': (_, { before, result: { transaction } }) => {
    if (isChain(transaction) || before.status.name !== 'scheduled') return null;
    return transaction.status.name === 'running' && transaction.legs.some((leg) => leg.state.name !== 'sending')
      ? 'a leg waits'
      : null;
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
    const positive = news.kind === 'receipt' && isPositive(news.status);
    return mayTurn && isLate && positive ? null : `${before.status.name} became ${status.name} by ${news.kind}`;
  },

  'each end has its reason': (_, { before, news, result: { transaction } }) =>
    endWithoutReason(before, news.kind, transaction),

  'after an end nothing waits': (_, { result: { transaction } }) => {
    if (isOpen(transaction)) return null;
    const waiting = transaction.legs.findIndex(({ state }) => !isSettled(state) && state.name !== 'sending');
    return waiting === -1 ? null : `leg ${waiting} is ${transaction.legs[waiting]!.state.name}`;
  },

  'a positive receipt lands the chain whenever it comes': ({ truths }, { before, news, result: { transaction } }) => {
    if (news.kind !== 'receipt' || !isPositive(news.status) || !isChain(before)) return null;
    const after = transaction.legs[news.leg]!;
    if (!truths[news.leg]!.taken) return null;
    if (!isUp(after.state)) return `the message is ${after.state.name}`;
    if (before.status.name === 'cancelled') return null;
    if (transaction.status.name !== 'succeeded') return `the transaction is ${transaction.status.name}`;
    if (GIVEN_UP.has(before.status.name) && !transaction.status.late) return 'it is not late';
    const isNews = !isUp(before.legs[news.leg]!.state);
    const laterStarted = before.legs.slice(news.leg + 1).some(wasTriggered);
    return isNews && (laterStarted || GIVEN_UP.has(before.status.name)) && !after.facts.late
      ? 'the message is not late'
      : null;
  },

  'no message moves backwards': (_, { before, news, result: { transaction } }) => {
    for (const [position, { state }] of transaction.legs.entries()) {
      const was = before.legs[position]!.state;
      const about = news.kind === 'receipt' && news.leg === position;
      if (about && rank(state.name) < rank(was.name)) return `a receipt made leg ${position} ${state.name}`;
      if (rank(was.name) >= rank('undelivered') && rank(state.name) < rank(was.name))
        return `leg ${position} left ${was.name}`;
      if (was.name !== 'pending' && state.name === 'pending') return `leg ${position} is pending again`;
    }
    return null;
  },

  'a message that was handed over is never skipped': ({ truths }, { result: { transaction } }) => {
    const lost = transaction.legs.findIndex(
      ({ state }, position) => state.name === 'skipped' && truths[position]!.handedOver,
    );
    return lost === -1 ? null : `leg ${lost} is`;
  },

  'attempts keep to the policy': ({ truths }, { result: { transaction } }) => {
    for (const [position, { facts, policy }] of transaction.legs.entries()) {
      const isRetried = !isChain(transaction) || position === transaction.legs.length - 1;
      const max = isRetried ? (policy.retry ?? DEFAULT_RETRY).attempts : 1;
      const { sends, rescueSends } = truths[position]!;
      if (attemptsUsed(facts) > max) return `leg ${position}: attempt ${attemptsUsed(facts)} of ${max}`;
      if (sends - rescueSends - (facts.throttles ?? 0) > max) return `leg ${position} was sent ${sends} times`;
    }
    return null;
  },

  'throttles are counted as they come': ({ truths }, { result: { transaction } }) => {
    const strange = transaction.legs.findIndex(
      ({ facts }, position) => (facts.throttles ?? 0) > truths[position]!.throttledAnswers,
    );
    return strange === -1 ? null : `leg ${strange} counts too many`;
  },

  'a stale answer decides nothing': (_, { news, isStale, before, result: { transaction, effects } }) => {
    if (!isStale || news.kind === 'accepted') return null;
    if (effects.length > 0) return `${effects[0]!.kind} for an answer to a past attempt`;
    return same(before, transaction) ? null : 'the transaction differs';
  },

  'left means left': ({ truths }, { before, result: { effects } }) => {
    const sentAgain = effects.find(
      (effect) =>
        effect.kind === 'send' &&
        before.legs[effect.leg]!.policy.onUnknown === 'leave' &&
        truths[effect.leg]!.answerLost,
    );
    return sentAgain ? 'a message whose answer was lost was sent again' : null;
  },

  'event and profile once, after the first attempts': ({ setup, emitted }, { result: { transaction, effects } }) => {
    if (emitted.track > (setup.tracksEvent ? 1 : 0)) return `tracked ${emitted.track} times`;
    if (emitted.upsert > (setup.updatesProfile ? 1 : 0)) return `upserted ${emitted.upsert} times`;
    if (!effects.some(({ kind }) => kind === 'track' || kind === 'upsert')) return null;
    const first = isChain(transaction) ? transaction.legs.slice(0, 1) : transaction.legs;
    const early = first.find(({ state }) => state.name === 'pending' || state.name === 'sending');
    return early ? `done while the message was ${early.state.name}` : null;
  },
};

/** At the end of a history in which everybody answered and every timer fired. */
export function restFault(world: World): string | null {
  const { transaction, setup, emitted } = world;
  if (isOpen(transaction)) return `still ${transaction.status.name}`;
  if (transaction.status.name === 'cancelled' && !transaction.legs.some(wasTriggered)) {
    return emitted.track + emitted.upsert === 0 ? null : 'cancelled before it started, but processed';
  }
  if (isSending(transaction)) return 'still sending';
  if (setup.tracksEvent && emitted.track !== 1) return 'never tracked';
  if (setup.updatesProfile && emitted.upsert !== 1) return 'never upserted';
  return null;
}

function endWithoutReason(before: Transaction, news: string, transaction: Transaction): string | null {
  const { status, legs, mode } = transaction;
  if (isOpen(transaction) || same(before.status, status)) return null;
  const expired = legs.some(({ state }) => state.name === 'skipped' && state.reason === 'ttl_expired');
  const landed = legs.some(({ state }) => isUp(state));
  const taken = legs.some(({ state }) => ['accepted', 'sent', 'undelivered'].includes(state.name));
  const last = legs.at(-1)!.state;
  switch (status.name) {
    case 'completed':
      return mode === 'all' && !expired ? null : 'completed';
    case 'succeeded':
      return landed || (mode === 'fallback_on_attempt_failure' && taken) ? null : 'succeeded without a success';
    case 'expired':
      return expired ? null : 'expired with every leg triggered';
    case 'failed':
      return isChain(before) && endedBadly(last) && last.name !== 'unconfirmed' && !landed ? null : 'failed';
    case 'unconfirmed':
      return mode === 'fallback_on_delivery_failure' && legs.some(({ state }) => state.name === 'unconfirmed')
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

/** Deep equality of plain values; `undefined` members count. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let keys = 0;
  for (const key in left) {
    keys += 1;
    if (!same(left[key], right[key])) return false;
  }
  for (const _ in right) keys -= 1;
  return keys === 0;
}
