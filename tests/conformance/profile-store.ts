/** What every store of profiles promises (src/ports/profile-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { attributeKey, mergeProfile } from '#domain/profile.ts';
import type { ProfileFields } from '#domain/profile.ts';
import { customKey, deviceKey, emailKey, phoneKey } from '#domain/subscription.ts';
import type { Subscription } from '#domain/subscription.ts';
import type { ProfileStore, UserKey } from '#ports/profile-store.ts';
import { acceptance, times } from '../support/acceptance.ts';
import { AWKWARD, UNSTORABLE, UNSTORABLE_READ } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** Runs the suite. */
export function describeProfileStore(name: string, make: TwoNodes<ProfileStore>): void {
  let one: ProfileStore;
  let other: ProfileStore;
  const fieldsOf = async (userId = 'ana', accountId = 'demo') => (await other.load(accountId, userId))?.fields ?? null;
  const freshId = () => acceptance().stored.transaction.id;

  describe(`${name} keeps the promises of a profile store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('an unknown user has no profile; a merge creates it, for that account and user only', async () => {
      assert.equal(await one.load('demo', 'ana'), null);
      await one.merge('demo', 'ana', { firstName: 'Ana', attributes: { plan: 'gold' }, consents: { sms: true } });
      assert.deepEqual(await other.load('demo', 'ana'), {
        accountId: 'demo',
        userId: 'ana',
        fields: { firstName: 'Ana', attributes: { plan: 'gold' }, consents: { sms: true } },
      });
      assert.equal(await other.load('acme', 'ana'), null);
      assert.equal(await other.load('demo', 'Ana'), null);
    });

    test('a merge changes given fields only, attributes and consents key by key; null overwrites, absent does not', async () => {
      const steps: ProfileFields[] = [
        { firstName: 'Ana', email: 'a@x.org', attributes: { a: 1, b: { c: 1 } }, consents: { sms: true, email: true } },
        { firstName: null, attributes: { a: null, b: { d: 2 }, e: [] }, consents: { sms: false } },
        { lastName: 'Silva', devices: [{ channel: 'push', token: 't' }] },
        {},
      ];
      for (const fields of steps) await one.merge('demo', 'ana', fields);
      assert.deepEqual(await fieldsOf(), steps.reduce(mergeProfile));
      assert.deepEqual((await fieldsOf())?.attributes, { a: null, b: { d: 2 }, e: [] });
    });

    test('200 concurrent merges of one user from two nodes lose nothing', async () => {
      const merges = times(200, (index) =>
        (index % 2 ? one : other).merge('demo', 'ana', { attributes: { [`k${index}`]: index } }),
      );
      await Promise.all(merges);
      assert.deepEqual((await fieldsOf())?.attributes, Object.fromEntries(times(200, (index) => [`k${index}`, index])));
    });

    test('many users are merged from two nodes in opposite orders', async () => {
      const users = times(200, (index) => `user-${index}`);
      const merge = (store: ProfileStore, key: string) => (userId: string) =>
        store.merge('demo', userId, { attributes: { [key]: userId } });
      await Promise.all([...users.map(merge(one, 'a')), ...users.toReversed().map(merge(other, 'b'))]);
      const loaded = await Promise.all(users.map((userId) => fieldsOf(userId)));
      assert.deepEqual(
        loaded.map((fields) => fields?.attributes),
        users.map((userId) => ({ a: userId, b: userId })),
      );
    });

    test('a merge on behalf of a transaction happens once, however often and wherever it is asked for', async () => {
      const id = freshId();
      await one.mergeOnce('demo', 'ana', { firstName: 'Ana' }, id);
      await one.merge('demo', 'ana', { firstName: 'Bea' });
      await Promise.all(
        times(20, (index) => (index % 2 ? one : other).mergeOnce('demo', 'ana', { firstName: 'Ana' }, id)),
      );
      assert.equal((await fieldsOf())?.firstName, 'Bea');
      await one.mergeOnce('demo', 'ana', { firstName: 'Cleo' }, freshId());
      assert.equal((await fieldsOf())?.firstName, 'Cleo');
    });

    test('merges of both kinds, of many users, on two nodes, together lose nothing and repeat nothing', async () => {
      const ids = times(60, freshId);
      const users = ['ana', 'bob', 'eve'];
      const work = ids.flatMap((id, index) =>
        [one, other].flatMap((store) => [
          store.mergeOnce('demo', users[index % 3]!, { attributes: { [`once${index}`]: index } }, id),
          store.merge('demo', users[(index + 1) % 3]!, { attributes: { [`plain${index}`]: index } }),
        ]),
      );
      await Promise.all(work);
      for (const [place, userId] of users.entries()) {
        const wanted = [
          ...times(60, (index) => index)
            .filter((index) => index % 3 === place)
            .map((index) => `once${index}`),
          ...times(60, (index) => index)
            .filter((index) => (index + 1) % 3 === place)
            .map((index) => `plain${index}`),
        ];
        assert.deepEqual(Object.keys((await fieldsOf(userId))?.attributes ?? {}).toSorted(), wanted.toSorted());
      }
    });

    test('put replaces the whole profile; remove says whether there was one', async () => {
      await one.merge('demo', 'ana', { firstName: 'Ana', attributes: { a: 1 }, consents: { sms: true } });
      await one.put('demo', 'ana', { lastName: 'Silva', attributes: { b: null } });
      assert.deepEqual(await fieldsOf(), { lastName: 'Silva', attributes: { b: null }, consents: {} });
      await one.put('demo', 'bob', {});
      assert.deepEqual(await fieldsOf('bob'), { attributes: {}, consents: {} });
      assert.equal(await one.remove('demo', 'ana'), true);
      assert.equal(await other.remove('demo', 'ana'), false);
      assert.equal(await fieldsOf(), null);
    });

    test('devices are forgotten by their address, with the subscriptions of the same; what else is written stays', async () => {
      const subscription = { endpoint: 'https://push.example/1', keys: { p256dh: 'p', auth: 'a' } };
      const devices: ProfileFields['devices'] = [
        { channel: 'push', token: 'dead', platform: 'ios' },
        { channel: 'push', token: 'alive' },
        { channel: 'web_push', subscription },
      ];
      const subscriptions: Subscription[] = [
        { channel: 'push', provider: 'ios-firebase', subscriptionId: 'dead', custom: { plan: 'gold' } },
        { channel: 'sms', value: 'dead', custom: { plan: 'gold', level: 3 } },
      ];
      await one.merge('demo', 'ana', { firstName: 'Ana', devices, subscriptions, attributes: { a: 1 } });
      // As the browser wrote it: in another order, with more in it.
      const asSent = JSON.stringify({ expirationTime: null, ...subscription });
      assert.equal(await other.forgetDevices('demo', 'ana', ['dead', asSent, 'unheard of']), true);
      assert.deepEqual(await fieldsOf(), {
        firstName: 'Ana',
        devices: [devices[1]],
        subscriptions: [subscriptions[1]],
        attributes: { a: 1 },
        consents: {},
      });
      const keys = [deviceKey('ios-firebase', 'dead'), customKey('plan', 'gold'), customKey('level', 3)];
      const found = await one.findUsers('demo', 'subscription', keys);
      assert.deepEqual([...found.keys()], keys.slice(1));
      assert.equal(await one.forgetDevices('demo', 'ana', ['dead']), false);
      assert.equal(await one.forgetDevices('demo', 'nobody', ['dead']), false);
      assert.equal(await one.forgetDevices('acme', 'ana', ['alive']), false);
    });

    test('devices that are forgotten while the profile is written lose nothing that was written', async () => {
      const devices = times(20, (index) => ({ channel: 'push' as const, token: `t${index}` }));
      await one.merge('demo', 'ana', { devices });
      await Promise.all(
        times(20, async (index) => {
          await (index % 2 ? one : other).forgetDevices('demo', 'ana', [`t${index}`]);
          await one.merge('demo', 'ana', {
            [index % 2 ? 'lastName' : 'firstName']: `n${index}`,
            attributes: { [`k${index}`]: 1 },
          });
        }),
      );
      const fields = await fieldsOf();
      assert.deepEqual(fields?.devices, []);
      assert.equal(Object.keys(fields.attributes ?? {}).length, 20);
      assert(fields.firstName?.startsWith('n') && fields.lastName?.startsWith('n'));
    });

    test('users are found by id, e-mail in any case, phone however it is spaced, and internal id, in their account', async () => {
      await one.merge('demo', 'ana', { email: 'Ana@X.org', phone: '+91 (98765) 43-210', internalId: 4711 });
      await one.merge('demo', 'bob', { email: AWKWARD, phone: '0711/123', internalId: 'b-1' });
      await one.merge('demo', 'eve', { email: null, attributes: { email: 'eve@x.org' } });
      await one.merge('acme', 'zoe', { email: 'zoe@x.org', internalId: '4711' });
      const find = async (key: UserKey, ...values: string[]) =>
        Object.fromEntries(await other.findUsers('demo', key, values));
      assert.deepEqual(await find('user_id', 'ana', 'zoe', 'eve', 'Ana', 'ana'), { ana: 'ana', eve: 'eve' });
      assert.deepEqual(await find('email', 'aNa@x.ORG', 'zoe@x.org', 'eve@x.org', AWKWARD), {
        'aNa@x.ORG': 'ana',
        [AWKWARD]: 'bob',
      });
      assert.deepEqual(await find('phone', '+919876543210', '0711 123', '711123'), {
        '+919876543210': 'ana',
        '0711 123': 'bob',
      });
      assert.deepEqual(await find('internal_id', '4711', 'b-1', 'B-1'), { '4711': 'ana', 'b-1': 'bob' });
      assert.deepEqual(await find('email'), {});
    });

    test('of several users with the same the first is found; a changed or removed profile is not found by what it had', async () => {
      for (const userId of ['c', 'a', 'b']) await one.merge('demo', userId, { email: 'x@x.org', internalId: '1' });
      const find = async () => (await other.findUsers('demo', 'email', ['x@x.org'])).get('x@x.org');
      assert.equal(await find(), 'a');
      await one.merge('demo', 'a', { email: 'y@x.org' });
      assert.equal(await find(), 'b');
      await one.remove('demo', 'b');
      assert.equal(await find(), 'c');
    });

    test('users are found by the keys of their subscriptions, which change as a whole, and by their attributes', async () => {
      const subscriptions: Subscription[] = [
        { channel: 'email', value: 'Ana@Work.org', custom: { plan: 'gold' } },
        { channel: 'sms', value: '+91 98765-43210' },
        { channel: 'push', provider: 'ios-firebase', subscriptionId: AWKWARD },
      ];
      await one.merge('demo', 'ana', { subscriptions, attributes: { Custom_ID: '003', level: 3, tags: ['a', 'b'] } });
      await one.merge('demo', 'bob', { attributes: { Custom_ID: '004', level: '3', [AWKWARD]: AWKWARD } });
      await one.merge('acme', 'zoe', { subscriptions, attributes: { Custom_ID: '003' } });
      const find = async (key: UserKey, ...values: string[]) => [...(await other.findUsers('demo', key, values))];
      const keys = [
        emailKey('ANA@work.ORG'),
        phoneKey('+919876543210'),
        deviceKey('ios-firebase', AWKWARD),
        customKey('plan', 'gold'),
      ];
      const wrong = [emailKey('ana@x.org'), deviceKey('ios', AWKWARD), customKey('plan', 'silver'), 'gold', ''];
      const bySubscription = new Map(await find('subscription', ...keys, ...wrong));
      assert.deepEqual(bySubscription, new Map(keys.map((key) => [key, 'ana'])));
      const attributes: [key: string, userId: string | null][] = [
        [attributeKey('Custom_ID', '003'), 'ana'],
        [attributeKey('Custom_ID', '004'), 'bob'],
        [attributeKey('level', 3), 'ana'],
        [attributeKey('level', '3'), 'bob'],
        [attributeKey(AWKWARD, AWKWARD), 'bob'],
        [attributeKey('Custom_ID', 3), null],
        [attributeKey('custom_id', '003'), null],
        [attributeKey('tags', 'a'), null],
      ];
      const found = new Map(await find('attribute', ...attributes.map(([key]) => key)));
      for (const [key, userId] of attributes) assert.equal(found.get(key) ?? null, userId, key);

      await one.merge('demo', 'ana', { firstName: 'Ana', attributes: { Custom_ID: '005' } });
      assert.equal((await find('subscription', ...keys)).length, 4, 'a merge without subscriptions leaves them');
      assert.deepEqual(await find('attribute', attributeKey('Custom_ID', '003')), []);
      await one.merge('demo', 'ana', { subscriptions: [subscriptions[0]!] });
      assert.deepEqual(await find('subscription', keys[1]!, keys[2]!), []);
      assert.deepEqual((await fieldsOf())?.subscriptions, [subscriptions[0]]);
      await one.merge('demo', 'ana', { subscriptions: [] });
      assert.deepEqual(await find('subscription', ...keys), []);
      await one.put('demo', 'ana', { subscriptions });
      assert.equal((await find('subscription', ...keys)).length, 4);
      await one.put('demo', 'ana', {});
      assert.deepEqual(await find('subscription', ...keys), []);
    });

    test('of several users with the same subscription or attribute the first is found', async () => {
      const fields = { subscriptions: [{ channel: 'email', value: 'x@x.org' } as const], attributes: { plan: 'gold' } };
      await Promise.all(['c', 'a', 'b', 'd', 'e'].map((userId) => one.merge('demo', userId, fields)));
      const [key, plan] = [emailKey('x@x.org'), attributeKey('plan', 'gold')];
      assert.deepEqual([...(await other.findUsers('demo', 'subscription', [key, key]))], [[key, 'a']]);
      assert.deepEqual([...(await other.findUsers('demo', 'attribute', [plan, plan]))], [[plan, 'a']]);
    });

    test('awkward and long text comes back from every field', async () => {
      const long = '👩 "q" \\ '.repeat(100_000);
      const fields: ProfileFields = {
        firstName: AWKWARD,
        lastName: long,
        attributes: { [AWKWARD]: { [AWKWARD]: [AWKWARD, null, long] } },
        devices: [{ channel: 'web_push', subscription: { endpoint: AWKWARD } }],
        consents: { [AWKWARD]: true },
      };
      await one.merge('demo', AWKWARD, fields);
      assert.deepEqual(await fieldsOf(AWKWARD), fields);
    });

    test('U+0000 and half surrogate pairs in a value harm nobody', async () => {
      await Promise.all(
        times(10, (index) =>
          one.merge('demo', `user-${index}`, { attributes: { note: index === 5 ? UNSTORABLE : 'fine' } }),
        ),
      );
      assert(UNSTORABLE_READ.includes((await fieldsOf('user-5'))?.attributes?.['note'] as string));
      assert.deepEqual((await fieldsOf('user-6'))?.attributes, { note: 'fine' });
    });
  });
}
