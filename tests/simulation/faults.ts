/** Cores with a planted fault each, and the rule that must catch it. They prove that the simulation can fail. */
import { dueAt } from '#domain/timers.ts';
import { advance } from '#domain/transaction.ts';
import type { Advance, Leg, News, Transaction, TransactionStatus } from '#domain/transaction.ts';
import type { Core } from './world.ts';

/** A core that does one thing wrong. */
interface Fault {
  /** The rule that must catch it, alone: one of the invariants, or what `world.ts` sees to. */
  rule: string;
  core: () => Core;
}

type Advancing = Core['advance'];

const wrong = (faulty: Advancing): Core => ({ advance: faulty, dueAt });

/** Decides as if the transaction were another one, and hides that. */
function disguised(
  disguise: (transaction: Transaction) => Transaction,
  undo: (from: Transaction, to: Transaction) => Transaction,
): Core {
  const faulty: Advancing = (transaction, news, now) => {
    const result = advance(disguise(transaction), news, now);
    return { ...result, transaction: undo(transaction, result.transaction) };
  };
  return { advance: faulty, dueAt: (transaction) => dueAt(disguise(transaction)) };
}

function withPolicy(policy: Leg['policy']): Core {
  return disguised(
    (transaction) => ({
      ...transaction,
      legs: transaction.legs.map((leg) => ({ ...leg, policy: { ...leg.policy, ...policy } })),
    }),
    (from, to) => ({ ...to, legs: to.legs.map((leg, position) => ({ ...leg, policy: from.legs[position]!.policy })) }),
  );
}

/** Changes what `advance` answered. */
function amended(amend: (result: Advance, before: Transaction, news: News) => Advance): Core {
  return wrong((transaction, news, now) => amend(advance(transaction, news, now), transaction, news));
}

function withLegs(result: Advance, change: (leg: Leg, position: number) => Leg): Advance {
  return { ...result, transaction: { ...result.transaction, legs: result.transaction.legs.map(change) } };
}

const isOver = ({ name }: TransactionStatus) => name !== 'scheduled' && name !== 'running';

