/** Our own API: transactions, profiles, events, counters and health. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();

let carom: Carom;
let vendor: HttpVendor;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  const running = { state: 'running', channel: 'sms' };
  await carom.apply({
    account: 'shop',
    defaultRegion: 'IN',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read'] }],
    providers: [
      { id: 'sms', channel: 'sms', type: 'sandbox' },
      { id: 'vendor', channel: 'sms', type: 'http', request: { url: `${vendor.url}/send`, json: { to: '{{ to }}' } } },
      { id: 'email', channel: 'email', type: 'sandbox' },
    ],
    campaigns: [
      { id: '~a', ...running, provider: 'sms', body: 'Hi {{ first_name }}, {{ token.order }}' },
      { id: '~b', ...running, provider: 'sms', body: 'Hi' },
      { id: '~http', ...running, provider: 'vendor', from: 'SHOP', body: 'Hi {{ first_name }}' },
      {
        id: '~email',
        state: 'running',
        channel: 'email',
        provider: 'email',
        subject: 'S',
        html: '<b>{{ first_name }}</b>',
      },
    ],
  });
});
after(() => Promise.all([carom.stop(), vendor.close()]));

function api(method: string, path: string, body?: unknown): Promise<Answer> {
  return carom.call(method, `/v1/${path}`, { key: 'shop-key', body });
}

function create(changes: object = {}, query = ''): Promise<Answer> {
  const request = { campaignIds: ['~a'], mode: 'all', userId: 'ana', phone: '+919876543210', ...changes };
  return api('POST', `transactions${query}`, request);
}

/** The txnIds on a page of a list. */
async function listed(query: string): Promise<string[]> {
  const { status, body } = await api('GET', `transactions?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.data.map(({ txnId }: { txnId: string }) => txnId);
}

describe('a transaction', () => {
  test('is accepted with 202, and then known by its id and by its txnId', async () => {
    const { status, body } = await create({ txnId: 'order/1?', ttl: 60 });
    assert.equal(status, 202);
    const { id, createdAt, startAt, expiresAt, ...rest } = body;
    for (const time of [createdAt, startAt, expiresAt]) assert.match(time, TIME);
    assert.equal(Date.parse(expiresAt) - Date.parse(startAt), 60_000);
    assert.deepEqual(rest, {
      txnId: 'order/1?',
      userId: 'ana',
      mode: 'all',
      state: 'running',
      late: false,
      campaignIds: ['~a'],
      ttl: 60,
      endedAt: null,
    });
    const view = await carom.ended('shop', id);
    const found = await api('GET', `transactions/${encodeURIComponent('order/1?')}`);
    assert.equal(found.body.id, id);
    assert.equal(view.state, 'completed');
  });

  test('shows each leg with its message, and a timeline', async () => {
    const { body } = await create({ campaignIds: ['~a', '~b'], mode: 'fallback_on_delivery_failure' });
    const view = await carom.ended('shop', body.id);
    const [first, second] = view.legs;
    const { messages, ...leg } = first;
    assert.deepEqual(leg, { position: 0, campaignId: '~a', version: 1, state: 'delivered', reason: null });
    const [message] = messages;
    assert.deepEqual(
      [message.channel, message.provider, message.to, message.state, message.reason, message.late],
      ['sms', 'sms', '+919876543210', 'delivered', null, false],
    );
    assert.equal(message.ref, `sandbox-${message.id}`);
    const times = [message.queuedAt, message.sentAt, message.acceptedAt, message.deliveredAt];
    for (const time of times) assert.match(time, TIME);
    for (const [n, time] of times.entries()) assert.ok(n === 0 || times[n - 1] <= time, times.join(', '));
    assert.deepEqual([message.failedAt, message.readAt, message.clickedAt], [null, null, null]);
    assert.deepEqual([second.state, second.reason, second.messages], ['skipped', 'chain_succeeded', []]);
    for (const { at } of view.timeline) assert.match(at, TIME);
    const what = view.timeline.map((entry: { what: string; leg: number | null }) => `${entry.what} ${entry.leg}`);
    assert.equal(what[0], 'transaction.accepted null');
    for (const line of ['leg.triggered 0', 'message.accepted 0', 'message.skipped 1', 'transaction.succeeded null']) {
      assert.ok(what.includes(line), `${line} in ${what.join(', ')}`);
    }
  });

  test('that does not exist, by id or txnId, is a 404', async () => {
    for (const id of ['nothing', '00000000-0000-7000-8000-000000000000']) {
      for (const path of [`transactions/${id}`, `transactions/${id}/cancel`]) {
        const { status } = await api(path.endsWith('cancel') ? 'POST' : 'GET', path);
        assert.equal(status, 404, path);
      }
    }
  });

  test('semantics §4: the same request again is told the first answer, whatever has happened since', async () => {
    const request = { txnId: 'again', token: { a: 1, b: { c: 2, d: 3 } }, startAt: '2026-01-01T00:00:00Z' };
    const first = await create(request);
    await carom.ended('shop', first.body.id);
    const again = await create({ ...request, token: { b: { d: 3, c: 2 }, a: 1 } });
    assert.deepEqual([again.status, again.body], [202, first.body]);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(first.headers.get('idempotent-replayed'), null);
  });

  test('semantics §4: another request under a used txnId is a 409 txn_id_reused', async () => {
    await create({ txnId: 'used', token: { a: 1 } });
    for (const changes of [
      { token: { a: 2 } },
      { token: { a: '1' } },
      { userId: 'eve' },
      { campaignIds: ['~b'] },
      { ttl: 5 },
    ]) {
      const { status, body } = await create({ txnId: 'used', token: { a: 1 }, ...changes });
      assert.deepEqual([status, body.code], [409, 'txn_id_reused'], JSON.stringify(changes));
    }
  });

  test('semantics §4: two concurrent requests with one txnId make one transaction', async () => {
    const answers = await Promise.all(Array.from({ length: 25 }, () => create({ txnId: 'race', userId: 'race' })));
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length, 1);
    assert.deepEqual(await listed('userId=race'), ['race']);
  });

  test('semantics §4: what is not valid is no repeat, even under a used txnId', async () => {
    await create({ txnId: 'valid' });
    assert.equal((await create({ txnId: 'valid', ttl: 0 })).status, 400);
  });
});

describe('a dry run', () => {
  test('renders every leg, and writes and sends nothing', async () => {
    const calls = vendor.calls.length;
    const request = {
      campaignIds: ['~a', '~http', '~email'],
      mode: 'fallback_on_delivery_failure',
      userId: 'dry',
      txnId: 'dry',
      params: { first_name: 'Ann & Bob' },
      token: { order: 'A-1' },
      track: { eventName: 'dry' },
      profile: { firstName: 'Dry' },
    };
    const { status, body } = await create(request, '?dryRun=true');
    assert.equal(status, 200);
    assert.equal(body.state, 'dry_run');
    assert.deepEqual(
      body.legs.map((leg: { state: string; reason: string | null }) => [leg.state, leg.reason]),
      [
        ['ready', null],
        ['ready', null],
        ['skipped', 'no_address'],
      ],
    );
    const { message } = body.legs[0];
    assert.deepEqual([message.to, message.body, message.provider], ['+919876543210', 'Hi Ann & Bob, A-1', 'sms']);
    assert.doesNotMatch(JSON.stringify(body), /receipts/);
    assert.equal((await api('GET', 'transactions/dry')).status, 404);
    assert.equal((await api('GET', 'profiles/dry')).status, 404);
    assert.deepEqual((await api('GET', 'events?eventName=dry')).body.data, []);
    // The txnId is still free, and the first call to the vendor is the real one's.
    const real = await create({ txnId: 'dry', campaignIds: ['~http'] });
    assert.equal(real.status, 202);
    assert.equal(JSON.parse((await vendor.call(calls)).body).to, '+919876543210');
    assert.equal(vendor.calls.length, calls + 1);
  });

  test('is refused as the request would be', async () => {
    assert.equal((await create({ campaignIds: ['~nothing'] }, '?dryRun=true')).status, 404);
    assert.equal((await create({ ttl: 0 }, '?dryRun=true')).status, 400);
  });
});

describe('the list of transactions', () => {
  before(async () => {
    for (const [txnId, changes] of Object.entries({
      'list-1': { campaignIds: ['~b'] },
      'list-2': { campaignIds: ['~a', '~b'], startAt: IN_AN_HOUR },
      'list-3': { campaignIds: ['~b'], mode: 'fallback_on_attempt_failure', phone: '+919876540002' },
    })) {
      const { status } = await create({ userId: 'lister', txnId, ...changes });
      assert.equal(status, 202);
    }
    await carom.ended('shop', 'list-1');
    await carom.ended('shop', 'list-3');
  });

  test('is newest first', async () => assert.deepEqual(await listed('userId=lister'), ['list-3', 'list-2', 'list-1']));

  test('can be filtered by state, user, campaign and time, and by all of them', async () => {
    const { createdAt } = (await api('GET', 'transactions/list-2')).body;
    const [plus] = [new Date(Date.parse(createdAt) + 19_800_000).toISOString().replace('Z', '+05:30')];
    const cases: Record<string, string[]> = {
      'state=scheduled': ['list-2'],
      'state=failed': ['list-3'],
      'state=completed': ['list-1'],
      'campaignId=~a': ['list-2'],
      'campaignId=~nothing': [],
      [`since=${createdAt}`]: ['list-3', 'list-2'],
      [`since=${plus}`]: ['list-3', 'list-2'],
      [`since=${encodeURIComponent(plus)}&campaignId=~b&state=failed`]: ['list-3'],
    };
    for (const [query, expected] of Object.entries(cases)) {
      assert.deepEqual(await listed(`userId=lister&${query}`), expected, query);
    }
    assert.deepEqual(await listed('userId=nobody'), []);
  });

  test('comes in pages, each with the cursor of the next, the last with null', async () => {
    const whole = await listed('limit=200');
    const pages: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await api('GET', `transactions?limit=3${cursor && `&cursor=${cursor}`}`);
      assert.ok(body.data.length <= 3);
      pages.push(...body.data.map(({ txnId }: { txnId: string }) => txnId));
      cursor = body.next;
    }
    assert.ok(whole.length > 6);
    assert.deepEqual(pages, whole);
  });
});

describe('a profile', () => {
  test('semantics §7: PUT makes it, PATCH changes what it names, null overwrites, DELETE removes it', async () => {
    const made = await api('PUT', 'profiles/pia', {
      firstName: 'Pia',
      email: 'pia@mail.example',
      timeZone: 'Asia/Kolkata',
      attributes: { a: 1, b: { c: 2 } },
      consents: { sms: false, push: true },
      devices: [{ channel: 'push', token: 'x' }],
    });
    assert.equal(made.status, 200);
    const changed = await api('PATCH', 'profiles/pia', {
      lastName: 'Rao',
      email: null,
      attributes: { a: null, b: 5, d: [1] },
      consents: { sms: true },
    });
    assert.deepEqual(changed.body, {
      userId: 'pia',
      firstName: 'Pia',
      lastName: 'Rao',
      email: null,
      phone: null,
      birthDate: null,
      gender: null,
      locale: null,
      timeZone: 'Asia/Kolkata',
      attributes: { a: null, b: 5, d: [1] },
      devices: [{ channel: 'push', token: 'x' }],
      consents: { sms: true, push: true },
    });
    const replaced = await api('PUT', 'profiles/pia', { lastName: 'Rao' });
    assert.deepEqual([replaced.body.firstName, replaced.body.attributes, replaced.body.devices], [null, {}, []]);
    assert.equal((await api('DELETE', 'profiles/pia')).status, 204);
    for (const method of ['GET', 'DELETE']) assert.equal((await api(method, 'profiles/pia')).status, 404);
  });

  test('has any id up to 100 characters, and PATCH makes one that is not there', async () => {
    for (const id of ['a/b', 'é@x.example', 'あ'.repeat(100), '%', 'a b?c#d']) {
      const { status, body } = await api('PATCH', `profiles/${encodeURIComponent(id)}`, { firstName: 'x' });
      assert.deepEqual([status, body.userId], [200, id]);
    }
  });
});

describe('events', () => {
  test('are posted, and listed newest first by user and by name', async () => {
    for (const [userId, eventName] of [
      ['evi', 'seen'],
      ['evi', 'bought'],
      ['other', 'seen'],
    ]) {
      const eventData = { z: 1, a: { b: null } };
      const { status, body } = await api('POST', 'events', {
        userId,
        eventName,
        eventTime: '2026-05-21T10:00:00+05:30',
        eventData,
      });
      assert.equal(status, 202);
      assert.deepEqual([body.eventTime, body.eventData], ['2026-05-21T04:30:00.000Z', eventData]);
    }
    const of = async (path: string) =>
      (await api('GET', path)).body.data.map(
        (one: { userId: string; eventName: string }) => `${one.userId} ${one.eventName}`,
      );
    assert.deepEqual(await of('profiles/evi/events'), ['evi bought', 'evi seen']);
    assert.deepEqual(await of('events?userId=evi'), ['evi bought', 'evi seen']);
    assert.deepEqual(await of('events?eventName=seen'), ['other seen', 'evi seen']);
    assert.deepEqual(await of('events?eventName=seen&userId=evi'), ['evi seen']);
    const first = (await api('GET', 'events?eventName=seen&limit=1')).body;
    assert.deepEqual(await of(`events?eventName=seen&limit=1&cursor=${first.next}`), ['evi seen']);
    assert.equal((await api('GET', 'events?userId=evi&limit=2')).body.next, null);
  });
});

describe('the node', () => {
  test('counts what it did, by channel', async () => {
    const { body } = await eventually(
      () => api('GET', 'stats'),
      (answer) => Object.keys(answer.body.totals).length > 0,
    );
    assert.match(body.since, TIME);
    assert.ok(body.channels.sms, JSON.stringify(body.totals));
    for (const { hour, count } of body.hours) {
      assert.match(hour, TIME);
      assert.ok(count > 0);
    }
  });

  test('says without a key that it is alive and ready, and has metrics', async () => {
    const [alive, ready, metrics] = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map((path) => carom.call('GET', path, { key: null })),
    );
    assert.deepEqual([alive!.status, alive!.body.status], [200, 'alive']);
    assert.deepEqual([ready!.status, ready!.body], [200, { status: 'ready' }]);
    assert.match(metrics!.headers.get('content-type')!, /^text\/plain/);
    assert.match(metrics!.body, /^carom_http_requests_total\{.*route="\/v1\/transactions".*\} \d+$/m);
    assert.doesNotMatch(metrics!.body, /order|shop-key/);
  });
});
