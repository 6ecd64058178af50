/** Cores with a planted fault each, and the rule that must catch it. They prove that the simulation can fail. */
import { dueAt } from '#domain/timers.ts';
import { advance } from '#domain/transaction.ts';
import type { Transaction } from '#domain/transaction.ts';
import { FAILOVER_FAULTS } from './failover-faults.ts';
import { JOURNEY_FAULTS } from './journey-faults.ts';
import { amended, disguised, isOver, withMessages, withPolicy, wrong } from './planting.ts';
import type { Fault } from './planting.ts';

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
        before.status.name === 'scheduled' && before.mode !== 'all' && before.messages.at(-1)!.leg > 0
          ? withMessages(result, (message, index) => {
              const isLast = index === before.messages.length - 1;
              return isLast
                ? { ...message, state: { name: 'sending', since: 0 }, facts: { attempts: 1, queuedAt: 0 } }
                : message;
            })
          : result,
      ),
  },
  'leaves later legs pending after a success': {
    rule: 'after an end nothing waits',
    core: () =>
      amended((result) =>
        withMessages(result, (message) =>
          message.state.name === 'skipped' && message.state.reason === 'chain_succeeded'
            ? { ...message, state: { name: 'pending' } }
            : message,
        ),
      ),
  },
  'counts a throttle twice': {
    rule: 'throttles are counted as they come',
    core: () =>
      amended((result, before, news) =>
        withMessages(result, (message, index) => {
          const { throttles } = message.facts;
          const isNew = throttles !== undefined && throttles !== before.messages[index]!.facts.throttles;
          return isNew && news.kind === 'throttled'
            ? { ...message, facts: { ...message.facts, throttles: throttles + 1 } }
            : message;
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
          ? { ...result, effects: [...result.effects, { kind: 'send', message: 0 }] }
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
        const isEarlier =
          news.kind === 'receipt' &&
          t.messages.some(({ leg, facts }) => leg > t.messages[news.message]!.leg && facts.queuedAt !== undefined);
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
          ? withMessages({ ...result, changed: true }, (message, index) =>
              index === news.message && message.state.name === 'read'
                ? { ...message, state: { name: 'delivered' } }
                : message,
            )
          : result,
      ),
  },
  'retries without end': {
    rule: 'attempts keep to the policy',
    core: () => withPolicy(({ policy }) => ({ ...policy, retry: { attempts: 20, backoffMs: [100] } })),
  },
  'takes any answer for the current one': {
    rule: 'a stale answer decides nothing',
    core: () =>
      wrong((t, news, now) =>
        advance(t, 'attempt' in news ? { ...news, attempt: t.messages[news.message]!.facts.attempts } : news, now),
      ),
  },
  'sends again what was to be left': {
    rule: 'left means left',
    core: () => withPolicy(({ policy: { onUnknown: _onUnknown, ...policy } }) => policy),
  },
  'forgets a retry': {
    rule: 'a running transaction has a next moment',
    core: () => ({
      advance,
      dueAt: (t) => (t.messages.some(({ state }) => state.name === 'queued') ? null : dueAt(t)),
    }),
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
        news.kind === 'skipped' && before.messages[news.message]!.state.name === 'sending' && result.changed
          ? withMessages(result, (message, index) =>
              index === news.message && message.state.name === 'unknown'
                ? { ...message, state: { name: 'skipped', reason: news.reason } }
                : message,
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
        entries: [...result.entries, { at: (asked += 1), what: 'dice', leg: null, message: null, detail: null }],
      }));
    },
  },
  'changes its argument': {
    rule: 'the argument is not changed',
    core: () =>
      wrong((transaction, news, now) => {
        if (transaction.messages[0]!.state.name === 'sending') transaction.messages[0]!.facts.attempts += 1;
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
  ...JOURNEY_FAULTS,
  ...FAILOVER_FAULTS,
};
