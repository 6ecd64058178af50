/** What a transaction does beside sending: one event and one profile update (semantics §5 to §7). */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';

const DELIVERED = '+919876543210';
const UNDELIVERED = '+919876540003';
const SILENT = '+919876540004';

let carom: Carom;

before(async () => {
  carom = await startCarom();
  const sms = { channel: 'sms', provider: 'sms', body: 'Hi {{ first_name }}' };
  await carom.apply({
    account: 'shop',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read'] }],
    providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
    campaigns: [
      ...['~a', '~b', '~c'].map((id) => ({ id, state: 'running', ...sms })),
      { id: '~paused', state: 'paused', ...sms },
    ],
  });
});
after(() => carom.stop());

function api(method: string, path: string, body?: unknown): Promise<Answer> {
  return carom.call(method, path, { key: 'shop-key', body });
}

interface Wanted {
  campaigns?: string;
  mode?: string;
  userId: string;
  phone?: string | null;
  /** Of the body beside userId and the request's own phone. */
  more?: object;
  token?: string;
  trackConfig?: object;
}

/** A WebEngage request; `token` is JSON as text, for the order of its keys. */
function trigger({
  campaigns = '~a',
  mode = 'all',
  userId,
  phone = DELIVERED,
  more,
  token = '{}',
  trackConfig,
}: Wanted): Promise<Answer> {
  const overrideData = { ...(phone && { phone }), context: { token: '@' } };
  const body = JSON.stringify({ userId, ...more, overrideData, trackConfig }).replace('"@"', token);
  return api('POST', `/v2/accounts/shop/transaction?campaignIds=${campaigns}&mode=${mode}`, body);
}

async function ended(answer: Answer) {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return carom.ended('shop', answer.body.response.data.txnId);
}

async function events(
  userId: string,
): Promise<{ userId: string; eventName: string; eventTime: string; eventData: Record<string, unknown> }[]> {
  return (await api('GET', `/v1/profiles/${userId}/events`)).body.data;
}

/** The only event of a user, as soon as it is there. */
async function theEvent(userId: string) {
  const all = await eventually(
    () => events(userId),
    ({ length }) => length > 0,
  );
  assert.equal(all.length, 1);
  return all[0]!;
}

async function profile(userId: string) {
  return (await api('GET', `/v1/profiles/${userId}`)).body;
}

describe('the event', () => {
  test('semantics §6: is made of the tokens, flattened by one level, then phone and email, then txnId and ttl', async () => {
    const token = '{"a":1,"addr":{"city":"Pune","geo":{"lat":1}},"city":"X","tags":["p"]}';
    const answer = await trigger({
      userId: 'spec',
      token,
      more: { txnId: 'spec-1', ttl: 300 },
      trackConfig: { eventName: 'order' },
    });
    await ended(answer);
    const { userId, eventName, eventData, eventTime } = await theEvent('spec');
    assert.deepEqual([userId, eventName], ['spec', 'order']);
    assert.deepEqual(eventData, {
      a: 1,
      city: 'X',
      geo: { lat: 1 },
      tags: ['p'],
      phone: DELIVERED,
      txnId: 'spec-1',
      ttl: 300,
    });
    assert.ok(Math.abs(Date.parse(eventTime) - Date.now()) < 10_000);
  });

  test('semantics §6: scalars, nulls and lists stay under their keys; a map in a map stays whole', async () => {
    const token = '{"n":null,"f":false,"s":"","l":[{"x":1}],"e":{},"m":{"n2":null,"deep":{"er":{"y":2}},"l":[2]}}';
    await ended(await trigger({ userId: 'kinds', token, more: { txnId: 'kinds-1' }, trackConfig: { eventName: 'e' } }));
    const { eventData } = await theEvent('kinds');
    assert.deepEqual(eventData, {
      n: null,
      f: false,
      s: '',
      l: [2],
      n2: null,
      deep: { er: { y: 2 } },
      phone: DELIVERED,
      txnId: 'kinds-1',
    });
  });

  test('semantics §6: later ones win: phone, email, txnId and ttl over tokens of these names', async () => {
    const token = '{"phone":"t","map":{"email":"t","txnId":"t"},"ttl":"t"}';
    const overrideData = { phone: '98765', email: 'o@mail.example', context: { token: JSON.parse(token) } };
    const more = { txnId: 'wins-1', ttl: 60, overrideData };
    const body = { userId: 'wins', ...more, trackConfig: { eventName: 'e' } };
    await ended(await api('POST', '/v2/accounts/shop/transaction?campaignIds=~a&mode=all', body));
    const { eventData } = await theEvent('wins');
    assert.deepEqual(eventData, { phone: '98765', email: 'o@mail.example', txnId: 'wins-1', ttl: 60 });
    await ended(
      await trigger({
        userId: 'stays',
        phone: null,
        token,
        more: { txnId: 'stays-1' },
        trackConfig: { eventName: 'e' },
      }),
    );
    assert.deepEqual((await theEvent('stays')).eventData, { phone: 't', email: 't', txnId: 'stays-1', ttl: 't' });
  });

  test('semantics §6: the order of the tokens’ keys decides, also of a transaction that was read back from the database', async () => {
    const tokens = {
      map: '{"zz":1,"city":"X","a":{"city":"Pune"}}',
      scalar: '{"zz":1,"a":{"city":"Pune"},"city":"X"}',
    };
    for (const [last, token] of Object.entries(tokens)) {
      const city = last === 'map' ? 'Pune' : 'X';
      await ended(await trigger({ userId: `now-${last}`, token, trackConfig: { eventName: 'e' } }));
      assert.equal((await theEvent(`now-${last}`)).eventData['city'], city);
      const startAt = new Date(Date.now() + 1_000).toISOString();
      const body = {
        campaignIds: ['~a'],
        mode: 'all',
        userId: `later-${last}`,
        phone: DELIVERED,
        startAt,
        track: { eventName: 'e' },
      };
      const answer = await api('POST', '/v1/transactions', JSON.stringify(body).replace(/}$/, `,"token":${token}}`));
      assert.equal(answer.body.state, 'scheduled');
      await carom.ended('shop', answer.body.id);
      assert.equal((await theEvent(`later-${last}`)).eventData['city'], city);
    }
  });

  test('semantics §6: without an event name there is none', async () => {
    await ended(await trigger({ userId: 'quiet', trackConfig: { updateUser: { firstName: 'Q' } } }));
    await eventually(
      () => profile('quiet'),
      ({ firstName }) => firstName === 'Q',
    );
    assert.deepEqual(await events('quiet'), []);
  });
});

