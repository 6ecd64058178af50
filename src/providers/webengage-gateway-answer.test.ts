import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testTools } from '../../tests/support/provider-tools.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { outcomeOfSend } from './webengage-gateway-answer.ts';
import { REFUSAL_CODES } from './webengage-gateway-codes.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';

const { clock } = testTools();

function judged(
  channel: GatewayChannel,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): SendOutcome {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return outcomeOfSend({ kind: 'answered', status, headers, body: Buffer.from(text), lost: null }, channel, clock);
}

/** The tables of the vendor's pages: code → the HTTP status that goes with it. RCS as printed, scrambled. */
const DOCUMENTED: Record<GatewayChannel, Record<number, number>> = {
  sms: {
    2000: 200,
    2001: 401,
    2002: 400,
    2003: 400,
    2004: 400,
    2005: 403,
    2006: 403,
    2007: 413,
    2008: 200,
    2009: 200,
    2010: 400,
    2011: 401,
    2015: 429,
    2022: 403,
    2023: 200,
    2024: 403,
    2025: 403,
    2026: 403,
    2027: 400,
    3000: 403,
    9988: 200,
  },
  whatsapp: {
    2000: 200,
    2001: 401,
    2002: 400,
    2003: 400,
    2004: 400,
    2005: 403,
    2006: 200,
    2007: 413,
    2008: 200,
    2009: 200,
    2010: 400,
    2011: 401,
    2014: 200,
    2015: 429,
    2019: 400,
    2021: 400,
    2022: 400,
    2023: 400,
    2024: 200,
    2025: 200,
    2026: 200,
    9988: 200,
  },
  rcs: {
    1000: 200,
    1001: 200,
    1002: 401,
    1003: 400,
    2005: 401,
    2006: 200,
    2007: 400,
    2008: 401,
    2009: 200,
    2011: 200,
    2012: 400,
    2013: 400,
    2014: 400,
    2015: 200,
    2016: 200,
    2017: 429,
    2019: 400,
    2020: 403,
    2021: 200,
    2022: 413,
    2023: 200,
    2024: 200,
    2025: 200,
    9988: 400,
    2000: 200,
    2010: 400,
  },
  email: {
    9001: 429,
    9002: 200,
    9003: 403,
    9004: 400,
    9005: 400,
    9006: 200,
    9007: 200,
    9008: 200,
    9009: 200,
    9010: 200,
    9011: 400,
    9012: 200,
    9013: 200,
    9014: 500,
    9015: 401,
    9016: 400,
    9017: 400,
    9018: 400,
    9019: 200,
    9020: 500,
    9021: 200,
    9022: 400,
    9024: 403,
    9452: 200,
    9512: 200,
    9988: 200,
    9999: 200,
  },
};
const THROTTLING: Record<GatewayChannel, number[]> = {
  sms: [2015],
  whatsapp: [2015],
  rcs: [2014, 2015],
  email: [9001],
};

