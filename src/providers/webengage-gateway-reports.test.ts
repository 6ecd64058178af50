/** Notifications as in the vendor's pages, and as gateways in the field send them. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { callbackWith, freshMessageId } from '../../tests/support/provider-tools.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { REFUSAL_CODES } from './webengage-gateway-codes.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';
import { receiptsIn } from './webengage-gateway-reports.ts';

const messageId = freshMessageId();

const read = (channel: GatewayChannel, body: Json) => receiptsIn(callbackWith(body), channel);

/** A whole notification of each channel, to which a test gives its status. */
const SAMPLES: Record<GatewayChannel, JsonObject> = {
  sms: { version: '1.0', messageId, toNumber: '919999999999', status: 'sms_sent', statusCode: 0, smsCount: 1 },
  whatsapp: {
    version: '1.0',
    messageId,
    toNumber: '919999999999',
    status: 'whatsapp_sent',
    statusCode: 0,
    reason: 'sent successfully to user',
    timestamp: '2018-01-25T10:24:16+0000',
  },
  rcs: {
    version: '1.0',
    messageId,
    toNumber: '+919999999999',
    sender: 'sender-1',
    status: 'rcs_delivered',
    statusCode: 0,
    reason: 'Success',
    timestamp: '2024-08-12T14:57:16+0000',
  },
  email: {
    messageId,
    event: 'DELIVERED',
    timestamp: '2018-01-25T10:24:16+0000',
    email: 'ana@example.com',
    hashedEmail: '144e0424883546e07dcd727057fd3b62',
    statusCode: 1000,
    message: 'Success',
    version: '1.0',
  },
};

const sample = (channel: GatewayChannel, word: string, more: JsonObject = {}): JsonObject => ({
  ...SAMPLES[channel],
  ...(channel === 'email' ? { event: word } : { status: word }),
  ...more,
});

