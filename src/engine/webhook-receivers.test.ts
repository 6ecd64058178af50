import assert from 'node:assert/strict';
import test from 'node:test';
import { createReceivers, noteFailure, noteSuccess, roomOf } from './webhook-receivers.ts';

const NAME = { accountId: 'shop', webhookId: 'crm' };
const times = (count: number, work: () => void) => Array.from({ length: count }).forEach(work);

test('a receiver nobody knows gets a few calls, one that answers more and more, up to a bound', () => {
  const receiver = createReceivers().of(NAME);
  assert.equal(roomOf(receiver, 0), 8);
  times(10, () => noteSuccess(receiver));
  assert.equal(roomOf(receiver, 0), 18);
  times(1_000, () => noteSuccess(receiver));
  assert.equal(roomOf(receiver, 0), 256);
  receiver.underWay = 252;
  assert.equal(roomOf(receiver, 0), 4);
});

test('one that fails gets half with each failure, and after five in a row is left alone, twice as long each time, up to a minute', () => {
  const receiver = createReceivers().of(NAME);
  times(4, () => noteFailure(receiver, 0, null));
  assert.equal(roomOf(receiver, 0), 1);
  const pauses = Array.from({ length: 9 }, () => {
    noteFailure(receiver, 0, null);
    return receiver.pausedUntil;
  });
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(roomOf(receiver, 59_999), 0);
  assert.equal(roomOf(receiver, 60_000), 1);
  noteSuccess(receiver);
  assert.equal(roomOf(receiver, 0), 2);
});

test('one that asks to be left alone is, for a minute at most', () => {
  const receiver = createReceivers().of(NAME);
  noteFailure(receiver, 0, 7_000);
  assert.equal(receiver.pausedUntil, 7_000);
  noteFailure(receiver, 0, 3_600_000);
  assert.equal(receiver.pausedUntil, 60_000);
});

test('what is remembered is bounded, and never what is under way', () => {
  const receivers = createReceivers();
  receivers.of(NAME).underWay = 1;
  for (let n = 0; n < 10_100; n++) receivers.of({ accountId: 'shop', webhookId: String(n) });
  assert.equal(receivers.of(NAME).underWay, 1);
  assert.equal(receivers.underWay(), 1);
});