describe('a gateway’s answer', () => {
  test('every documented code of every channel has a meaning, with the HTTP status printed for it and with 200', () => {
    for (const [channel, codes] of Object.entries(DOCUMENTED) as [GatewayChannel, Record<number, number>][]) {
      assert.deepEqual(new Set(REFUSAL_CODES[channel].keys()), new Set(Object.keys(codes).map(Number)));
      for (const [code, printed] of Object.entries(codes)) {
        const words = {
          status: channel === 'email' ? 'ERROR' : `${channel}_rejected`,
          statusCode: Number(code),
          message: 'why',
        };
        for (const status of [printed, 200]) {
          const outcome = judged(channel, status, words);
          const isThrottled = THROTTLING[channel].includes(Number(code));
          assert.equal(outcome.kind, isThrottled ? 'throttled' : 'rejected', `${channel} ${code} with ${status}`);
          if (outcome.kind === 'rejected') {
            assert.match(outcome.reason, /^[a-z_]+$/);
            assert.equal(outcome.detail, `${code} why`);
          }
        }
      }
    }
  });

  test('the same number means another thing on another channel', () => {
    const reason = (channel: GatewayChannel, code: number) => REFUSAL_CODES[channel].get(code)?.reason;
    assert.deepEqual(
      [reason('sms', 2006), reason('whatsapp', 2006), reason('rcs', 2006)],
      ['do_not_disturb', 'blocked', 'invalid_content'],
    );
    assert.deepEqual(
      [reason('sms', 2022), reason('whatsapp', 2022), reason('rcs', 2022)],
      ['dlt_blocked', 'invalid_template', 'invalid_sender'],
    );
  });

  test('is a yes in several words', () => {
    const yes: [GatewayChannel, object][] = [
      ['sms', { status: 'sms_accepted' }],
      ['sms', { status: 'SMS_ACCEPTED', statusCode: 0 }],
      ['sms', { statusCode: 0 }],
      ['sms', { statusCode: '0' }],
      ['whatsapp', { status: 'whatsapp_accepted', statusCode: 0 }],
      ['rcs', { status: 'rcs_accepted', statusCode: 0 }],
      ['email', { status: 'SUCCESS', statusCode: 1000, message: 'NA' }],
      ['email', { statusCode: 1000 }],
    ];
    for (const [channel, body] of yes) {
      for (const status of [200, 202])
        assert.deepEqual(judged(channel, status, body), { kind: 'accepted', ref: null }, JSON.stringify(body));
    }
  });

  test('is a no with HTTP 200 too, and says which version it wants', () => {
    const credit = { status: 'sms_rejected', statusCode: 2000, message: 'Not enough credit to send message' };
    const detail = '2000 Not enough credit to send message';
    const refused = { kind: 'rejected', reason: 'no_credit', detail, retryable: false, tryElsewhere: true };
    assert.deepEqual(judged('sms', 200, credit), refused);
    const version = {
      status: 'sms_rejected',
      statusCode: 2010,
      message: 'Version not supported',
      supportedVersion: '2.0',
    };
    const outcome = judged('sms', 400, version);
    assert(outcome.kind === 'rejected' && outcome.reason === 'version_not_supported');
    assert.equal(outcome.detail, '2010 Version not supported it takes version 2.0');
  });

  test('with a code that is not documented is a no where the word is', () => {
    const final = judged('sms', 200, { status: 'sms_rejected', statusCode: 4711 });
    assert.deepEqual(final, { kind: 'rejected', reason: 'gateway_4711', detail: '4711', retryable: false });
    const passing = judged('sms', 503, { status: 'sms_rejected', statusCode: 4711 });
    assert(passing.kind === 'rejected' && passing.retryable);
    const without = judged('email', 200, { status: 'ERROR', message: 'no' });
    assert.deepEqual(without, { kind: 'rejected', reason: 'refused', detail: 'no', retryable: false });
  });

  test('throttles by its code or by HTTP 429, for as long as it asks', () => {
    const words = { status: 'sms_rejected', statusCode: 2015 };
    assert.deepEqual(judged('sms', 200, words), { kind: 'throttled', retryAfterMs: 1_000 });
    assert.deepEqual(judged('sms', 429, words, { 'retry-after': '5' }), { kind: 'throttled', retryAfterMs: 5_000 });
    assert.deepEqual(judged('sms', 429, '<html>'), { kind: 'throttled', retryAfterMs: 1_000 });
    assert.equal(judged('sms', 429, { status: 'sms_rejected' }).kind, 'throttled');
  });

  test('that cannot be understood may mean that it took the message', () => {
    for (const body of ['<html>', '', '{}', 'null', '[]', '{"status": "pondering"}', { status: 'ok', statusCode: 200 }])
      assert.deepEqual(
        judged('sms', 200, body),
        { kind: 'unknown', reason: 'unreadable_answer' },
        JSON.stringify(body),
      );
    // It contradicts itself.
    for (const status of [400, 500])
      assert.deepEqual(judged('sms', status, { status: 'sms_accepted' }), {
        kind: 'unknown',
        reason: 'unreadable_answer',
      });
  });

  test('of somebody else says nothing about the message', () => {
    const refused = judged('sms', 404, '<html>Not found</html>');
    assert(refused.kind === 'rejected' && refused.reason === 'http_404' && !refused.retryable && refused.tryElsewhere);
    const failed = judged('sms', 502, '<html>Bad gateway</html>');
    assert(failed.kind === 'rejected' && failed.reason === 'http_502' && failed.retryable);
  });

  test('that was lost leaves it unknown, and none at all means that nothing was sent', () => {
    assert.deepEqual(outcomeOfSend({ kind: 'lost', loss: 'connection_lost' }, 'sms', clock), {
      kind: 'unknown',
      reason: 'connection_lost',
    });
    const refused = outcomeOfSend({ kind: 'not_sent', detail: 'ECONNREFUSED' }, 'sms', clock);
    assert(refused.kind === 'rejected' && refused.reason === 'connection_failed' && refused.retryable);
  });
});
