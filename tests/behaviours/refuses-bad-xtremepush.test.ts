/** What is not a good call in Xtremepush's language gets an error in the vendor's envelope, and leaves no trace. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';

const KEY = 'shop-key-of-these-tests';
const READ_KEY = 'reading-key-of-these-tests';
const EXECUTE = '/api/external/execute/campaign';

let carom: Carom;

before(async () => {
  carom = await startCarom({ env: { CAROM_LOG_LEVEL: 'trace' } });
  const campaign = { channel: 'sms', provider: 'sms', body: 'Hi' };
  await carom.apply({
    account: 'shop',
    keys: [
      { id: 'main', key: KEY, scopes: ['trigger'] },
      { id: 'reader', key: READ_KEY, scopes: ['read'] },
    ],
    providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
    campaigns: [
      { id: 'c', state: 'running', ...campaign },
      ...['draft', 'paused', 'ended'].map((state) => ({ id: state, state, ...campaign })),
    ],
  });
});
after(() => carom.stop());

const good = (changes: object = {}) => ({ apptoken: KEY, id: 'c', target: ['u'], ...changes });

/** Sends a call that must be refused, and finds the error's text. */
async function refuse(body: unknown, status = 400, options: { method?: string; path?: string } = {}): Promise<string> {
  const { method = 'POST', path = EXECUTE } = options;
  return refused(await carom.call(method, path, { key: null, ...(body !== undefined && { body }) }), status);
}

function refused({ status, headers, body }: Answer, expected: number): string {
  assert.equal(status, expected, JSON.stringify(body));
  assert.match(headers.get('content-type')!, /^application\/json/);
  assert.deepEqual(Object.keys(body), ['code', 'success', 'message', 'errors']);
  assert.deepEqual([body.code, body.success], [expected, false]);
  assert.ok(body.message.length > 10);
  assert.ok(body.errors.length > 0 && body.errors.includes(body.message), JSON.stringify(body.errors));
  return body.message as string;
}

describe('the body', () => {
  test('that is no JSON object, or none, is a 400 that quotes nothing of it', async () => {
    for (const body of ['{"apptoken":', 'null', '5', '"u"', '[]', `apptoken=${KEY}&id=c`, `{"apptoken":"${KEY}",}`]) {
      assert.doesNotMatch(await refuse(body), /shop-key/);
    }
    await refuse('');
    await refuse(undefined);
  });

  test('of more than 16 MB is a 413, also without a good key', async () => {
    for (const apptoken of [KEY, 'wrong']) await refuse(good({ apptoken, params: { a: 'x'.repeat(17_000_000) } }), 413);
  });

  test('with what cannot be stored, with __proto__, or nested too deep, is a 400', async () => {
    const text = JSON.stringify(good({ params: { a: '@' } }));
    for (const bad of ['"\\u0000"', '"\\ud800"', '{"__proto__":{}}', '{"constructor":{"prototype":1}}']) {
      await refuse(text.replace('"@"', bad));
      await refuse(text.replace('"@"', bad).replace('["u"]', JSON.stringify(manyUsers(20_000))));
    }
    const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    await refuse(text.replace('"@"', nested));
    const body = Buffer.from(JSON.stringify(good({ target: ['Zoë'] })), 'latin1');
    const answer = await fetch(carom.url + EXECUTE, { method: 'POST', body });
    assert.match(refused({ status: answer.status, headers: answer.headers, body: await answer.json() }, 400), /UTF-8/);
  });
});

describe('the key', () => {
  test('that is missing is a 400, as the vendor has it', async () => {
    for (const apptoken of [undefined, null, '']) assert.match(await refuse(good({ apptoken })), /apptoken is missing/);
    for (const apptoken of [5, [KEY], {}]) assert.match(await refuse(good({ apptoken })), /apptoken must be a text/);
  });

  test('that is wrong is a 401, whatever else is wrong', async () => {
    for (const apptoken of ['wrong', `${KEY}x`, KEY.toUpperCase()]) await refuse({ apptoken, target: 'u' }, 401);
  });

  test('without the scope is a 403', async () => {
    assert.match(await refuse(good({ apptoken: READ_KEY }), 403), /scope "trigger"/);
    await refuse({ apptoken: KEY, id: 'c' }, 403, { path: '/api/external/stop/campaign' });
  });
});

