import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import test, { describe } from 'node:test';
import { SignJWT } from 'jose';
import { START, callbackWith, freshMessageId } from '../../tests/support/provider-tools.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { CallbackDeferredError, CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback } from '#ports/provider.ts';
import { assertSignedByVonage, vonageReceipts } from './vonage-receipts.ts';

const SECRET = 'a signature secret of more than 32 bits';
const KEY = createSecretKey(Buffer.from(SECRET));
const MESSAGE = freshMessageId();
const UUID = 'aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab';

/** As the documentation shows it. */
const webhook = (changes: JsonObject = {}): JsonObject => ({
  message_uuid: UUID,
  to: '447700900000',
  from: '447700900001',
  timestamp: '2025-02-03T12:14:25Z',
  status: 'submitted',
  client_ref: MESSAGE,
  usage: { currency: 'EUR', price: '0.0333' },
  channel: 'sms',
  destination: { network_code: '12345' },
  sms: { count_total: '2' },
  ...changes,
});

describe('a status', () => {
  const receiptsOf = (body: Json, query: Record<string, string> = {}) => vonageReceipts(callbackWith(body, { query }));
  const words: [word: string, status: string, reason: string | null][] = [
    ['submitted', 'sent', null],
    ['delivered', 'delivered', null],
    ['read', 'read', null],
    ['rejected', 'undelivered', 'rejected'],
    ['undeliverable', 'undelivered', 'undeliverable'],
  ];
  for (const [word, status, reason] of words)
    test(word, () => {
      assert.deepEqual(receiptsOf(webhook({ status: word })), [{ messageId: MESSAGE, ref: UUID, status, reason }]);
    });

  const reasons: [code: string, reason: string][] = [
    ['1180', 'unreachable'],
    ['1190', 'unknown_subscriber'],
    ['1210', 'filtered'],
    ['1260', 'not_reachable'],
    ['1340', 'window_closed'],
    ['1360', 'expired'],
    ['1999', 'vonage_1999'],
  ];
  for (const [code, reason] of reasons)
    test(`with the error ${code}, in each form that there is`, () => {
      const type = `https://developer.vonage.com/api-errors/messages#${code}`;
      const other = 'https://developer.vonage.com/api-errors/messages#rejected';
      const errors: JsonObject[] = [
        { type, title: Number(code) },
        { type: other, title: code },
        { error: { type, title: Number(code) } },
      ];
      for (const error of errors) assert.equal(receiptsOf(webhook({ status: 'rejected', error }))[0]?.reason, reason);
    });

  test('of somebody who wrote STOP suppresses the address', () => {
    const error = { type: 'https://developer.vonage.com/api-errors/messages#1240', title: 1240 };
    const [receipt] = receiptsOf(webhook({ status: 'rejected', error }));
    assert.deepEqual([receipt?.reason, receipt?.suppress], ['opted_out', { reason: 'unsubscribed' }]);
  });

  test('names the message by what we gave, wherever that is', () => {
    assert.equal(receiptsOf(webhook({ client_ref: MESSAGE.toUpperCase() }))[0]?.messageId, MESSAGE);
    assert.equal(receiptsOf(webhook({ client_ref: 'x' }), { message: MESSAGE })[0]?.messageId, MESSAGE);
    assert.equal(receiptsOf(webhook({ client_ref: 'x' }))[0]?.messageId, null);
  });

  test('that nobody knows reports nothing', () => assert.deepEqual(receiptsOf(webhook({ status: 'pondering' })), []));

  const others: Json[] = [
    null,
    'hello',
    [],
    [webhook()],
    { status: 'read' },
    { message_uuid: UUID },
    { message_uuid: 7, status: 'read' },
  ];
  for (const body of others)
    test(`that is none is refused: ${JSON.stringify(body).slice(0, 40)}`, () => {
      assert.throws(() => receiptsOf(body), CallbackError);
    });
});

describe('a signature', () => {
  const NOW_S = START / 1_000;
  const body = webhook();
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const sign = (claims: JsonObject, secret = SECRET, alg = 'HS256') =>
    new SignJWT({ iss: 'Vonage', api_key: 'abcd1234', jti: 'c5ba8f24', ...claims })
      .setProtectedHeader({ alg, typ: 'JWT' })
      .sign(Buffer.from(secret));
  const check = (authorization: string | null, callback: Callback = callbackWith(body)) =>
    assertSignedByVonage({ ...callback, headers: authorization === null ? {} : { authorization } }, KEY, START);

  test('fits the body it is about', async () => {
    await check(`Bearer ${await sign({ iat: NOW_S, payload_hash: hash })}`);
    await check(`bearer ${await sign({ iat: NOW_S, payload_hash: hash.toUpperCase() })}`);
  });

  test('may be a day old, for Vonage tries again that long, or a little ahead', async () => {
    for (const iat of [NOW_S - 86_400, NOW_S + 60]) await check(`Bearer ${await sign({ iat, payload_hash: hash })}`);
  });

  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const forged: [what: string, token: () => Promise<string> | string][] = [
    ['another secret’s', () => sign({ iat: NOW_S, payload_hash: hash }, 'another secret, as long as the right one')],
    ['another algorithm’s', () => sign({ iat: NOW_S, payload_hash: hash }, SECRET.repeat(2), 'HS512')],
    [
      'another body’s',
      () => sign({ iat: NOW_S, payload_hash: hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }),
    ],
    ['about no body', () => sign({ iat: NOW_S })],
    ['without a time', () => sign({ payload_hash: hash })],
    ['too old', () => sign({ iat: NOW_S - 90_000, payload_hash: hash })],
    ['of the future', () => sign({ iat: NOW_S + 3_600, payload_hash: hash })],
    [
      'unsigned',
      () => `${none}.${Buffer.from(JSON.stringify({ iat: NOW_S, payload_hash: hash })).toString('base64url')}.`,
    ],
    ['no token', () => 'a.b.c'],
  ];
  for (const [what, token] of forged)
    test(`is refused: ${what}`, async () => {
      await assert.rejects(check(`Bearer ${await token()}`), ForgedCallbackError);
    });

  test('that is missing is asked for again', async () => {
    await assert.rejects(check(null), CallbackDeferredError);
    await assert.rejects(check('Basic abc'), CallbackDeferredError);
  });
});
