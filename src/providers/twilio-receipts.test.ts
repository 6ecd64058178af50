import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import { callbackWith, freshMessageId } from '../../tests/support/provider-tools.ts';
import { CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback } from '#ports/provider.ts';
import { assertSignedByTwilio, twilioReceipts } from './twilio-receipts.ts';

const ACCOUNT = 'AC00000000000000000000000000000001';
const SID = 'SM1234567890abcdef1234567890abcdef';

const form = (fields: Record<string, string>, url = '', signature = ''): Callback =>
  callbackWith(Buffer.from(new URLSearchParams(fields).toString()), {
    url,
    headers: { 'x-twilio-signature': signature },
  });

describe('a signature', () => {
  // The example of https://www.twilio.com/docs/usage/security, as Twilio's libraries test it.
  const URL = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  const FIELDS = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
    To: '+18005551212',
  };
  const SIGNATURE = 'RSOYDt4T1cUTdK1PDd93/VVr8B8=';

  test('of the documentation fits', () => assertSignedByTwilio(form(FIELDS, URL, SIGNATURE), '12345'));

  test('fits with the usual port, and without', () => {
    assertSignedByTwilio(form(FIELDS, 'https://mycompany.com:443/myapp.php?foo=1&bar=2', SIGNATURE), '12345');
    const withPort = sign('https://mycompany.com:443/myapp.php?foo=1&bar=2');
    assertSignedByTwilio(form({}, URL, withPort), '12345');
    assertSignedByTwilio(form({}, 'http://carom.example/r', sign('http://carom.example:80/r')), '12345');
    const unusual = 'https://carom.example:8443/r';
    assertSignedByTwilio(form({}, unusual, sign(unusual)), '12345');
  });

  test('counts a field once that comes twice with the same value', () => {
    const raw = Buffer.from('B=2&A=1&B=1&B=2');
    const callback = { ...form({}, URL, sign(`${URL}A1B1B2`)), raw };
    assertSignedByTwilio(callback, '12345');
  });

  test('is over the query alone of a GET', () => {
    assertSignedByTwilio({ ...form(FIELDS, URL, sign(URL)), method: 'GET' }, '12345');
  });

  const forged: [what: string, callback: Callback][] = [
    ['another token’s', form(FIELDS, URL, sign(URL, 'other'))],
    ['none', callbackWith(Buffer.from('a=1'), { url: URL })],
    ['half of one', form(FIELDS, URL, SIGNATURE.slice(0, 10))],
    ['another address’s', form(FIELDS, URL.replace('foo=1', 'foo=2'), SIGNATURE)],
    ['another body’s', form({ ...FIELDS, Digits: '1235' }, URL, SIGNATURE)],
    ['no base64', form(FIELDS, URL, '💥')],
    ['for no address at all', form(FIELDS, 'mailto:x', SIGNATURE)],
  ];
  for (const [what, callback] of forged)
    test(`is refused: ${what}`, () => {
      assert.throws(() => assertSignedByTwilio(callback, '12345'), ForgedCallbackError);
    });

  function sign(text: string, token = '12345'): string {
    return createHmac('sha1', token).update(text).digest('base64');
  }
});

describe('a status', () => {
  const message = freshMessageId();
  /** As the documentation shows it. */
  const callback = (changes: Record<string, string>): Callback => ({
    ...form({
      AccountSid: ACCOUNT,
      SmsSid: SID,
      SmsStatus: 'sent',
      MessageStatus: 'sent',
      MessageSid: SID,
      To: '+15558675310',
      From: '+15017122661',
      ApiVersion: '2010-04-01',
      ...changes,
    }),
    query: { message },
  });
  const ours: Record<string, string | null> = {
    accepted: 'accepted',
    scheduled: 'accepted',
    queued: 'accepted',
    sending: 'accepted',
    sent: 'sent',
    partially_delivered: 'sent',
    delivered: 'delivered',
    read: 'read',
    undelivered: 'undelivered',
    failed: 'undelivered',
    canceled: 'undelivered',
    receiving: null,
    received: null,
  };
  const { statuses } = JSON.parse(
    readFileSync(new URL('../../tests/fixtures/twilio-create-message.json', import.meta.url), 'utf8'),
  ) as { statuses: string[] };

  for (const word of statuses)
    test(word, () => {
      const status = ours[word];
      const reason = status === 'undelivered' ? word : null;
      const receipts = status === null ? [] : [{ messageId: message, ref: SID, status, reason }];
      assert.deepEqual(twilioReceipts(callback({ MessageStatus: word }), ACCOUNT), receipts);
    });

  const reasons: [code: string, reason: string][] = [
    ['30001', 'queue_full'],
    ['30002', 'account_suspended'],
    ['30003', 'unreachable'],
    ['30004', 'blocked'],
    ['30005', 'unknown_subscriber'],
    ['30006', 'not_reachable'],
    ['30007', 'filtered'],
    ['30008', 'network_error'],
    ['63016', 'window_closed'],
    ['12345', 'twilio_12345'],
  ];
  for (const [code, reason] of reasons)
    test(`with the error ${code}`, () => {
      const [receipt] = twilioReceipts(callback({ MessageStatus: 'undelivered', ErrorCode: code }), ACCOUNT);
      assert.deepEqual(receipt, { messageId: message, ref: SID, status: 'undelivered', reason });
    });

  test('of somebody who wrote STOP suppresses the address', () => {
    const [receipt] = twilioReceipts(callback({ MessageStatus: 'failed', ErrorCode: '21610' }), ACCOUNT);
    assert.deepEqual([receipt?.reason, receipt?.suppress], ['opted_out', { reason: 'unsubscribed' }]);
  });

  test('of another account reports nothing, nor does a word nobody knows', () => {
    assert.deepEqual(twilioReceipts(callback({ AccountSid: 'AC2' }), ACCOUNT), []);
    assert.deepEqual(twilioReceipts(callback({ MessageStatus: 'pondering' }), ACCOUNT), []);
  });

  test('without our id is known by Twilio’s', () => {
    const [receipt] = twilioReceipts({ ...callback({}), query: { message: 'x' } }, ACCOUNT);
    assert.deepEqual([receipt?.messageId, receipt?.ref], [null, SID]);
  });

  for (const raw of [
    '',
    'MessageStatus=sent',
    `MessageSid=${SID}`,
    'MessageSid=1&MessageStatus=sent',
    '{"a":1}',
    '%%%',
  ])
    test(`that is none is refused: ${raw}`, () => {
      assert.throws(() => twilioReceipts({ ...callback({}), raw: Buffer.from(raw) }, ACCOUNT), CallbackError);
    });
});
