import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { httpBench } from '../../tests/support/http-bench.ts';
import { json } from '../../tests/support/http-vendor.ts';
import type { Answering } from '../../tests/support/http-vendor.ts';
import { START } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import type { SendOutcome } from '#ports/provider.ts';

describe('the answer', () => {
  const bench = httpBench();

  const table: [what: string, answer: Answering, response: JsonObject, outcome: SendOutcome][] = [
    ['2xx is accepted', json(202, {}), {}, { kind: 'accepted', ref: null }],
    ['the reference may be a number', json(200, { id: 7 }), { ref: 'body.id' }, { kind: 'accepted', ref: '7' }],
    [
      'no status is no rejection',
      json(200, { id: 'a' }),
      { accepted: 'status = 200 and body.status != "rejected"', ref: 'body.id' },
      { kind: 'accepted', ref: 'a' },
    ],
    [
      '4xx is a refusal',
      json(400, { message: 'bad' }),
      {},
      { kind: 'rejected', reason: 'http_400', detail: '{"message":"bad"}', retryable: false },
    ],
    [
      'with a reason',
      json(400, { message: 'bad' }),
      { reason: 'body.message' },
      { kind: 'rejected', reason: 'bad', detail: null, retryable: false },
    ],
    ['5xx may pass', json(500, {}), {}, { kind: 'rejected', reason: 'http_500', detail: '{}', retryable: true }],
    [
      'what may pass can be said',
      json(409, {}),
      { retryable: 'status = 409' },
      { kind: 'rejected', reason: 'http_409', detail: '{}', retryable: true },
    ],
    [
      'a fault of the account can be told from one of the message',
      json(403, {}),
      { tryElsewhere: 'status = 403' },
      { kind: 'rejected', reason: 'http_403', detail: '{}', retryable: false, tryElsewhere: true },
    ],
    [
      'unknown credentials',
      json(401, {}),
      {},
      { kind: 'rejected', reason: 'http_401', detail: '{}', retryable: false, tryElsewhere: true },
    ],
    [
      'unknown credentials, where the vendor means something else by that',
      json(401, {}),
      { tryElsewhere: 'false' },
      { kind: 'rejected', reason: 'http_401', detail: '{}', retryable: false },
    ],
    [
      'a redirect is not followed',
      (r) => r.writeHead(302, { location: '/other' }).end(),
      {},
      { kind: 'rejected', reason: 'http_302', detail: null, retryable: false },
    ],
    [
      '429 waits as long as it says',
      json(429, {}, { 'retry-after': '7' }),
      {},
      { kind: 'throttled', retryAfterMs: 7_000 },
    ],
    [
      '429 waits until a date',
      json(429, {}, { 'retry-after': new Date(START + 90_000).toUTCString() }),
      {},
      { kind: 'throttled', retryAfterMs: 90_000 },
    ],
    ['429 without a time waits a second', json(429, {}), {}, { kind: 'throttled', retryAfterMs: 1_000 }],
    [
      '429 never waits more than an hour',
      json(429, {}, { 'retry-after': '999999' }),
      {},
      { kind: 'throttled', retryAfterMs: 3_600_000 },
    ],
    [
      '429 never waits for nothing',
      json(429, {}, { 'retry-after': '0' }),
      {},
      { kind: 'throttled', retryAfterMs: 100 },
    ],
    [
      'throttling can be said',
      json(200, { wait: 3 }),
      { accepted: 'body.ok', retryAfter: 'body.wait' },
      { kind: 'throttled', retryAfterMs: 3_000 },
    ],
    [
      'HTML is text',
      (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<h1>OK: 77</h1>'),
      { accepted: '$contains(body, "OK")', ref: '$substringBefore($substringAfter(body, ": "), "<")' },
      { kind: 'accepted', ref: '77' },
    ],
    [
      'JSON by another name is JSON',
      (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('{"id":"x"}'),
      { ref: 'body.id' },
      { kind: 'accepted', ref: 'x' },
    ],
    [
      'broken JSON is text',
      (r) => r.writeHead(200, { 'content-type': 'application/json' }).end('{"id":'),
      { ref: 'body.id' },
      { kind: 'accepted', ref: null },
    ],
    [
      'headers can be read',
      (r) => r.writeHead(201, { 'X-Id': 'h1' }).end(),
      { ref: 'headers."x-id"' },
      { kind: 'accepted', ref: 'h1' },
    ],
    [
      'an expression that fails on 2xx leaves it unknown',
      json(200, {}),
      { accepted: '$error("no")' },
      { kind: 'unknown', reason: 'unreadable_answer' },
    ],
    [
      'an expression that never ends does too',
      json(200, {}),
      { accepted: '($f := function() { $f() }; $f())' },
      { kind: 'unknown', reason: 'unreadable_answer' },
    ],
    [
      'a regular expression that never ends does too',
      json(200, { t: `${'a'.repeat(40)}b` }),
      { accepted: '$contains(body.t, /(a+)+$/)' },
      { kind: 'unknown', reason: 'unreadable_answer' },
    ],
    [
      'what is not HTTP is unknown',
      (r) => void r.socket!.end('ERR go away\r\n\r\n'),
      {},
      { kind: 'unknown', reason: 'unreadable_answer' },
    ],
    [
      'a connection broken before the answer is unknown',
      (r) => r.socket!.destroy(),
      {},
      { kind: 'unknown', reason: 'connection_lost' },
    ],
    [
      'a connection broken in a body that is needed is unknown',
      breakOff(200),
      { ref: 'body.id' },
      { kind: 'unknown', reason: 'connection_lost' },
    ],
    [
      'a connection broken in a body that is not needed is accepted',
      breakOff(200),
      {},
      { kind: 'accepted', ref: null },
    ],
    [
      'a connection broken in an error is that error',
      breakOff(500),
      { ref: 'body.id' },
      { kind: 'rejected', reason: 'http_500', detail: '{"id"', retryable: true },
    ],
    [
      '50 MB that are needed are unknown',
      flood(200),
      { ref: 'body.id' },
      { kind: 'unknown', reason: 'unreadable_answer' },
    ],
    ['50 MB that are not needed are accepted', flood(200), {}, { kind: 'accepted', ref: null }],
  ];
  for (const [what, answer, response, outcome] of table) {
    test(what, async () => {
      bench.vendor.answering = answer;
      assert.deepEqual(await bench.send({ ...bench.request({ json: {} }), response }), outcome);
    });
  }
});

/** Starts a body and cuts the line once it has been written. */
function breakOff(status: number): Answering {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.write('{"id"', () => setImmediate(() => response.socket!.destroy()));
  };
}

/** A body of 50 MB, as fast as it is taken. */
function flood(status: number): Answering {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    let left = 800;
    const pour = (): void => {
      while (left-- > 0) if (!response.write('x'.repeat(65_536))) return void response.once('drain', pour);
      response.end();
    };
    pour();
  };
}