export const FAULTS: Record<string, Fault> = {
  'triggers and retries past the deadline': {
    rule: 'nothing is sent at or after the deadline',
    core: () => {
      const noTtl = (transaction: Transaction) => ({ ...transaction, deadline: null });
      return disguised(noTtl, ({ deadline }, to) => ({ ...to, deadline }));
    },
  },
  'forgets the event': {
    rule: 'every history comes to rest',
    core: () => amended((result) => ({ ...result, effects: result.effects.filter(({ kind }) => kind !== 'track') })),
  },
  'tracks again after every end': {
    rule: 'event and profile once, after the first attempts',
    core: () =>
      amended((result) =>
        isOver(result.transaction.status) && result.transaction.tracksEvent && result.changed
          ? { ...result, effects: [...result.effects, { kind: 'track' }] }
          : result,
      ),
  },
  'updates the profile at the start': {
    rule: 'event and profile once, after the first attempts',
    core: () =>
      amended((result, before) =>
        before.status.name === 'scheduled' && before.updatesProfile
          ? { ...result, effects: [...result.effects, { kind: 'upsert' }] }
          : result,
      ),
  },
  'turns the order after a crash': {
    rule: 'identity and order never change',
    core: () =>
      amended((result, _, news) =>
        news.kind === 'rescued'
          ? { ...result, transaction: { ...result.transaction, legs: result.transaction.legs.toReversed() } }
          : result,
      ),
  },
  'starts two legs at once': {
    rule: 'one leg at a time',
    core: () =>
      disguised(
        (transaction) => (transaction.status.name === 'scheduled' ? { ...transaction, mode: 'all' } : transaction),
        ({ mode }, to) => ({ ...to, mode }),
      ),
  },
  'starts one leg of all': {
    rule: 'all legs start at once',
    core: () =>
      disguised(
        (transaction) =>
          transaction.status.name === 'scheduled'
            ? { ...transaction, mode: 'fallback_on_attempt_failure' }
            : transaction,
        ({ mode }, to) => ({ ...to, mode }),
      ),
  },
  'begins with the second leg': {
    rule: 'a leg starts after the one before it ended badly',
    core: () =>
      amended((result, before) =>
        before.status.name === 'scheduled' && before.legs.length > 1 && result.effects[0]?.kind === 'send'
          ? { ...result, effects: [{ kind: 'send', leg: 1 }] }
          : result,
      ),
  },
  'leaves later legs pending after a success': {
    rule: 'after an end nothing waits',
    core: () =>
      amended((result) =>
        withLegs(result, (leg) =>
          leg.state.name === 'skipped' && leg.state.reason === 'chain_succeeded'
            ? { ...leg, state: { name: 'pending' } }
            : leg,
        ),
      ),
  },
  'counts a throttle twice': {
    rule: 'throttles are counted as they come',
    core: () =>
      amended((result, before, news) =>
        withLegs(result, (leg, position) => {
          const { throttles } = leg.facts;
          const isNew = throttles !== undefined && throttles !== before.legs[position]!.facts.throttles;
          return isNew && news.kind === 'throttled'
            ? { ...leg, facts: { ...leg.facts, throttles: throttles + 1 } }
            : leg;
        }),
      ),
  },
  'takes acceptance for delivery': {
    rule: 'each end has its reason',
    core: () =>
      disguised(
        (t) => (t.mode === 'fallback_on_delivery_failure' ? { ...t, mode: 'fallback_on_attempt_failure' } : t),
        ({ mode }, to) => ({ ...to, mode }),
      ),
  },
  'sends when an ended transaction hears a receipt': {
    rule: 'nothing is sent after an end',
    core: () =>
      amended((result, before, news) =>
        isOver(before.status) && news.kind === 'receipt' && result.changed
          ? { ...result, effects: [...result.effects, { kind: 'send', leg: 0 }] }
          : result,
      ),
  },
  'is deaf after the end': {
    rule: 'a positive receipt lands the chain whenever it comes',
    core: () =>
      wrong((t, news, now) => advance(t, isOver(t.status) && news.kind === 'receipt' ? { kind: 'timer' } : news, now)),
  },
  'is deaf to earlier legs': {
    rule: 'a positive receipt lands the chain whenever it comes',
    core: () =>
      wrong((t, news, now) => {
        const isEarlier = news.kind === 'receipt' && t.legs[news.leg + 1]?.facts.queuedAt !== undefined;
        return advance(t, isEarlier ? { kind: 'timer' } : news, now);
      }),
  },
  'forgets that a success was late': {
    rule: 'an end is an end',
    core: () =>
      amended((result) => {
        const { status } = result.transaction;
        return status.name === 'succeeded'
          ? { ...result, transaction: { ...result.transaction, status: { ...status, late: false } } }
          : result;
      }),
  },
  'revives what was cancelled': {
    rule: 'an end is an end',
    core: () =>
      amended((result, before, news) =>
        before.status.name === 'cancelled' && news.kind === 'receipt'
          ? { ...result, transaction: { ...result.transaction, status: { name: 'succeeded', endedAt: 0, late: true } } }
          : result,
      ),
  },
  'lets a receipt lower a message': {
    rule: 'no message moves backwards',
    core: () =>
      amended((result, _, news) =>
        news.kind === 'receipt' && news.status === 'sent'
          ? withLegs({ ...result, changed: true }, (leg, position) =>
              position === news.leg && leg.state.name === 'read' ? { ...leg, state: { name: 'delivered' } } : leg,
            )
          : result,
      ),
  },
  'retries without end': {
    rule: 'attempts keep to the policy',
    core: () => withPolicy({ retry: { attempts: 20, backoffMs: [100] } }),
  },
  'takes any answer for the current one': {
    rule: 'a stale answer decides nothing',
    core: () =>
      wrong((t, news, now) =>
        advance(t, 'attempt' in news ? { ...news, attempt: t.legs[news.leg]!.facts.attempts } : news, now),
      ),
  },
  'sends again what was to be left': {
    rule: 'left means left',
    core: () =>
      disguised(
        (t) => ({
          ...t,
          legs: t.legs.map((leg) => ({ ...leg, policy: { ...leg.policy, onUnknown: undefined as never } })),
        }),
        (from, to) => ({
          ...to,
          legs: to.legs.map((leg, position) => ({ ...leg, policy: from.legs[position]!.policy })),
        }),
      ),
  },
  'forgets a retry': {
    rule: 'a running transaction has a next moment',
    core: () => ({ advance, dueAt: (t) => (t.legs.some(({ state }) => state.name === 'queued') ? null : dueAt(t)) }),
  },
  'wakes for nothing': {
    rule: 'dueAt tells when a timer does something',
    core: () => ({ advance, dueAt: (t) => (t.status.name === 'running' ? t.createdAt : dueAt(t)) }),
  },
  'counts the timers that fire': {
    rule: 'dueAt tells when a timer does something',
    core: () => amended((result, _, news) => (news.kind === 'timer' ? { ...result, changed: true } : result)),
  },
  'forgets to say that something changed': {
    rule: 'unchanged means unchanged',
    core: () =>
      amended((result, _, news) =>
        news.kind === 'receipt' ? { ...result, changed: false, entries: [], effects: [] } : result,
      ),
  },
  'skips what a dead node may have handed over': {
    rule: 'a message that was handed over is never skipped',
    core: () =>
      amended((result, before, news) =>
        news.kind === 'skipped' && before.legs[news.leg]!.state.name === 'sending' && result.changed
          ? withLegs(result, (leg, position) =>
              position === news.leg && leg.state.name === 'unknown'
                ? { ...leg, state: { name: 'skipped', reason: news.reason } }
                : leg,
            )
          : result,
      ),
  },
  'throws dice': {
    rule: 'the same question gets the same answer',
    core: () => {
      let asked = 0;
      return amended((result) => ({
        ...result,
        entries: [...result.entries, { at: (asked += 1), what: 'dice', leg: null, detail: null }],
      }));
    },
  },
  'changes its argument': {
    rule: 'the argument is not changed',
    core: () =>
      wrong((transaction, news, now) => {
        if (transaction.legs[0]!.state.name === 'sending') transaction.legs[0]!.facts.attempts += 1;
        return advance(transaction, news, now);
      }),
  },
  'never ends': {
    rule: 'every history comes to rest',
    core: () =>
      amended((result, before) =>
        before.status.name === 'running' && isOver(result.transaction.status)
          ? {
              ...result,
              transaction: { ...result.transaction, status: before.status },
              effects: result.effects.filter(({ kind }) => kind !== 'end'),
            }
          : result,
      ),
  },
};