describe('the profile', () => {
  test('semantics §7: an absent one is created with the given fields', async () => {
    const updateUser = {
      firstName: 'John',
      lastName: 'Doe',
      email: 'john@mail.example',
      phone: '+919876543210',
      birthDate: '1990-05-21',
      gender: 'male',
      attributes: { Points: 100, Tier: 'Gold', PreferredChannel: 'whatsapp' },
    };
    await ended(await trigger({ userId: 'john', trackConfig: { updateUser } }));
    const { userId, ...fields } = await eventually(
      () => profile('john'),
      ({ firstName }) => firstName === 'John',
    );
    assert.equal(userId, 'john');
    assert.deepEqual(fields, { ...updateUser, locale: null, timeZone: null, devices: [], consents: {} });
  });

  test('semantics §7: of a present one only the given fields change; attributes merge key by key, null overwrites', async () => {
    await api('PUT', '/v1/profiles/mia', {
      firstName: 'Mia',
      lastName: 'Old',
      email: 'm@mail.example',
      attributes: { keep: 1, change: { a: 1 }, clear: 'x' },
    });
    const updateUser = { lastName: 'New', email: null, attributes: { change: { b: 2 }, clear: null, add: [1] } };
    await ended(await trigger({ userId: 'mia', trackConfig: { updateUser } }));
    const { firstName, email, attributes } = await eventually(
      () => profile('mia'),
      (one) => one.lastName === 'New',
    );
    assert.deepEqual([firstName, email], ['Mia', null]);
    assert.deepEqual(attributes, { keep: 1, change: { b: 2 }, clear: null, add: [1] });
  });

  test('semantics §7: concurrent updates of one user lose neither’s fields', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `a${n}`);
    const answers = await Promise.all(
      names.map((name, n) =>
        n % 2
          ? api('PATCH', '/v1/profiles/many', { attributes: { [name]: n } })
          : trigger({ userId: 'many', trackConfig: { updateUser: { attributes: { [name]: n } } } }),
      ),
    );
    for (const { status } of answers) assert.equal(status, 200);
    const { attributes } = await eventually(
      () => profile('many'),
      (one) => Object.keys(one.attributes).length >= names.length,
    );
    assert.deepEqual(attributes, Object.fromEntries(names.map((name, n) => [name, n])));
  });

  test('semantics §8: what a request gives to its messages is not stored on the profile', async () => {
    const body = {
      campaignIds: ['~a'],
      mode: 'all',
      userId: 'nina',
      phone: DELIVERED,
      email: 'n@mail.example',
      params: { first_name: 'N' },
      token: { x: 1 },
      profile: { gender: 'x' },
    };
    const { body: answer } = await api('POST', '/v1/transactions', body);
    await carom.ended('shop', answer.id);
    const { firstName, phone, email, attributes } = await eventually(
      () => profile('nina'),
      ({ gender }) => gender === 'x',
    );
    assert.deepEqual([firstName, phone, email, attributes], [null, null, null, {}]);
  });
});

