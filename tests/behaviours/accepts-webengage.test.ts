/** WebEngage's clients move over by changing host, licence code and key: their requests, unchanged, work as documented. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { demoManifest } from '../support/manifests.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** As the vendor's page has it: its web host hides addresses, and a reader copies what he sees. */
const HIDDEN = '[email\u00a0protected]';
const DELIVERY = 'mode=fallback_on_delivery_failure';

/** The two requests of the vendor's page, to the letter. */
const EXAMPLE = `{
    "ttl": 300,
    "userId": "user_123",
    "txnId": "order_12345",
    "overrideData": {
      "context": {
        "token": {
          "order_id": "ORD-12345"
        }
      },
      "email": "${HIDDEN}",
      "phone": "+919876543210"
    },
    "trackConfig": {
      "eventName": "track_txn",
      "updateUser": {
        "firstName": "John",
        "lastName": "Doe",
        "email": "${HIDDEN}",
        "attributes": {
          "Points": 100
        }
      }
    }
  }`;
const SHORT_EXAMPLE = `{
  "ttl": 600,
  "userId": "peter",
  "txnId": "order_12345",
  "overrideData": {
    "context": {
      "token": {
        "orderId": "ABCD1234"
      }
    },
    "phone": "9999999999"
  }
}`;

let carom: Carom;

/** A POST to the dialect. */
function post(path: string, body: unknown, { key = 'demo-key', headers = {} } = {}): Promise<Answer> {
  return carom.call('POST', path, { key, body, headers });
}

/** A POST to the multi-campaign endpoint of the demo account. */
function trigger(query: string, body: unknown = request()): Promise<Answer> {
  return post(`/v2/accounts/demo/transaction?${query}`, body);
}

function request(changes: object = {}): object {
  return { userId: 'ana', overrideData: { phone: '+919876543210' }, ...changes };
}

/** The ended transaction of an answer. */
function ended({ body }: Answer, account = 'demo') {
  return carom.ended(account, body.response.data.txnId);
}

async function eventsOf(account: string, userId: string): Promise<{ eventName: string; eventData: object }[]> {
  return (await carom.call('GET', `/v1/events?account=${account}&userId=${userId}`)).body.data;
}

/** Asks again and again within a window of 5 s, until a new one is accepted. Runs beside the other tests. */
async function passWindow(): Promise<{ tookMs: number; duplicates: number }> {
  const path = '/v2/accounts/demo/experiments/~xyz456/transaction';
  const ask = () => post(path, request({ userId: 'patient', dedupe: { ttl: 5 } }));
  const since = Date.now();
  await ask();
  let duplicates = -1;
  await eventually(ask, ({ headers }) => {
    duplicates++;
    return headers.get('idempotent-replayed') === null;
  });
  return { tookMs: Date.now() - since, duplicates };
}

let windowPassed: ReturnType<typeof passWindow>;

before(async () => {
  carom = await startCarom();
  const demo = demoManifest() as object;
  await carom.apply(demo);
  await carom.apply({
    ...demo,
    account: 'second',
    keys: [{ id: 'second', key: 'second-key', scopes: ['trigger', 'read'] }],
    limits: { transaction: '100/m', users: '5000/m', events: '5000/m' },
  });
  windowPassed = passWindow();
});
after(() => carom.stop());

