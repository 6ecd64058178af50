/** Semantics §7: merging profiles. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { faultOfProfile, isEmailAddress, mergeProfile, withoutAddresses } from './profile.ts';
import type { ProfileFields } from './profile.ts';

describe('semantics §7: profile merge', () => {
  const CASES: [name: string, present: ProfileFields, given: ProfileFields, merged: ProfileFields][] = [
    ['absent: created with what is given', {}, { firstName: 'Ada' }, { firstName: 'Ada' }],
    [
      'only given fields change',
      { firstName: 'Ada', email: 'a@b' },
      { email: 'c@d' },
      { firstName: 'Ada', email: 'c@d' },
    ],
    ['null overwrites', { phone: '+1' }, { phone: null }, { phone: null }],
    [
      'attributes key by key',
      { attributes: { a: 1, b: 2 } },
      { attributes: { b: 3, c: 4 } },
      { attributes: { a: 1, b: 3, c: 4 } },
    ],
    [
      'a null attribute overwrites, none is deleted',
      { attributes: { a: 1 } },
      { attributes: { a: null } },
      { attributes: { a: null } },
    ],
    [
      'attributes are merged one level deep',
      { attributes: { a: { x: 1 } } },
      { attributes: { a: { y: 2 } } },
      { attributes: { a: { y: 2 } } },
    ],
    ['no attributes given', { attributes: { a: 1 } }, { gender: 'x' }, { attributes: { a: 1 }, gender: 'x' }],
    [
      'consents channel by channel',
      { consents: { sms: true } },
      { consents: { email: false } },
      { consents: { sms: true, email: false } },
    ],
    [
      'devices are given as a whole',
      { devices: [{ channel: 'push', token: 'a' }] },
      { devices: [{ channel: 'push', token: 'b' }] },
      { devices: [{ channel: 'push', token: 'b' }] },
    ],
    [
      'subscriptions are given as a whole',
      { subscriptions: [{ channel: 'email', value: 'a@b' }] },
      { subscriptions: [{ channel: 'sms', value: '1' }] },
      { subscriptions: [{ channel: 'sms', value: '1' }] },
    ],
  ];
  for (const [name, present, given, merged] of CASES) {
    test(name, () => {
      const before = structuredClone(present);
      assert.deepEqual(mergeProfile(present, given), merged);
      assert.deepEqual(present, before);
    });
  }

  test('twice is once, and disjoint writers lose nothing in either order', () => {
    const [one, other]: ProfileFields[] = [
      { email: 'a@b', attributes: { a: 1 } },
      { phone: '+1', attributes: { b: 2 } },
    ];
    const merged = mergeProfile(mergeProfile({}, one!), other!);
    assert.deepEqual(mergeProfile(mergeProfile({}, other!), one!), merged);
    assert.deepEqual(mergeProfile(merged, other!), merged);
  });

  test('the attribute __proto__ stays an attribute', () => {
    const given = { attributes: JSON.parse('{"__proto__":{"a":1}}') as ProfileFields['attributes'] } as ProfileFields;
    assert.equal(
      JSON.stringify(mergeProfile({ attributes: { b: 1 } }, given)),
      '{"attributes":{"b":1,"__proto__":{"a":1}}}',
    );
  });
});

describe('semantics §7: a profile’s faults', () => {
  const CASES: [fields: ProfileFields, fault: string | null][] = [
    [{ birthDate: '1990-05-21', email: 'ada@example.org' }, null],
    [{ birthDate: null, email: null }, null],
    [{ birthDate: '1990-02-30' }, 'user.birthDate must be a date such as 1990-05-21'],
    [{ birthDate: '21.05.1990' }, 'user.birthDate must be a date such as 1990-05-21'],
    [{ birthDate: '' }, 'user.birthDate must be a date such as 1990-05-21'],
    [{ email: 'ada' }, 'user.email is not an e-mail address'],
    [
      { subscriptions: [{ channel: 'sms', value: '1' }, { channel: 'email', value: 'a@b' }, { channel: 'email' }] },
      null,
    ],
    [
      { subscriptions: [{ channel: 'sms' }, { channel: 'email', value: 'ada' }] },
      'user.subscriptions[1].value is not an e-mail address',
    ],
  ];
  for (const [fields, fault] of CASES)
    test(JSON.stringify(fields), () => assert.equal(faultOfProfile(fields, 'user'), fault));

  test('e-mail addresses as people have them', () => {
    for (const good of ['a@b', 'a.b+c@d-e.example', "o'hara@example.org", 'ü@bücher.example'])
      assert.ok(isEmailAddress(good), good);
    for (const bad of ['', 'a', '@b', 'a@', 'a b@c', 'a@b@c', 'a@b,c@d', `${'x'.repeat(250)}@b.cd`])
      assert.ok(!isEmailAddress(bad), bad);
  });
});

describe('a profile without devices that are gone', () => {
  const subscription = { endpoint: 'https://push.example/1', keys: { p256dh: 'p', auth: 'a' } };
  const fields: ProfileFields = {
    firstName: 'Ada',
    devices: [
      { channel: 'push', token: 'one' },
      { channel: 'push', token: ' {two ' },
      { channel: 'web_push', subscription },
      { channel: 'web_push' },
    ],
    subscriptions: [
      { channel: 'push', provider: 'p', subscriptionId: 'one' },
      { channel: 'email', value: 'one' },
    ],
  };

  test('keeps all others, of devices and of subscriptions', () => {
    assert.deepEqual(withoutAddresses(fields, ['one']), {
      devices: fields.devices!.slice(1),
      subscriptions: fields.subscriptions!.slice(1),
    });
    assert.deepEqual(withoutAddresses(fields, ['{two'])!.devices!.length, 3);
    assert.deepEqual(withoutAddresses({ devices: fields.devices! }, ['one', '{two']), {
      devices: fields.devices!.slice(2),
    });
  });

  test('knows a subscription by its endpoint', () => {
    for (const address of [JSON.stringify({ ...subscription, keys: {} }), subscription.endpoint])
      assert.deepEqual(withoutAddresses(fields, [address])!.devices!.length, 3);
  });

  test('is what it was, where it had none of them', () => {
    for (const gone of [['three'], [], ['{}'], ['']]) assert.equal(withoutAddresses(fields, gone), null);
    assert.equal(withoutAddresses({}, ['one']), null);
  });
});
