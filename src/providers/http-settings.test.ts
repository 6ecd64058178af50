import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testTools } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import { httpProvider } from './http.ts';

const { templates } = testTools();
const faultOf = (settings: JsonObject) => httpProvider.faultOf(settings, templates);
const URL = 'https://api.example.com/send';

describe('settings that will do', () => {
  const good: JsonObject[] = [
    { request: { url: URL } },
    { request: { url: 'https://api.example.com:8443?to={{ to }}', method: 'get' } },
    { request: { url: 'http://127.0.0.1:9999/{{ campaign_id }}/send', json: null } },
    { request: { url: URL, headers: { 'X-A': '{{ user_id }}' }, timeout: '500ms', form: { a: '{{ to }}' } } },
    { request: { url: URL, json: { a: [1, true, { b: '{{ body|upper }}' }] } }, concurrency: 1, secrets: { key: 'k' } },
    {
      request: { url: URL },
      response: { accepted: true, ref: 'body.id', retryAfter: 5 },
      receipt: { status: 'body.s' },
    },
  ];
  for (const settings of good) test(JSON.stringify(settings), () => assert.equal(faultOf(settings), null));
});

describe('settings with a fault, and where', () => {
  const bad: [path: string, message: RegExp, settings: JsonObject][] = [
    ['request', /is missing/, {}],
    ['request', /must be a map/, { request: 'http://x' }],
    ['requets', /use request, response/, { requets: {} }],
    ['request.url', /is missing/, { request: {} }],
    ['request.url', /written out/, { request: { url: 'ftp://example.com' } }],
    ['request.url', /written out/, { request: { url: 'https://{{ to }}/send' } }],
    ['request.url', /written out/, { request: { url: 'https://user:pass@example.com/' } }],
    ['request.url', /"\/" after the host/, { request: { url: 'https://example.com{{ to }}' } }],
    ['request.url', /is no template: line 1/, { request: { url: `${URL}/{{ to` } }],
    ['request.url', /"#"/, { request: { url: `${URL}#part` } }],
    ['request.method', /POST, GET/, { request: { url: URL, method: 'FETCH' } }],
    ['request.retries', /is not known here/, { request: { url: URL, retries: 3 } }],
    ['request.timeout', /500ms, 10s/, { request: { url: URL, timeout: '10' } }],
    ['request.timeout', /out of bounds/, { request: { url: URL, timeout: '1h' } }],
    ['request.timeout', /quotes/, { request: { url: URL, timeout: 10 } }],
    ['request.headers.Host', /set by Carom/, { request: { url: URL, headers: { Host: 'x' } } }],
    ['request.headers.Idempotency-Key', /set by Carom/, { request: { url: URL, headers: { 'Idempotency-Key': 'x' } } }],
    ['request.headers.X Y', /no header name/, { request: { url: URL, headers: { 'X Y': 'x' } } }],
    ['request.headers.X', /must be a text/, { request: { url: URL, headers: { X: 1 } } }],
    ['request.basicAuth.user', /is not known here/, { request: { url: URL, basicAuth: { user: 'x' } } }],
    [
      'request.basicAuth',
      /beside a header/,
      { request: { url: URL, headers: { authorization: 'x' }, basicAuth: { username: 'x' } } },
    ],
    ['request.form', /beside json/, { request: { url: URL, json: {}, form: {} } }],
    ['request.form', /must be a map/, { request: { url: URL, form: [] } }],
    ['request.json', /cannot go with GET/, { request: { url: URL, method: 'GET', json: {} } }],
    ['request.json.a.0', /is no template/, { request: { url: URL, json: { a: ['{% if %}'] } } }],
    ['request.json.text', /"boddy" is no value/, { request: { url: URL, json: { text: '{{ boddy }}' } } }],
    ['response.acepted', /is not known here/, { request: { url: URL }, response: { acepted: 'true' } }],
    [
      'response.ref',
      /no JSONata expression: .*\(at character 6\)/,
      { request: { url: URL }, response: { ref: 'body.(' } },
    ],
    ['response.ref', /uses \$eval/, { request: { url: URL }, response: { ref: '$eval(body)' } }],
    ['response.ref', /must be a JSONata expression/, { request: { url: URL }, response: { ref: {} } }],
    ['receipt.status', /is missing/, { request: { url: URL }, receipt: { ref: 'body.id' } }],
    [
      'receipt.statuses.ok',
      /one of accepted, sent, delivered/,
      { request: { url: URL }, receipt: { status: 'body.s', statuses: { ok: 'good' } } },
    ],
    ['concurrency', /from 1 to 1024/, { request: { url: URL }, concurrency: 0 }],
    ['secrets.key', /must be a text/, { request: { url: URL }, secrets: { key: 1 } }],
  ];
  for (const [path, message, settings] of bad) {
    test(`${path} in ${JSON.stringify(settings)}`, () => {
      const fault = faultOf(settings);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    });
  }

  test('JSON that nests too deeply', () => {
    let json: JsonObject = {};
    for (let depth = 0; depth < 100_000; depth++) json = { a: json };
    assert.match(faultOf({ request: { url: URL, json } })!.message, /nests deeper/);
  });
});