describe('a gateway’s notification', () => {
  test('each documented status means one thing: what is called sent on SMS and WhatsApp is delivered', () => {
    const words: [GatewayChannel, string, string | null][] = [
      ['sms', 'sms_sent', 'delivered'],
      ['sms', 'sms_failed', 'undelivered'],
      ['whatsapp', 'whatsapp_sent', 'delivered'],
      ['whatsapp', 'whatsapp_read', 'read'],
      ['whatsapp', 'whatsapp_failed', 'undelivered'],
      ['rcs', 'rcs_delivered', 'delivered'],
      ['rcs', 'rcs_read', 'read'],
      ['rcs', 'rcs_failed', 'undelivered'],
      ['email', 'SENT', 'sent'],
      ['email', 'DELIVERED', 'delivered'],
      ['email', 'BOUNCE', 'undelivered'],
      ['email', 'UNSUBSCRIBE', 'unsubscribed'],
      ['email', 'SPAM', 'delivered'],
      // Not on the pages; gateways send them.
      ['sms', 'sms_rejected', 'undelivered'],
      ['sms', 'SMS_SENT', 'delivered'],
      ['whatsapp', 'whatsapp_rejected', 'undelivered'],
      ['whatsapp', 'whatsapp_accepted', 'accepted'],
      ['rcs', 'RCS_READ', 'read'],
      ['rcs', 'rcs_sent', 'sent'],
      ['rcs', 'rcs_clicked', 'clicked'],
      ['email', 'OPEN', 'opened'],
      ['email', 'CLICK', 'clicked'],
      // Another channel's, and nobody's.
      ['sms', 'whatsapp_sent', null],
      ['whatsapp', 'rcs_delivered', null],
      ['rcs', 'sms_sent', null],
      ['email', 'constructor', null],
      ['sms', '', null],
    ];
    for (const [channel, word, meaning] of words) {
      const [receipt] = read(channel, sample(channel, word));
      assert.equal(receipt?.status ?? null, meaning, `${channel} ${word}`);
      if (receipt) assert.deepEqual([receipt.messageId, receipt.ref], [messageId, null]);
    }
  });

  test('a failure says why: our word for its code, the code, and the gateway’s text', () => {
    const cases: [GatewayChannel, JsonObject, string][] = [
      ['sms', { statusCode: 2009, message: 'absent subscriber' }, 'not_delivered: 2009 absent subscriber'],
      ['sms', { statusCode: '2007' }, 'invalid_content: 2007'],
      ['sms', { statusCode: 4711, message: 'odd' }, 'gateway_4711: 4711 odd'],
      ['whatsapp', { statusCode: 9988, reason: 'FAILED' }, 'refused: 9988 FAILED'],
      ['rcs', { statusCode: 1001, reason: '' }, 'not_reachable: 1001'],
    ];
    for (const [channel, more, reason] of cases) {
      const { reason: _, ...plain } = sample(channel, `${channel}_failed`);
      assert.equal(read(channel, { ...plain, ...more })[0]!.reason, reason);
    }
    const { statusCode: _, ...bare } = sample('sms', 'sms_failed');
    assert.equal(read('sms', bare)[0]!.reason, 'failed');
    assert.equal(read('sms', sample('sms', 'sms_failed', { message: 'y'.repeat(1_000) }))[0]!.reason!.length, 200);
    assert.equal(read('sms', SAMPLES.sms)[0]!.reason, null);
  });

  test('every code of a failure has its word', () => {
    for (const channel of Object.keys(SAMPLES) as GatewayChannel[]) {
      for (const [statusCode, { reason }] of REFUSAL_CODES[channel]) {
        const word = channel === 'email' ? 'BOUNCE' : `${channel}_failed`;
        const [receipt] = read(channel, sample(channel, word, { statusCode }));
        assert.equal(receipt!.reason!.split(':')[0], reason);
      }
    }
  });

  test('an address of e-mail that is dead, or has had enough, is to be suppressed', () => {
    const cases: [string, number, string | undefined][] = [
      ['BOUNCE', 9007, 'hard_bounce'],
      ['BOUNCE', 9021, 'hard_bounce'],
      ['BOUNCE', 9006, undefined],
      ['BOUNCE', 9019, undefined],
      ['BOUNCE', 9008, 'complaint'],
      ['SPAM', 9008, 'complaint'],
      ['SPAM', 1000, 'complaint'],
      ['UNSUBSCRIBE', 9009, 'unsubscribed'],
      ['UNSUBSCRIBE', 1000, 'unsubscribed'],
      ['DELIVERED', 1000, undefined],
    ];
    for (const [event, statusCode, reason] of cases) {
      const [receipt] = read('email', sample('email', event, { statusCode }));
      assert.equal(receipt!.suppress?.reason, reason, `${event} ${statusCode}`);
    }
    assert.equal(read('sms', sample('sms', 'sms_failed', { statusCode: 9007 }))[0]!.suppress, undefined);
  });

  test('a list of them is read whole', () => {
    const ids = Array.from({ length: 3 }, () => freshMessageId());
    const list = ids.map((id) => ({ ...SAMPLES.sms, messageId: id.toUpperCase() }));
    assert.deepEqual(
      read('sms', list).map((receipt) => receipt.messageId),
      ids,
    );
    assert.throws(
      () =>
        read(
          'sms',
          Array.from({ length: 1_001 }, () => SAMPLES.sms),
        ),
      { name: 'CallbackError' },
    );
  });

  test('of a message that is not ours is left alone', () => {
    for (const id of ['webengage-message-id', '', 'ed70a6d4-431c-4d18'])
      assert.deepEqual(read('whatsapp', { ...SAMPLES.whatsapp, messageId: id }), []);
  });

  test('that is none is refused', () => {
    const bodies: Json[] = [
      null,
      '',
      '<html>',
      {},
      [7],
      { messageId },
      { status: 'sms_sent' },
      { messageId: 7, status: 'x' },
    ];
    for (const body of bodies) assert.throws(() => read('sms', body), { name: 'CallbackError' });
    assert.throws(() => read('email', SAMPLES.sms), { name: 'CallbackError' });
  });
});
