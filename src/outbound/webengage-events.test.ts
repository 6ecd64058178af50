import assert from 'node:assert/strict';
import test from 'node:test';
import type { ToldEvent } from '#ports/webhook-sender.ts';
import { webengageEvent } from './webengage-events.ts';

const AT = Date.UTC(2026, 4, 21, 10, 0, 0, 987);

function told(reference: string | null, state: string, type: ToldEvent['type'] = 'transaction.ended'): object {
  const transaction = {
    id: 't-1',
    txnId: 'webengage-message-id',
    userId: 'ana',
    state,
    late: false,
    campaignIds: ['~a'],
    reference,
    batchId: null,
  };
  return JSON.parse(webengageEvent({ id: 'e-1', type, at: AT, accountId: 'shop', transaction })) as object;
}

test('the end of a transaction is a notification in the words of the channel that it came by', () => {
  const phone = { version: '1.0', messageId: 'webengage-message-id', timestamp: '2026-05-21T10:00:00+0000' };
  const number = { ...phone, toNumber: '919999999999' };
  assert.deepEqual(told('webengage sms 919999999999', 'succeeded'), {
    ...number,
    status: 'sms_sent',
    statusCode: 0,
    reason: 'Success',
  });
  assert.deepEqual(told('webengage whatsapp 919999999999', 'failed'), {
    ...number,
    status: 'whatsapp_failed',
    statusCode: 2009,
    reason: 'failed',
  });
  assert.deepEqual(told('webengage rcs 919999999999', 'expired'), {
    ...number,
    status: 'rcs_failed',
    statusCode: 2007,
    reason: 'expired',
  });
  assert.deepEqual(told('webengage email ana@example.com', 'unconfirmed'), {
    ...phone,
    email: 'ana@example.com',
    event: 'BOUNCE',
    statusCode: 9012,
    message: 'unconfirmed',
  });
});

test('what the reader does is told where the channel has a word for it', () => {
  const words = (type: ToldEvent['type']) =>
    ['sms 1', 'whatsapp 1', 'rcs 1', 'email a@b.c'].map((to) => {
      const { status, event } = told(`webengage ${to}`, 'succeeded', type) as { status?: string; event?: string };
      return status ?? event;
    });
  assert.deepEqual(words('message.opened'), ['sms_sent', 'whatsapp_read', 'rcs_read', 'DELIVERED']);
  assert.deepEqual(words('message.unsubscribed'), ['sms_sent', 'whatsapp_read', 'rcs_read', 'UNSUBSCRIBE']);
});

test('what did not come by a gateway is told all the same, and so is a test', () => {
  const { status, messageId } = told(null, 'succeeded') as { status: string; messageId: string };
  assert.deepEqual([status, messageId], ['sms_sent', 'webengage-message-id']);
  const bare = JSON.parse(webengageEvent({ id: 'e-1', type: 'test', at: AT, accountId: 'shop' })) as object;
  assert.deepEqual(bare, {
    version: '1.0',
    messageId: 'e-1',
    toNumber: '',
    status: 'sms_sent',
    statusCode: 0,
    reason: 'Success',
    timestamp: '2026-05-21T10:00:00+0000',
  });
});
