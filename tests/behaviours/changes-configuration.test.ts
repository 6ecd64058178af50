/** Our own API: campaigns, manifest and keys; what each key may do, and where vendors call back. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';

const SECRET = 'Bearer vendor-credentials';

let carom: Carom;

before(async () => {
  carom = await startCarom();
  for (const account of ['shop', 'other']) {
    await carom.apply({
      account,
      name: `The ${account}`,
      defaultRegion: 'IN',
      limits: { users: '5000/m' },
      keys: ['trigger', 'read', 'admin'].map((scope) => ({ id: scope, key: `${account}-${scope}`, scopes: [scope] })),
      providers: [
        { id: 'sms', channel: 'sms', type: 'sandbox', behave: 'silent' },
        {
          id: 'vendor',
          channel: 'sms',
          type: 'http',
          receipts: 'callback',
          request: { url: 'http://127.0.0.1:9/send', headers: { Authorization: SECRET }, json: { to: '{{ to }}' } },
          receipt: { ref: 'body.id', status: 'body.status', statuses: { ok: 'delivered' } },
        },
      ],
      campaigns: [
        { id: '~a', name: 'first', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi {{ first_name }}' },
        {
          id: '~b',
          state: 'running',
          channel: 'sms',
          provider: 'sms',
          body: 'Hi',
          receiptTimeout: '1m',
          retry: { attempts: 2, backoff: '1s' },
        },
      ],
    });
  }
});
after(() => carom.stop());

function api(key: string, method: string, path: string, body?: unknown): Promise<Answer> {
  return carom.call(method, `/v1/${path}`, { key, body });
}

const admin = (method: string, path: string, body?: unknown) => api('shop-admin', method, path, body);
const TRIGGER = { campaignIds: ['~a'], mode: 'all', userId: 'ana', phone: '+919876543210' };

describe('keys', () => {
  test('each scope allows its own, admin all; the rest is a 403', async () => {
    const calls: [scope: string, method: string, path: string, body?: unknown][] = [
      ['trigger', 'POST', 'transactions', TRIGGER],
      ['trigger', 'POST', 'events', { userId: 'ana', eventName: 'e' }],
      ['trigger', 'PATCH', 'profiles/ana', {}],
      ['read', 'GET', 'transactions'],
      ['read', 'GET', 'events'],
      ['read', 'GET', 'profiles/ana'],
      ['read', 'GET', 'campaigns'],
      ['read', 'GET', 'providers'],
      ['read', 'GET', 'stats'],
      ['read', 'POST', 'campaigns/~a/preview', {}],
      ['admin', 'GET', 'manifest'],
      ['admin', 'GET', 'keys'],
      ['admin', 'GET', 'providers/sms'],
      ['admin', 'POST', 'campaigns/~a/start'],
      ['admin', 'PATCH', 'campaigns/~a', {}],
    ];
    for (const [scope, method, path, body] of calls) {
      for (const having of ['trigger', 'read', 'admin']) {
        const { status } = await api(`shop-${having}`, method, path, body);
        const isAllowed = having === scope || having === 'admin';
        assert.equal(status < 300, isAllowed, `${method} ${path} with ${having}: ${status}`);
        if (!isAllowed) assert.equal(status, 403);
      }
    }
    const refused = await carom.call('POST', '/v2/accounts/shop/transaction?campaignIds=~a&mode=all', {
      key: 'shop-read',
      body: {},
    });
    assert.deepEqual([refused.status, refused.body.response.status], [403, 'error']);
  });

  test('are made with their secret shown once, work at once, and no more once removed', async () => {
    const made = await admin('POST', 'keys', { name: 'deploy', scopes: ['read'] });
    assert.equal(made.status, 201);
    const { key } = made.body;
    assert.equal((await api(key, 'GET', 'campaigns')).status, 200);
    assert.equal((await api(key, 'GET', 'keys')).status, 403);
    const listed = JSON.stringify((await admin('GET', 'keys')).body);
    assert.match(listed, /deploy/);
    assert.doesNotMatch(listed, new RegExp(`${key}|shop-admin"`));
    assert.equal((await admin('POST', 'keys', { name: 'deploy', scopes: ['read'] })).status, 409);
    assert.equal((await admin('DELETE', 'keys/deploy')).status, 204);
    assert.equal((await api(key, 'GET', 'campaigns')).status, 401);
    assert.equal((await admin('DELETE', 'keys/deploy')).status, 404);
  });

  test('of one account see nothing of another', async () => {
    const { body } = await api('shop-trigger', 'POST', 'transactions', { ...TRIGGER, txnId: 'mine' });
    for (const id of [body.id, 'mine'])
      assert.equal((await api('other-admin', 'GET', `transactions/${id}`)).status, 404);
    assert.equal((await api('other-admin', 'POST', `transactions/${body.id}/cancel`)).status, 404);
    assert.deepEqual((await api('other-admin', 'GET', 'transactions')).body.data, []);
  });

  test('the operator’s is valid for every account, which the header or the query names', async () => {
    const ask = (headers: Record<string, string>, query = '') => carom.call('GET', `/v1/manifest${query}`, { headers });
    assert.equal((await ask({ 'carom-account': 'shop' })).body.account, 'shop');
    assert.equal((await ask({}, '?account=other')).body.account, 'other');
    const none = await ask({});
    assert.deepEqual([none.status, none.body.code], [400, 'invalid']);
    assert.match(none.body.detail, /carom-account/);
    assert.equal((await ask({ 'carom-account': 'nobody' })).status, 404);
    const dialect = await carom.call('POST', '/v2/accounts/other/transaction?campaignIds=~a&mode=all', {
      body: { userId: 'u', overrideData: {} },
    });
    assert.equal(dialect.status, 200);
  });
});

describe('a campaign', () => {
  const CONTENT = { name: 'new', channel: 'sms', provider: 'sms', body: 'One' };
  const trigger = () => api('shop-trigger', 'POST', 'transactions', { ...TRIGGER, campaignIds: ['~new'] });

  test('is a draft, then runs, pauses, and ends for ever', async () => {
    const made = await admin('PUT', 'campaigns/~new', CONTENT);
    assert.deepEqual([made.status, made.body.state, made.body.version], [201, 'draft', 1]);
    assert.equal((await admin('POST', 'campaigns/~new/pause')).status, 409);
    for (const [verb, state, status] of [
      ['start', 'running', 202],
      ['start', 'running', 202],
      ['pause', 'paused', 412],
      ['start', 'running', 202],
      ['end', 'ended', 412],
    ] as const) {
      const { body } = await admin('POST', `campaigns/~new/${verb}`);
      assert.deepEqual([body.state, (await trigger()).status], [state, status], verb);
    }
    const { status, body } = await admin('POST', 'campaigns/~new/start');
    assert.deepEqual([status, body.code], [409, 'conflict']);
  });

  test('gets a new version with new content once it has run, and a conflict where somebody was faster', async () => {
    await admin('PUT', 'campaigns/~versions', { ...CONTENT, state: 'running' });
    const changed = await admin('PATCH', 'campaigns/~versions', { body: 'Two', from: 'SHOP' });
    assert.deepEqual([changed.status, changed.body.version, changed.body.name], [200, 2, 'new']);
    const renamed = await admin('PATCH', 'campaigns/~versions', { name: 'newer', from: null });
    assert.equal('from' in renamed.body, false);
    const { version } = renamed.body;
    const put = { ...CONTENT, body: 'Three' };
    assert.equal((await admin('PUT', 'campaigns/~versions', { ...put, version: version - 1 })).status, 409);
    const next = await admin('PUT', 'campaigns/~versions', { ...put, version });
    assert.deepEqual([next.status, next.body.version, next.body.state], [200, version + 1, 'running']);
    const { body } = await api('shop-read', 'GET', 'campaigns/~versions');
    assert.deepEqual(body, next.body);
  });

  test('with faults is refused: each has its place and a remedy', async () => {
    const { status, body } = await admin('PUT', 'campaigns/~bad', {
      channel: 'smoke',
      provider: 'sms',
      body: '{{ a',
      state: 'on',
    });
    assert.equal(status, 400);
    const places = body.errors.map(({ path }: { path: string[] }) => path.join('.')).toSorted();
    assert.ok(
      ['channel', 'state'].every((place) => places.includes(place)),
      places.join(' '),
    );
    assert.equal((await admin('PUT', 'campaigns/~bad', { ...CONTENT, body: '{{ a' })).status, 400);
    assert.equal((await admin('GET', 'campaigns/~bad')).status, 404);
  });

  test('is listed by state, and removed', async () => {
    await admin('PUT', 'campaigns/~gone', CONTENT);
    const drafts = async () =>
      (await admin('GET', 'campaigns?state=draft')).body.data.map(({ id }: { id: string }) => id);
    assert.deepEqual(await drafts(), ['~gone']);
    assert.equal((await admin('DELETE', 'campaigns/~gone')).status, 204);
    assert.deepEqual(await drafts(), []);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['PATCH', ''],
      ['POST', '/start'],
      ['POST', '/preview'],
    ] as const) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : {};
      assert.equal((await admin(method, `campaigns/~gone${path}`, body)).status, 404, `${method} ${path}`);
    }
  });

  test('is previewed as one user would get it', async () => {
    await api('shop-trigger', 'PUT', 'profiles/pia', { firstName: 'Pia', phone: '98765 43210' });
    const known = await api('shop-read', 'POST', 'campaigns/~a/preview', { userId: 'pia' });
    assert.deepEqual([known.body.to, known.body.body, known.body.reason], ['+919876543210', 'Hi Pia', null]);
    const other = await api('shop-read', 'POST', 'campaigns/~a/preview', {
      userId: 'pia',
      params: { first_name: 'P' },
      phone: 'x',
    });
    assert.deepEqual([other.body.to, other.body.body, other.body.reason], [null, 'Hi P', 'invalid_address']);
    assert.equal((await api('shop-read', 'POST', 'campaigns/~a/preview', {})).body.reason, 'no_address');
  });
});

describe('the manifest', () => {
  test('that was read can be applied again, and changes nothing', async () => {
    for (const query of ['', '?prune=true', '?dryRun=true']) {
      const { body } = await api('other-admin', 'GET', 'manifest');
      const { status, body: outcome } = await api('other-admin', 'PUT', `manifest${query}`, body);
      assert.deepEqual([status, outcome.changes], [200, []], JSON.stringify(outcome));
      assert.deepEqual((await api('other-admin', 'GET', 'manifest')).body, body);
    }
  });

  test('shows no key, no credentials and no secret of a callback address', async () => {
    const { body } = await admin('GET', 'manifest');
    const { receiptUrl } = (await admin('GET', 'providers/vendor')).body;
    const text = JSON.stringify(body);
    for (const secret of [SECRET, 'vendor-credentials', 'shop-admin', receiptUrl.split('/').at(-1)])
      assert.ok(!text.includes(secret), secret);
  });

  test('with one fault is refused as a whole', async () => {
    const { body: manifest } = await api('other-admin', 'GET', 'manifest');
    const campaigns = [
      ...manifest.campaigns,
      { id: '~new', channel: 'sms', provider: 'sms', body: 'x' },
      { id: '~bad', channel: 'sms', provider: 'nobody', body: 'x' },
    ];
    const { status, body } = await api('other-admin', 'PUT', 'manifest', { ...manifest, campaigns });
    assert.deepEqual([status, body.errors[0].path], [400, ['campaigns', 3, 'provider']]);
    assert.equal((await api('other-admin', 'GET', 'campaigns/~new')).status, 404);
  });

  test('a dry run says what would change, and changes nothing; another account’s is a 404', async () => {
    const { body: manifest } = await api('other-admin', 'GET', 'manifest');
    const changed = { ...manifest, name: 'Renamed' };
    const dry = await api('other-admin', 'PUT', 'manifest?dryRun=true', changed);
    assert.deepEqual([dry.body.applied, dry.body.changes.length], [false, 1]);
    assert.deepEqual((await api('other-admin', 'GET', 'manifest')).body, manifest);
    assert.equal((await admin('PUT', 'manifest', changed)).status, 404);
  });
});

describe('receipts', () => {
  const take = (path: string, body: unknown) => carom.call('POST', path, { key: null, body });

  test('are taken only at the provider’s own secret address, which only admins see', async () => {
    const { body: provider } = await admin('GET', 'providers/sms');
    const { body: other } = await api('other-admin', 'GET', 'providers/sms');
    const path = new URL(provider.receiptUrl).pathname;
    const secret = path.split('/').at(-1)!;
    assert.match(secret, /^[0-9a-f]{32}$/);
    assert.notEqual(new URL(other.receiptUrl).pathname, path);
    assert.doesNotMatch(JSON.stringify((await api('shop-read', 'GET', 'providers')).body), new RegExp(secret));

    const { body } = await api('shop-trigger', 'POST', 'transactions', {
      ...TRIGGER,
      campaignIds: ['~b'],
      mode: 'fallback_on_delivery_failure',
    });
    const state = ({ legs }: { legs: { state: string }[] }) => legs[0]!.state;
    const view = await carom.transaction('shop', body.id, (one) => state(one) === 'accepted');
    const receipt = { messageId: view.legs[0].messages[0].id, status: 'delivered' };
    const elsewhere = [
      path.replace(secret, '0'.repeat(32)),
      path.replace('/sms/', '/vendor/'),
      path.slice(0, -1),
      `${path}0`,
    ];
    for (const wrong of elsewhere) assert.equal((await take(wrong, receipt)).status, 404, wrong);
    // Another account's provider of the same name knows no message of this one.
    await take(new URL(other.receiptUrl).pathname, receipt);
    assert.equal(state((await api('shop-read', 'GET', `transactions/${body.id}`)).body), 'accepted');
    assert.equal((await take(path, receipt)).status, 200);
    assert.equal((await carom.ended('shop', body.id)).state, 'succeeded');
  });

  test('that cannot be read are a 400, however deep', async () => {
    const path = new URL((await admin('GET', 'providers/sms')).body.receiptUrl).pathname;
    for (const body of [
      '',
      '5',
      '{"messageId":5}',
      'status=delivered',
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    ]) {
      assert.equal((await take(path, body)).status, 400, body.slice(0, 20));
    }
    const vendor = new URL((await admin('GET', 'providers/vendor')).body.receiptUrl).pathname;
    const deep = await take(vendor, `{"id":${'['.repeat(50_000)}${']'.repeat(50_000)},"status":"ok"}`);
    assert.ok(deep.status < 500, `${deep.status}`);
    assert.equal((await take(vendor, 'x'.repeat(5_000_000))).status, 413);
  });
});