describe('the documented requests', () => {
  test('semantics §2: the first example is queued, falls back from WhatsApp to SMS and arrives', async () => {
    const answer = await trigger(`campaignIds=~abc123&campaignIds=~xyz456&${DELIVERY}`, EXAMPLE);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, {
      response: {
        data: {
          txnId: 'order_12345',
          campaignIds: ['~abc123', '~xyz456'],
          mode: 'fallback_on_delivery_failure',
          userId: 'user_123',
          ttl: 300,
        },
        message: 'success',
        status: 'queued',
      },
    });
    const { state, legs } = await ended(answer);
    assert.equal(state, 'succeeded');
    assert.deepEqual(
      legs.map((leg: { state: string; messages: { to: string }[] }) => [leg.state, leg.messages[0]!.to]),
      [
        ['undelivered', '+919876543210'],
        ['delivered', '+919876543210'],
      ],
    );
  });

  test('semantics §6 and §7: its event and its profile are written; the hidden address is none', async () => {
    const events = await eventually(
      () => eventsOf('demo', 'user_123'),
      ({ length }) => length > 0,
    );
    assert.equal(events[0]!.eventName, 'track_txn');
    assert.deepEqual(events[0]!.eventData, {
      order_id: 'ORD-12345',
      phone: '+919876543210',
      txnId: 'order_12345',
      ttl: 300,
    });
    const path = '/v1/profiles/user_123?account=demo';
    const { body } = await eventually(
      () => carom.call('GET', path),
      ({ status }) => status === 200,
    );
    assert.deepEqual(
      [body.firstName, body.lastName, body.email, body.attributes],
      ['John', 'Doe', null, { Points: 100 }],
    );
  });

  test('semantics §4: the same request again, and another under its txnId, get the first answer and do nothing', async () => {
    for (const body of [EXAMPLE, SHORT_EXAMPLE]) {
      const answer = await trigger(`campaignIds=~abc123&campaignIds=~xyz456&${DELIVERY}`, body);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('idempotent-replayed'), 'true');
      assert.equal(answer.body.response.data.userId, 'user_123');
      assert.equal(answer.body.response.data.ttl, 300);
    }
    const list = await carom.call('GET', '/v1/transactions?account=demo&userId=peter');
    assert.deepEqual(list.body.data, []);
    assert.equal((await eventsOf('demo', 'user_123')).length, 1);
  });

  test('semantics §8: the second example reaches a number without country code in the account’s region', async () => {
    const path = `/v2/accounts/second/transaction?campaignIds=~abc123&campaignIds=~xyz456&${DELIVERY}`;
    const answer = await post(path, SHORT_EXAMPLE, { key: 'second-key' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('idempotent-replayed'), null);
    const { state, ttl, legs } = await ended(answer, 'second');
    assert.deepEqual([state, ttl, legs[1].messages[0].to], ['succeeded', 600, '+919999999999']);
  });
});

describe('the multi-campaign endpoint', () => {
  test('campaignIds may be repeated, listed with commas, with a raw or an encoded tilde; their order is kept', async () => {
    const queries = ['campaignIds=~xyz456&campaignIds=~abc123', 'campaignIds=~xyz456,~abc123'];
    for (const query of [...queries, ...queries.map((one) => one.replaceAll('~', '%7E').replace(',', '%2C'))]) {
      const answer = await trigger(`${query}&mode=all`);
      assert.deepEqual(answer.body.response.data.campaignIds, ['~xyz456', '~abc123'], query);
    }
  });

  test('without txnId and ttl the answer has a made txnId and no ttl (semantics §4, §3)', async () => {
    const { body } = await trigger('campaignIds=~xyz456&mode=fallback_on_attempt_failure');
    const { txnId, ...data } = body.response.data;
    assert.match(txnId, UUID);
    assert.equal(txnId[14], '7');
    assert.deepEqual(data, { campaignIds: ['~xyz456'], mode: 'fallback_on_attempt_failure', userId: 'ana' });
  });

  test('nulls are taken for fields left out', async () => {
    const overrideData = { context: null, email: null, phone: '+919876543210' };
    const answer = await trigger(
      'campaignIds=~xyz456&mode=all',
      request({ txnId: null, trackConfig: null, overrideData }),
    );
    assert.equal(answer.status, 200);
  });

  test('?format=xml answers successes in XML, and errors still in JSON', async () => {
    const good = await trigger(
      'campaignIds=~abc123,~xyz456&mode=all&format=xml',
      request({ txnId: 'in-xml', ttl: 60 }),
    );
    assert.equal(good.status, 200);
    assert.match(good.headers.get('content-type')!, /^application\/xml/);
    assert.equal(
      good.body,
      '<?xml version="1.0" encoding="UTF-8"?><response><data><txnId>in-xml</txnId><campaignIds>~abc123</campaignIds>' +
        '<campaignIds>~xyz456</campaignIds><mode>all</mode><userId>ana</userId><ttl>60</ttl></data>' +
        '<message>success</message><status>queued</status></response>',
    );
    const bad = await trigger('campaignIds=~abc123&mode=some&format=xml');
    assert.equal(bad.status, 400);
    assert.equal(bad.body.response.status, 'error');
  });

  test('semantics §9: answers say the limit and what is left of it', async () => {
    const path = '/v2/accounts/second/transaction?campaignIds=~xyz456&mode=all';
    const first = await post(path, request(), { key: 'second-key' });
    const second = await post(path, request(), { key: 'second-key' });
    assert.equal(first.headers.get('x-ratelimit-limit'), '100');
    const left = [first, second].map(({ headers }) => Number(headers.get('x-ratelimit-remaining')));
    assert.equal(left[1], left[0]! - 1);
    assert.match(second.headers.get('ratelimit')!, /^"transaction";r=\d+;t=0$/);
  });
});

