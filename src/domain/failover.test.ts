/** Failover, step by step: what is stored, what is told, and what counts (semantics §2). */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { play } from '../../tests/support/domain/play.ts';
import { tellState } from '../../tests/support/domain/tell-state.ts';
import { attemptsUsed } from './message.ts';
import { dueAt } from './timers.ts';
import { advance } from './transaction.ts';
import type { Failover, Mode, News, Transaction } from './transaction.ts';

const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';

/** A transaction whose first leg is being sent, and a way to go on with it. */
function story(mode: Mode = 'all', given: Parameters<typeof play>[2] = { legs: [{}] }) {
  let { transaction, now } = play(mode, '', given);
  let last = { transaction, effects: [] as object[], entries: [] as { what: string; detail: string | null }[] };
  const tell = (news: News) => {
    last = advance(transaction, news, now);
    ({ transaction } = last);
    return last;
  };
  const on = () => ({ message: 0, attempt: transaction.messages[0]!.facts.attempts });
  return {
    tell,
    pass: (ms: number) => void (now += ms),
    wake: () => {
      now = dueAt(transaction)!;
      return tell({ kind: 'timer' });
    },
    refused: (failover?: Failover, retryable = true) =>
      tell({ kind: 'rejected', ...on(), reason: 'http_503', retryable, ...(failover && { failover }) }),
    throttled: (retryAfterMs: number, failover?: Failover, isBroken?: true) =>
      tell({ kind: 'throttled', ...on(), retryAfterMs, ...(failover && { failover }), ...(isBroken && { isBroken }) }),
    lost: () => tell({ kind: 'unknown', ...on(), reason: 'timeout' }),
    took: (at = on()) => tell({ kind: 'accepted', ...at, ref: 'r' }),
    on,
    outcome: () => tellState(transaction),
    facts: () => transaction.messages[0]!.facts,
    transaction: (): Transaction => transaction,
  };
}

const AB = { from: 'a', to: 'b' };
const BC = { from: 'b', to: 'c' };

describe('a refusal with another provider', () => {
  test('stores whom it goes to, tells it, asks for it at once, and uses up no attempt', () => {
    const one = story();
    const { effects, entries } = one.refused(AB);
    assert.deepEqual(effects, [{ kind: 'send', message: 0 }]);
    assert.deepEqual(
      entries.map(({ what, detail }) => `${what} ${detail}`),
      ['message.failover a → b: http_503'],
    );
    const { attempts, failovers, passed, via, provider } = one.facts();
    assert.deepEqual([attempts, failovers, passed, via, provider], [2, 1, ['a'], 'b', 'b']);
    assert.equal(attemptsUsed(one.facts()), 1);
    assert.equal(one.outcome(), 'running: sending');
  });

  test('judges the leg only when the last has spoken', () => {
    const one = story(ATTEMPT, { legs: [{}, {}] });
    one.refused(AB);
    one.refused(BC);
    assert.equal(one.outcome(), 'running: sending, pending');
    one.refused();
    assert.equal(one.outcome(), 'running: rejected, sending');
  });

  test('of all: the retry begins with the first again, as the second attempt', () => {
    const one = story();
    one.refused(AB);
    one.refused();
    assert.equal(one.outcome(), 'running: queued');
    assert.deepEqual([one.facts().passed, one.facts().via, one.facts().provider], [undefined, undefined, undefined]);
    one.wake();
    assert.equal(attemptsUsed(one.facts()), 2);
    one.refused(AB);
    assert.deepEqual(one.facts().passed, ['a']);
  });

  test('does nothing that was asked for already, after the deadline, or when nobody wants it any more', () => {
    const again = story();
    again.refused(AB);
    again.refused({ from: 'b', to: 'a' });
    assert.equal(again.outcome(), 'running: queued');
    const late = story('all', { legs: [{}], ttlMs: 1_000 });
    late.pass(1_000);
    late.refused(AB);
    assert.match(late.outcome(), /rejected/);
    const cancelled = story();
    cancelled.tell({ kind: 'cancelled' });
    cancelled.refused(AB);
    assert.equal(cancelled.outcome(), 'cancelled: rejected');
  });

  test('that comes late, for an attempt that is over, moves nothing', () => {
    const one = story();
    const first = one.on();
    one.refused(AB);
    one.tell({ kind: 'rejected', ...first, reason: 'x', retryable: true, failover: { from: 'a', to: 'c' } });
    assert.equal(one.facts().via, 'b');
    one.took(first);
    assert.equal(one.outcome(), 'completed: accepted');
  });
});