describe('both', () => {
  const trackConfig = { eventName: 'both', updateUser: { attributes: { both: 1 } } };

  test('semantics §5: happen once per transaction, however many legs it has and whatever comes of them', async () => {
    for (const [mode, state] of [
      ['fallback_on_delivery_failure', 'failed'],
      ['fallback_on_attempt_failure', 'succeeded'],
      ['all', 'completed'],
    ] as const) {
      const answer = await trigger({ campaigns: '~a,~b,~c', mode, userId: mode, phone: UNDELIVERED, trackConfig });
      const view = await ended(answer);
      assert.equal(view.state, state);
      await theEvent(mode);
      const done = await carom.transaction('shop', view.id, ({ timeline }) =>
        timeline.some(({ what }: { what: string }) => what === 'profile.updated'),
      );
      const follow = done.timeline
        .map(({ what }: { what: string }) => what)
        .filter((what: string) => /^(event|profile)\./.test(what));
      assert.deepEqual(follow, ['event.tracked', 'profile.updated']);
      assert.equal((await events(mode)).length, 1);
    }
  });

  test('semantics §5: come right after the first leg was attempted, not after the chain’s end', async () => {
    const mode = 'fallback_on_delivery_failure';
    const answer = await trigger({ campaigns: '~a,~b', mode, userId: 'waits', phone: SILENT, trackConfig });
    await theEvent('waits');
    await eventually(
      () => profile('waits'),
      ({ attributes }) => attributes?.both === 1,
    );
    // They are written before the transition that says so: the timeline follows within a write.
    const whatOf = ({ timeline }: { timeline: { what: string }[] }) => timeline.map((entry) => entry.what);
    const view = await eventually(
      async () => (await api('GET', `/v1/transactions/${answer.body.response.data.txnId}`)).body,
      (body) => whatOf(body).includes('profile.updated'),
    );
    assert.deepEqual([view.state, view.legs[1].state], ['running', 'pending']);
    const what = whatOf(view);
    assert.ok(what.indexOf('message.accepted') < what.indexOf('event.tracked'), what.join(', '));
    assert.ok(what.indexOf('event.tracked') < what.indexOf('profile.updated'), what.join(', '));
  });

  test('semantics §5: come also where no leg had an address', async () => {
    const view = await ended(
      await trigger({
        campaigns: '~a,~b',
        mode: 'fallback_on_attempt_failure',
        userId: 'nowhere',
        phone: null,
        trackConfig,
      }),
    );
    assert.equal(view.state, 'failed');
    await theEvent('nowhere');
    await eventually(
      () => profile('nowhere'),
      ({ attributes }) => attributes?.both === 1,
    );
  });

  test('semantics §5: do not come of a request that is refused, nor again of a repeat', async () => {
    const refused = { userId: 'refused', trackConfig };
    for (const [status, wanted] of [
      [412, { campaigns: '~a,~paused' }],
      [404, { campaigns: '~a,~nothing' }],
      [400, { more: { ttl: 0 } }],
      [400, { trackConfig: { eventName: 'both', updateUser: { birthDate: '1.1.1990', attributes: { both: 1 } } } }],
    ] as const) {
      assert.equal((await trigger({ ...refused, ...wanted })).status, status);
    }
    const repeated: Wanted = { userId: 'repeated', more: { txnId: 'repeated-1' }, trackConfig };
    await ended(await trigger(repeated));
    await theEvent('repeated');
    await eventually(
      () => profile('repeated'),
      ({ attributes }) => attributes?.both === 1,
    );
    const changed = { eventName: 'again', updateUser: { attributes: { both: 2 } } };
    const again = await trigger({ ...repeated, trackConfig: changed });
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    // A later transaction of the same user has done both: an earlier one of them would have been seen by now.
    await ended(
      await trigger({ userId: 'repeated', trackConfig: { eventName: 'marker', updateUser: { gender: 'x' } } }),
    );
    const { attributes } = await eventually(
      () => profile('repeated'),
      ({ gender }) => gender === 'x',
    );
    assert.equal(attributes.both, 1);
    assert.deepEqual(
      (await events('repeated')).map(({ eventName }) => eventName),
      ['marker', 'both'],
    );
    assert.deepEqual(await events('refused'), []);
    assert.equal((await api('GET', '/v1/profiles/refused')).status, 404);
  });
});