describe('the campaign', () => {
  test('that does not exist is a 404', async () => {
    for (const id of ['nothing', 'C', 0, 12_345]) assert.match(await refuse(good({ id }), 404), /there is no campaign/);
  });

  test('that is missing or no id is a 400', async () => {
    for (const id of [undefined, null, '', [], {}, true]) await refuse(good({ id }));
  });

  test('that does not run is a 400 with what to do', async () => {
    assert.match(await refuse(good({ id: 'paused' })), /is paused; start it/);
    assert.match(await refuse(good({ id: 'draft' })), /is a draft; start it/);
    assert.match(await refuse(good({ id: 'ended' })), /is ended; an end is for ever/);
  });
});

describe('the users', () => {
  test('that are no list are a 400', async () => {
    for (const target of ['u', 5, { u: {} }, true])
      assert.match(await refuse(good({ target })), /^target must be a list/);
  });

  test('that are none are a 400', async () => {
    for (const target of [undefined, null, []]) assert.match(await refuse(good({ target })), /names nobody/);
    await refuse(good({ target: [], target_with_params: {} }));
  });

  test('that are 200,000 are a 400, with params or without', async () => {
    assert.match(await refuse(good({ target: manyUsers(200_000) })), /target names 200000 users; at most 100000/);
    const target_with_params = Object.fromEntries(manyUsers(200_000).map((id) => [id, {}]));
    assert.match(await refuse(good({ target_with_params })), /more than 100000 users/);
  });

  test('named by something else than an identifier of the profile are a 400 that lists them', async () => {
    for (const target_by of ['token', 'phone', '', 5, ['email'], {}]) {
      assert.match(
        await refuse(good({ target_by })),
        /target_by must be one of user_id, external_id, email, mobile_number/,
      );
    }
  });
});

describe('the params', () => {
  test('with a value of 1 MB are a 400 that names it', async () => {
    const large = 'x'.repeat(1_000_000);
    assert.match(await refuse(good({ params: { large } })), /"large" .*131072/);
    assert.match(await refuse(good({ params: { a: { b: [large] } } })), /131072/);
    assert.match(await refuse(good({ target_with_params: { u: { large } } })), /131072/);
  });

  test('that are too large together, or for one user, are a 400', async () => {
    const params = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`p${n}`, 'x'.repeat(10_000)]));
    assert.match(await refuse(good({ params })), /params has \d+ characters of JSON; at most 131072/);
    assert.match(await refuse(good({ target_with_params: { u: params } })), /at most 16384|131072/);
  });

  test('that are no object are a 400', async () => {
    for (const params of ['x', 5, true, ['x']])
      assert.match(await refuse(good({ params })), /^params must be an object/);
    for (const params of ['x', 5, true, ['x']]) await refuse(good({ target_with_params: { u: params } }));
    for (const target_with_params of ['u', 5, ['u']]) await refuse(good({ target_with_params }));
  });
});

describe('everything else', () => {
  test('a time that is none, has no zone, or is more than 90 days ahead, is a 400', async () => {
    const tooFar = new Date(Date.now() + 90 * 86_400_000 + 60_000).toISOString();
    for (const time of ['tomorrow', '2026-05-21 10:00', '2026-05-21', '2026-02-30 10:00 UTC', {}, true, tooFar]) {
      assert.match(await refuse(good({ time })), /^time /);
    }
  });

  test('what is not known or not supported is a 400 that names it, not dropped', async () => {
    for (const field of ['conditions', 'push_icon', 'retry_period', 'page', 'targets', 'titel']) {
      assert.match(await refuse(good({ [field]: 'x' })), new RegExp(`^${field} is not`));
    }
    assert.match(await refuse(good({ broadcast: 1 })), /^broadcast is not supported/);
    assert.match(await refuse(good({ push_title: 'x' })), /^push_title is about a push, and the campaign sends none/);
    assert.match(await refuse(good({ messages: { 6: { text: 'x' } } })), /^messages.6 is an inbox message/);
    assert.match(await refuse(good({ messages: { 9: { text: '{{ x' } } })), /^messages.9.text is no template/);
    assert.match(await refuse(good({ target_existing_only: 'no' })), /^target_existing_only must be 0 or 1/);
  });

  test('all faults are named at once', async () => {
    const { body } = await carom.call('POST', EXECUTE, { key: null, body: good({ target: 'u', time: 'x', foo: 1 }) });
    assert.deepEqual(body.errors.map((error: string) => error.split(' ')[0]).slice(0, 3), ['foo', 'time', 'target']);
  });

  test('another HTTP method, or a method that is misspelt, is a 405; another model or URL is a 404', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) await refuse(undefined, 405, { method });
    for (const method of ['exceute', 'create', 'update', 'Execute']) {
      assert.match(await refuse(good(), 405, { path: `/api/external/${method}/campaign` }), /execute, start, stop/);
    }
    const { headers } = await carom.call('GET', EXECUTE, { key: null });
    assert.equal(headers.get('allow'), 'POST');
    for (const path of ['execute/event', 'hit/event', 'execute', 'execute/campaign/5', '']) {
      await refuse(good(), 404, { path: `/api/external/${path}` });
    }
    await refuse(good(), 400, { path: '/api/external/execute/%zz' });
  });
});