describe('the single-campaign endpoint', () => {
  const single = (body: object, campaign = '~xyz456') =>
    post(`/v2/accounts/demo/experiments/${campaign}/transaction`, body);

  test('semantics §3: a transaction without ttl lives 120 s', async () => {
    const answer = await single(request({ txnId: 'single-1' }));
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.response, {
      data: { txnId: 'single-1', experimentId: '~xyz456', userId: 'ana', ttl: 120 },
      message: 'success',
      status: 'queued',
    });
    const { createdAt, expiresAt, state } = await ended(answer);
    assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 120_000);
    assert.equal(state, 'completed');
  });

  test('trackConfig works here too, and overrideData may be missing', async () => {
    await carom.call('PUT', '/v1/profiles/beth?account=demo', { body: { phone: '+919876543210' } });
    const trackConfig = { eventName: 'otp_sent', updateUser: { attributes: { tier: 'gold' } } };
    const answer = await single({ userId: 'beth', ttl: 30, trackConfig }, '%7Exyz456');
    const { legs } = await ended(answer);
    assert.equal(legs[0].messages[0].to, '+919876543210');
    const [event] = await eventually(
      () => eventsOf('demo', 'beth'),
      ({ length }) => length > 0,
    );
    assert.deepEqual(event!.eventData, { txnId: answer.body.response.data.txnId, ttl: 30 });
    const profile = () => carom.call('GET', '/v1/profiles/beth?account=demo');
    await eventually(profile, ({ body }) => body.attributes.tier === 'gold');
  });

  test('semantics §4: dedupe.ttl ignores duplicates of the same campaign and user, with the first answer', async () => {
    const dedupe = { ttl: 1_800 };
    const first = await single(request({ userId: 'carl', dedupe }));
    assert.equal(first.headers.get('idempotent-replayed'), null);
    const again = await single(request({ userId: 'carl', dedupe, txnId: 'another' }));
    assert.deepEqual([again.status, again.body], [200, first.body]);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    const others = [request({ userId: 'dora', dedupe }), request({ userId: 'carl' })];
    for (const other of others) assert.equal((await single(other)).headers.get('idempotent-replayed'), null);
    const elsewhere = await single(request({ userId: 'carl', dedupe }), '~order-sms');
    assert.equal(elsewhere.headers.get('idempotent-replayed'), null);
    assert.equal((await carom.call('GET', '/v1/transactions/another?account=demo')).status, 404);
  });

  test('semantics §4: of concurrent duplicates within the window one is accepted', async () => {
    const body = request({ userId: 'ella', dedupe: { ttl: 60 } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => single(body)));
    assert.equal(new Set(answers.map((one) => one.body.response.data.txnId)).size, 1);
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length, 1);
  });

  test('semantics §4: the window is fixed: duplicates within it do not make it longer', async () => {
    const { tookMs, duplicates } = await windowPassed;
    assert.ok(duplicates > 3, `${duplicates} duplicates`);
    assert.ok(tookMs >= 5_000 && tookMs < 8_000, `a new one was accepted after ${tookMs} ms`);
  });

  test('semantics §4: the dedupe window is 5 to 1800 whole seconds', async () => {
    for (const ttl of [4, 1_801, 0, -5, 5.5, '60']) {
      const answer = await single(request({ dedupe: { ttl } }));
      assert.equal(answer.status, 400, String(ttl));
      assert.equal(answer.body.response.status, 'error');
    }
    assert.equal((await single(request({ userId: 'fred', dedupe: { ttl: 5 } }))).status, 200);
  });
});

