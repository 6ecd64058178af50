import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { httpBench } from '../../tests/support/http-bench.ts';

describe('the request', () => {
  const bench = httpBench();

  test('is the settings, filled in', async () => {
    await bench.send(
      bench.request({
        headers: { Authorization: 'Bearer t0ken' },
        json: {
          to: '{{ to }}',
          from: '{{ from }}',
          text: '{{ body }}',
          id: '{{ message_id }}',
          callback: '{{ receipt_url }}',
        },
      }),
      { messageId: '018f0000-0000-7000-8000-000000010007', from: null },
    );
    const call = await bench.vendor.call(0);
    assert.equal(call.method, 'POST');
    assert.equal(call.url, '/send');
    assert.equal(call.headers.authorization, 'Bearer t0ken');
    assert.equal(call.headers['content-type'], 'application/json');
    assert.equal(call.headers['idempotency-key'], '018f0000-0000-7000-8000-000000010007');
    assert.equal(call.headers['user-agent'], 'carom');
    assert.equal(call.headers['accept-encoding'], undefined);
    assert.deepEqual(JSON.parse(call.body), {
      to: '+919999999999',
      text: 'Hi Ana',
      id: '018f0000-0000-7000-8000-000000010007',
      callback: 'http://127.0.0.1:8080/v1/receipts/http-1/s3cret?message=018f0000-0000-7000-8000-000000010007',
    });
  });

  test('authenticates by a user name and a password, which may be secrets', async () => {
    const basicAuth = { username: 'Aladdin', password: '{{ secrets.password }}' };
    await bench.send({ ...bench.request({ basicAuth }), secrets: { password: 'open sesame' } });
    // The example of RFC 7617 §2.
    assert.equal((await bench.vendor.call(0)).headers.authorization, 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
  });

  test('in JSON keeps raw values raw, and texts within their quotes', async () => {
    const template = { name: 'otp', language: 'en', variables: ['1', '2'] };
    const body = 'quote " backslash \\ newline \n {{ to }} 🙂';
    await bench.send(
      bench.request({
        json: {
          raw: '{{ template.variables }}',
          all: '{{ template }}',
          missing: '{{ data.x }}',
          text: 'x {{ body }}',
          list: ['{{ image }}', 1],
          fixed: true,
        },
      }),
      { template, body },
    );
    assert.deepEqual(JSON.parse((await bench.vendor.call(0)).body), {
      raw: ['1', '2'],
      all: template,
      text: `x ${body}`,
      list: [null, 1],
      fixed: true,
    });
  });

  test('in a form encodes its fields', async () => {
    await bench.send(
      bench.request({
        form: { to: '{{ to }}', text: '{{ body }}', none: '{{ html }}', v: '{{ template.variables }}' },
      }),
      {
        body: 'a&b=c é',
        template: { name: 't', language: null, variables: ['1', '2'] },
      },
    );
    const call = await bench.vendor.call(0);
    assert.equal(call.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.deepEqual(
      [...new URLSearchParams(call.body)],
      [
        ['to', '+919999999999'],
        ['text', 'a&b=c é'],
        ['v', '1'],
        ['v', '2'],
      ],
    );
  });

  test('as a text is the template', async () => {
    await bench.send(
      bench.request({
        method: 'PUT',
        headers: { 'Content-Type': 'text/xml' },
        body: '<sms><![CDATA[{{ body }}]]></sms>',
      }),
    );
    const call = await bench.vendor.call(0);
    assert.equal(call.method, 'PUT');
    assert.equal(call.headers['content-type'], 'text/xml');
    assert.equal(call.body, '<sms><![CDATA[Hi Ana]]></sms>');
  });

  test('percent-encodes values in the address', async () => {
    await bench.send(
      {
        request: { method: 'GET', url: `${bench.vendor.url}/to/{{ to }}?text={{ body }}&key={{ secrets.key }}` },
        secrets: { key: 'k&y' },
      },
      { body: 'a&b=c/d é?#' },
    );
    assert.equal((await bench.vendor.call(0)).url, '/to/%2B919999999999?text=a%26b%3Dc%2Fd%20%C3%A9%3F%23&key=k%26y');
  });

  test('refuses what a header or an address cannot hold', async () => {
    for (const [settings, message] of [
      [bench.request({ headers: { 'X-Text': '{{ body }}' } }), { body: 'a\r\nX-Admin: 1' }],
      [bench.request({ headers: { 'X-Text': '{{ body }}' } }), { body: 'नमस्ते' }],
      [{ request: { url: `${bench.vendor.url}/to/{{ to }}/x` } }, { to: '..' }],
    ] as const) {
      const outcome = await bench.send(settings, message);
      assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
    }
    assert.equal(bench.vendor.calls.length, 0);
  });

  test('carries what an e-mail has to say about unsubscribing, and no marks of ours', async () => {
    const headers = { 'List-Unsubscribe': '<https://c.example/u/x>' };
    const json = {
      headers: '{{ headers }}',
      stop: '{{ unsubscribe_url }}',
      link: '{{ body|untracked }}',
    };
    await bench.send(bench.request({ json }), {
      headers,
      unsubscribeUrl: 'https://c.example/u/x',
      body: 'https://a.example',
    });
    const sent = { headers, stop: 'https://c.example/u/x', link: 'https://a.example' };
    assert.deepEqual(JSON.parse((await bench.vendor.call(0)).body), sent);
    await bench.send(bench.request({ json }), { body: 'x' });
    assert.deepEqual(JSON.parse((await bench.vendor.call(1)).body), { link: 'x' });
  });

  test('that goes over a bound is a render error', async () => {
    const outcome = await bench.send(
      bench.request({ body: '{% for i in 1..1000 %}{% for j in 1..1000 %}{{ body }}{% endfor %}{% endfor %}' }),
    );
    assert(outcome.kind === 'rejected' && outcome.reason === 'render_error' && !outcome.retryable);
  });
});