describe('being put off', () => {
  test('for a moment is waited for; for longer than that in all, it goes on', () => {
    const one = story();
    one.throttled(3_000, AB);
    assert.equal(one.outcome(), 'running: queued');
    one.wake();
    one.throttled(3_000, AB);
    assert.equal(one.outcome(), 'running: sending');
    assert.deepEqual([one.facts().via, one.facts().throttledSince, attemptsUsed(one.facts())], ['b', undefined, 1]);
  });

  test('by a provider that keeps failing is not waited for', () => {
    const one = story();
    const { entries } = one.throttled(500, AB, true);
    assert.equal(entries[0]!.detail, 'a → b: circuit_open');
    assert.equal(one.outcome(), 'running: sending');
  });

  test('without another provider is as ever', () => {
    const one = story(DELIVERY, { legs: [{}, {}] });
    one.refused(AB);
    one.throttled(6_000);
    assert.equal(one.outcome(), 'running: rejected, sending');
  });

  test('the wait over, the same provider is asked', () => {
    const one = story();
    one.refused(AB);
    one.throttled(1_000, BC);
    one.wake();
    assert.deepEqual([one.facts().passed, one.facts().via], [['a'], 'b']);
  });
});

describe('a lost answer', () => {
  test('moves nobody on: the same provider is asked again', () => {
    const one = story();
    one.refused(AB);
    one.lost();
    one.wake();
    assert.deepEqual([one.facts().passed, one.facts().via], [['a'], 'b']);
  });

  test('is not followed by another provider because one would have to wait', () => {
    const one = story();
    one.lost();
    one.wake();
    one.throttled(60_000, AB, true);
    assert.equal(one.outcome(), 'running: queued');
    assert.equal(one.facts().via, undefined);
  });

  test('is followed by another provider when the first refuses what is sent again', () => {
    const one = story();
    one.lost();
    one.wake();
    one.refused(AB);
    assert.equal(one.facts().via, 'b');
  });

  test('of a dead node leaves the message where it was', () => {
    const one = story();
    one.refused(AB);
    const { effects } = one.tell({ kind: 'rescued' });
    assert.deepEqual(effects, [{ kind: 'send', message: 0 }]);
    assert.deepEqual([one.facts().passed, one.facts().via], [['a'], 'b']);
  });
});

test('a provider that reports nothing decides the wait of the leg that it took, whoever stands first', () => {
  const one = story(DELIVERY, { legs: [{}, {}] });
  one.refused(AB);
  const handover = { channel: 'sms', provider: 'b', receipts: 'none', to: '+1', at: 0 } as const;
  one.tell({ kind: 'accepted', ...one.on(), ref: null, handover });
  assert.equal(one.outcome(), 'running: unconfirmed, sending');
  const other = story(DELIVERY, { legs: [{ receipts: 'none' }, {}] });
  other.refused(AB);
  other.tell({ kind: 'accepted', ...other.on(), ref: null, handover: { ...handover, receipts: 'callback' } });
  assert.equal(other.outcome(), 'running: accepted, pending');
});

describe('receipts', () => {
  const receipt = (status: 'delivered' | 'undelivered', provider: string): News => {
    return { kind: 'receipt', message: 0, status, reason: null, provider };
  };

  test('of the one that refused do not count, also when they come with its refusal', () => {
    const one = story(DELIVERY, { legs: [{}, {}] });
    one.refused(AB);
    const { entries } = one.tell(receipt('undelivered', 'a'));
    assert.deepEqual(
      entries.map(({ what, detail }) => `${what}: ${detail}`),
      ['receipt.ignored: undelivered by a, but it is with b'],
    );
    one.tell(receipt('delivered', 'a'));
    assert.equal(one.outcome(), 'running: sending, pending');
    one.tell(receipt('delivered', 'b'));
    assert.equal(one.outcome(), 'succeeded: delivered, chain_succeeded');
  });

  test('of one whose answer was lost count when they say that it arrived', () => {
    const one = story(DELIVERY, { legs: [{}] });
    one.lost();
    one.wake();
    one.refused(AB);
    one.tell(receipt('undelivered', 'a'));
    assert.equal(one.outcome(), 'running: sending');
    one.tell(receipt('delivered', 'a'));
    assert.equal(one.outcome(), 'succeeded: delivered');
  });
});