describe('the users and events endpoints', () => {
  const queued = { response: { status: 'queued' } };

  test('a user’s fields, opt-ins and attributes become his profile; names that begin with we_ are ignored', async () => {
    const answer = await post('/v1/accounts/demo/users', {
      userId: 'gina',
      firstName: 'Gina',
      birthDate: '1990-05-21T00:00:00-0800',
      gender: 'female',
      email: 'gina@mail.example',
      phone: '+919876543210',
      company: 'Alphabet',
      smsOptIn: false,
      whatsappOptIn: true,
      attributes: { points: 7, we_secret: 1 },
    });
    assert.deepEqual([answer.status, answer.body], [200, queued]);
    const { body } = await carom.call('GET', '/v1/profiles/gina?account=demo');
    assert.equal(body.birthDate, '1990-05-21');
    assert.deepEqual(body.attributes, { points: 7, company: 'Alphabet' });
    assert.deepEqual(body.consents, { sms: false, whatsapp: true });
  });

  test('what a user opted out of is not sent: skipped, opted_out (semantics §2)', async () => {
    const { legs } = await ended(await trigger('campaignIds=~abc123,~xyz456&mode=all', request({ userId: 'gina' })));
    assert.deepEqual(
      legs.map((leg: { state: string; reason: string | null }) => [leg.state, leg.reason]),
      [
        ['accepted', null],
        ['skipped', 'opted_out'],
      ],
    );
  });

  test('an anonymous user has a profile too; with both ids, userId wins', async () => {
    await post('/v1/accounts/demo/users', { anonymousId: 'anon-1', firstName: 'A' });
    await post('/v1/accounts/demo/users', { userId: 'hans', anonymousId: 'anon-2', firstName: 'H' });
    const statuses = ['anon-1', 'hans', 'anon-2'].map((id) => carom.call('GET', `/v1/profiles/${id}?account=demo`));
    assert.deepEqual(
      (await Promise.all(statuses)).map(({ status }) => status),
      [200, 200, 404],
    );
  });

  test('without any id the error says so in the vendor’s words', async () => {
    for (const [path, body] of [
      ['users', { firstName: 'Nobody' }],
      ['events', { eventName: 'nothing', userId: '' }],
    ] as const) {
      const answer = await post(`/v1/accounts/demo/${path}`, body);
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.body, {
        response: { message: 'Error: userId and anonymousId cannot be empty.', status: 'error' },
      });
    }
  });

  test('an event is stored with its time and data; under one x-request-id once', async () => {
    const event = {
      userId: 'ida',
      eventName: 'Added to Cart',
      eventTime: '2026-05-21T10:00:00+0530',
      eventData: { product: { id: 1 }, price: 39.8 },
    };
    for (const id of ['abc', 'abc', 'def']) {
      const answer = await post('/v1/accounts/demo/events', event, { headers: { 'x-request-id': id } });
      assert.deepEqual([answer.status, answer.body], [200, queued]);
    }
    const { body } = await carom.call('GET', '/v1/events?account=demo&userId=ida');
    assert.equal(body.data.length, 2);
    const { eventName, eventTime, eventData } = body.data[0];
    assert.deepEqual([eventName, eventTime], ['Added to Cart', '2026-05-21T04:30:00.000Z']);
    assert.deepEqual(eventData, event.eventData);
  });

  test('both answer in XML when asked to, and say their own limits', async () => {
    const answer = await post('/v1/accounts/second/users?format=xml', { userId: 'u' }, { key: 'second-key' });
    assert.equal(answer.body, '<?xml version="1.0" encoding="UTF-8"?><response><status>queued</status></response>');
    assert.equal(answer.headers.get('x-ratelimit-limit'), '5000');
    const event = await post('/v1/accounts/second/events', { userId: 'u', eventName: 'e' }, { key: 'second-key' });
    assert.equal(event.headers.get('x-ratelimit-remaining'), '4999');
  });
});
