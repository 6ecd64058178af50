import assert from 'node:assert/strict';
import test from 'node:test';
import type { MessageFacts, MessageState } from './message.ts';
import type { Message, Transaction, TransactionStatus } from './transaction.ts';
import { advance } from './transaction.ts';
import { webhookEvents } from './webhook-events.ts';

const NOW = 5_000;

function message(state: MessageState, facts: Partial<MessageFacts> = {}, more: Partial<Message> = {}): Message {
  return { leg: 0, stage: 0, policy: {}, state, facts: { attempts: 1, ...facts }, ...more };
}

function transaction(messages: Message[], status: TransactionStatus = { name: 'running' }): Transaction {
  return {
    id: '0197-…',
    accountId: 'shop',
    txnId: 'order-1',
    userId: 'ana',
    mode: 'fallback_on_delivery_failure',
    createdAt: 1,
    startAt: 1,
    deadline: null,
    receiptWindowMs: 1_000,
    throttleWaitMs: 1_000,
    tracksEvent: false,
    updatesProfile: false,
    initialProcessing: 'done',
    status,
    legs: [{ campaignId: '~a', campaignVersion: 1 }],
    messages,
  };
}

/** Types of the events between two states of a message. */
function between(before: Message, after: Message): string[] {
  return webhookEvents(transaction([before]), transaction([after]), NOW).map(({ type }) => type);
}

const sending = message({ name: 'sending', since: 1 });
const accepted = message({ name: 'accepted', confirmBy: null }, { acceptedAt: 2 });
const read = (facts: Partial<MessageFacts>) => message({ name: 'read' }, { acceptedAt: 2, deliveredAt: 3, ...facts });

test('what a message newly came to is told', () => {
  assert.deepEqual(between(sending, accepted), ['message.sent']);
  const delivered = message({ name: 'delivered' }, { acceptedAt: 2, deliveredAt: 3 });
  assert.deepEqual(between(accepted, delivered), ['message.delivered']);
  assert.deepEqual(between(sending, delivered), ['message.sent', 'message.delivered']);
  assert.deepEqual(between(accepted, accepted), []);
});

test('each way to fail for good is a failure, once', () => {
  const ends: MessageState[] = [
    { name: 'rejected', reason: 'x' },
    { name: 'undelivered', reason: 'x' },
    { name: 'unconfirmed' },
  ];
  for (const state of ends) assert.deepEqual(between(accepted, message(state, { acceptedAt: 2 })), ['message.failed']);
  const unconfirmed = message({ name: 'unconfirmed' }, { acceptedAt: 2 });
  assert.deepEqual(between(unconfirmed, message({ name: 'undelivered', reason: 'x' }, { acceptedAt: 2 })), []);
  assert.deepEqual(between(sending, message({ name: 'unknown', retryAt: null }, { failedAt: 2 })), []);
  assert.deepEqual(between(sending, message({ name: 'skipped', reason: 'cancelled' })), []);
});

test('reading is opening; a click or an unsubscription is told as itself', () => {
  assert.deepEqual(between(read({}), read({ readAt: 4 })), ['message.opened']);
  assert.deepEqual(between(read({}), read({ readAt: 4, openedAt: 4 })), ['message.opened']);
  assert.deepEqual(between(read({ readAt: 4 }), read({ readAt: 4, openedAt: 5 })), []);
  assert.deepEqual(between(read({}), read({ readAt: 4, clickedAt: 4 })), ['message.clicked']);
  assert.deepEqual(between(read({ readAt: 4, clickedAt: 4 }), read({ readAt: 4, clickedAt: 4, openedAt: 5 })), [
    'message.opened',
  ]);
  assert.deepEqual(between(read({}), read({ readAt: 4, unsubscribedAt: 4 })), ['message.unsubscribed']);
});

test('a message that is read was delivered, whether that was reported or not', () => {
  const onlyRead = message({ name: 'read' }, { acceptedAt: 2, readAt: 4 });
  assert.deepEqual(between(accepted, onlyRead), ['message.delivered', 'message.opened']);
  assert.deepEqual(between(onlyRead, read({ readAt: 4, deliveredAt: 5 })), []);
});

test('hooks are no messages', () => {
  assert.deepEqual(between({ ...sending, isHook: true }, { ...accepted, isHook: true }), []);
});

test('the end is told when it comes, and when a late receipt turns it', () => {
  const [running, failed, late] = [
    transaction([]),
    transaction([], { name: 'failed', endedAt: 7 }),
    transaction([], { name: 'succeeded', endedAt: 9, late: true }),
  ];
  const end = (at: number) => [{ type: 'transaction.ended', message: null, at }];
  assert.deepEqual(webhookEvents(running, failed, NOW), end(7));
  assert.deepEqual(webhookEvents(failed, failed, NOW), []);
  assert.deepEqual(webhookEvents(failed, late, NOW), end(9));
});

test('accepting a transaction tells nothing: its first step only intends to send', () => {
  const planned = transaction([message({ name: 'pending' }, { attempts: 0 })], { name: 'scheduled' });
  const started = advance(planned, { kind: 'started' }, NOW).transaction;
  assert.equal(started.messages[0]!.state.name, 'sending');
  assert.deepEqual(webhookEvents(planned, started, NOW), []);
});
