/** Semantics §1: the order of a message's states, and which of them are an end. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { attemptsUsed, endedBadly, isPositive, isSettled, rank, stateOfReceipt, wasHandedOver } from './message.ts';
import { RECEIPT_STATUSES } from './message.ts';
import type { MessageState, MessageStateName } from './message.ts';

describe('semantics §1: message states', () => {
  test('the way up never turns', () => {
    const up: MessageStateName[] = [
      'pending',
      'queued',
      'accepted',
      'sent',
      'unconfirmed',
      'undelivered',
      'delivered',
      'read',
    ];
    const ranks = up.map(rank);
    assert.deepEqual(
      ranks,
      ranks.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(ranks).size, up.length);
  });

  test('states in which nobody knows yet are equals', () => {
    assert.deepEqual([rank('sending'), rank('unknown')], [rank('queued'), rank('queued')]);
    assert.equal(rank('rejected'), rank('unconfirmed'));
  });

  test('a receipt says delivered, read, or less; an open, a click or an unsubscription implies read', () => {
    const said = RECEIPT_STATUSES.map((status) => [status, stateOfReceipt(status), isPositive(status)]);
    assert.deepEqual(said, [
      ['accepted', 'accepted', false],
      ['sent', 'sent', false],
      ['delivered', 'delivered', true],
      ['read', 'read', true],
      ['opened', 'read', true],
      ['clicked', 'read', true],
      ['unsubscribed', 'read', true],
      ['undelivered', 'undelivered', false],
    ]);
  });

  const STATES: [state: MessageState, settled: boolean, badly: boolean][] = [
    [{ name: 'pending' }, false, false],
    [{ name: 'queued', notBefore: 1 }, false, false],
    [{ name: 'sending', since: 1 }, false, false],
    [{ name: 'unknown', retryAt: 1 }, false, false],
    [{ name: 'unknown', retryAt: null }, true, true],
    [{ name: 'accepted', confirmBy: null }, true, false],
    [{ name: 'sent', confirmBy: 1 }, true, false],
    [{ name: 'delivered' }, true, false],
    [{ name: 'read' }, true, false],
    [{ name: 'rejected', reason: 'blocked' }, true, true],
    [{ name: 'undelivered', reason: 'absent' }, true, true],
    [{ name: 'unconfirmed' }, true, true],
    [{ name: 'skipped', reason: 'no_address' }, true, true],
  ];
  for (const [state, settled, badly] of STATES) {
    test(`${JSON.stringify(state)} is ${settled ? 'settled' : 'open'}${badly ? ', badly' : ''}`, () => {
      assert.deepEqual([isSettled(state), endedBadly(state)], [settled, badly]);
    });
  }

  test('neither resends after crashes nor throttled handovers use attempts up', () => {
    assert.equal(attemptsUsed({ attempts: 6, rescues: 1, throttles: 2 }), 3);
    assert.equal(attemptsUsed({ attempts: 1 }), 1);
  });

  test('only what a provider may have was handed over', () => {
    const queued: MessageState = { name: 'queued', notBefore: 1 };
    const sending: MessageState = { name: 'sending', since: 1 };
    assert.equal(wasHandedOver(queued, { attempts: 1, throttles: 1 }), false);
    assert.equal(wasHandedOver(queued, { attempts: 2, throttles: 1 }), true);
    assert.equal(wasHandedOver(sending, { attempts: 1 }), false);
    assert.equal(wasHandedOver(sending, { attempts: 2, rescues: 1 }), true);
  });
});
