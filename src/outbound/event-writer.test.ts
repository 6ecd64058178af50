import assert from 'node:assert/strict';
import test from 'node:test';
import type { ToldEvent } from '#ports/webhook-sender.ts';
import { eventWriter } from './event-writer.ts';

const write = eventWriter('https://carom.example');
const AT = Date.UTC(2026, 4, 21, 10, 0, 0, 987);
const TRANSACTION = {
  id: 't-1',
  txnId: 'order-1',
  userId: 'ana',
  state: 'succeeded',
  late: false,
  campaignIds: ['~a'],
  reference: 'ref-7',
  batchId: 'b-1',
};

function event(changes: Partial<ToldEvent> = {}): ToldEvent {
  return { id: 'e-1', type: 'transaction.ended', at: AT, accountId: 'shop', transaction: TRANSACTION, ...changes };
}

const read = (text: string) => JSON.parse(text) as Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- because it is asserted on

test('a transaction’s end, as CloudEvents', () => {
  assert.deepEqual(read(write(event(), 'cloudevents')), {
    specversion: '1.0',
    id: 'e-1',
    source: 'https://carom.example/accounts/shop',
    type: 'carom.transaction.ended',
    subject: 't-1',
    time: '2026-05-21T10:00:00.987Z',
    datacontenttype: 'application/json',
    data: {
      account: 'shop',
      transactionId: 't-1',
      txnId: 'order-1',
      userId: 'ana',
      campaignIds: ['~a'],
      state: 'succeeded',
      late: false,
      reference: 'ref-7',
      batchId: 'b-1',
      at: '2026-05-21T10:00:00.987Z',
    },
  });
});

test('a batch’s end, in both formats', () => {
  const { transaction: _none, ...rest } = event();
  const counts = {
    total: 3,
    waiting: 0,
    refused: 1,
    running: 0,
    completed: 0,
    succeeded: 2,
    failed: 0,
    expired: 0,
    unconfirmed: 0,
    cancelled: 0,
  };
  const batch = { id: 'b-1', campaignIds: ['~a'], reference: 'ref-7', counts };
  const ended: ToldEvent = { ...rest, type: 'batch.ended', batch };
  const { subject, data } = read(write(ended, 'cloudevents'));
  assert.deepEqual([subject, data.batchId, data.counts, data.reference], ['b-1', 'b-1', counts, 'ref-7']);
  const { event: word, time, properties } = read(write(ended, 'xtremepush'));
  assert.deepEqual([word, time], ['batch_end', Math.floor(AT / 1_000)]);
  assert.deepEqual([properties.batch_id, properties.counts, properties.external_message_id], ['b-1', counts, 'ref-7']);
});

test('the client’s own reference is external_message_id in Xtremepush’s shape, and absent where there was none', () => {
  assert.equal(read(write(event(), 'xtremepush')).properties.external_message_id, 'ref-7');
  const without = event({ transaction: { ...TRANSACTION, reference: null } });
  assert.ok(!('external_message_id' in read(write(without, 'xtremepush')).properties));
});