describe('too much', () => {
  test('over the limit is a 429 with Retry-After, and nothing is accepted (semantics §9)', async () => {
    await carom.apply({
      account: 'limited',
      limits: { xtremepush: '2/h' },
      keys: [{ id: 'limited', key: 'limited-key', scopes: ['trigger', 'read'] }],
      providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
      campaigns: [{ id: 'c', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi' }],
    });
    const body = good({ apptoken: 'limited-key' });
    const call = () => carom.call('POST', EXECUTE, { key: null, body });
    assert.deepEqual([(await call()).status, (await call()).status], [200, 200]);
    const third = await call();
    refused(third, 429);
    const retryAfterS = Number(third.headers.get('retry-after'));
    assert.ok(retryAfterS > 1_790 && retryAfterS <= 1_800, String(retryAfterS));
    const { data } = (await carom.call('GET', '/v1/batches', { key: 'limited-key' })).body;
    assert.equal(data.length, 2);
  });

  test('more large calls at once than a node takes are a 503 with Retry-After; after them it takes new ones', async () => {
    const held = await Promise.all(Array.from({ length: 8 }, () => unfinishedCall()));
    const answer = await carom.call('POST', EXECUTE, { key: null, body: good({ target: manyUsers(200_000) }) });
    refused(answer, 503);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    assert.equal(await statusOf(good({ id: 'nothing' })), 404);
    for (const call of held) call.destroy();
    await eventually(
      () => statusOf(good({ target: manyUsers(200_000) })),
      (status) => status === 400,
    );
  });
});

async function statusOf(body: object): Promise<number> {
  return (await carom.call('POST', EXECUTE, { key: null, body })).status;
}

/** A large call of which the node has the beginning. */
async function unfinishedCall(): Promise<ClientRequest> {
  const call = request(carom.url + EXECUTE, {
    method: 'POST',
    headers: { 'content-length': 2_000_000, expect: '100-continue' },
  });
  call.on('error', () => undefined);
  call.flushHeaders();
  await once(call, 'continue');
  call.write('{');
  return call;
}

describe('after all of that', () => {
  test('no batch, transaction or profile was written', async () => {
    for (const list of ['batches', 'transactions']) {
      assert.deepEqual((await carom.call('GET', `/v1/${list}`, { key: READ_KEY })).body.data, [], list);
    }
    assert.equal((await carom.call('GET', '/v1/profiles/u', { key: READ_KEY })).status, 404);
  });

  test('the node still works, for a call of just as many users as are allowed', async () => {
    const { status, body } = await carom.call('POST', EXECUTE, {
      key: null,
      body: good({ target: manyUsers(100_000) }),
    });
    assert.deepEqual([status, body.model?.total], [200, 100_000]);
  });

  test('no key is in the log', () => {
    const log = carom.output.replace(/^operator's key.*$/m, '');
    assert.doesNotMatch(log, new RegExp(`${KEY}|${READ_KEY}|${carom.adminKey}`, 'i'));
    assert.doesNotMatch(carom.output, /"level":(50|60)/);
  });
});

function manyUsers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `user_${n}`);
}
