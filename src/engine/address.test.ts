import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Channel } from '#domain/campaign.ts';
import { isEmailAddress } from '#domain/profile.ts';
import type { ProfileFields } from '#domain/profile.ts';
import { addressFor } from './address.ts';

function found(channel: Channel, request: object, fields: ProfileFields = {}, region: string | null = 'IN'): string {
  const given = { userId: 'ana', email: null, phone: null, ...request };
  const address = addressFor(channel, given, { accountId: 'demo', userId: 'ana', fields }, region);
  return address.kind === 'found' ? address.to : address.kind;
}

describe('semantics §8, phone numbers', () => {
  test('become E.164, with the account’s region where they have no country code', () => {
    const forms = [
      '9876543210',
      '09876543210',
      '98765 43210',
      '+91 (98765) 432-10',
      '00919876543210',
      'tel:+919876543210',
    ];
    for (const phone of forms) assert.equal(found('sms', { phone }), '+919876543210', phone);
    assert.equal(found('sms', { phone: '９８７６５４３２１０' }), '+919876543210');
    assert.equal(found('sms', { phone: '9876543210' }, {}, null), 'invalid');
    assert.equal(found('sms', { phone: '+14155552671' }, {}, null), '+14155552671');
  });

  test('what only has a number in it is none', () => {
    for (const phone of ['call +919876543210', 'a9876543210', '12', '+999123456789', '+', '١'])
      assert.equal(found('sms', { phone }), 'invalid', phone);
  });

  test('the request’s comes before the profile’s, and a blank one is none', () => {
    assert.equal(found('voice', { phone: '+14155552671' }, { phone: '9876543210' }), '+14155552671');
    assert.equal(found('voice', { phone: ' ' }, { phone: '9876543210' }), '+919876543210');
    assert.equal(found('voice', {}, {}), 'none');
  });
});

describe('semantics §8, e-mail addresses', () => {
  test('are as people have them, in any script', () => {
    const long = `${'l'.repeat(64)}@${'d'.repeat(63)}.example`;
    const good = [
      'ana@shop.example',
      'a.n-a+tag@x.co',
      'a..b@docomo.example',
      'root@localhost',
      'ana@bücher.example',
      long,
    ];
    for (const email of [
      ...good,
      'ana@xn--bcher-kva.example',
      'аня@почта.example',
      "o'neil@x.example",
      'a@1.2.example',
    ])
      assert.equal(isEmailAddress(email), true, email);
  });

  test('are not what no mail server takes', () => {
    const bad = [
      '',
      '@',
      'ana',
      'ana@',
      '@x.example',
      'a@b@c.example',
      'ana@x.example.',
      'ana@.example',
      'ana@x..example',
    ];
    bad.push(
      'ana@-x.example',
      'ana@x-.example',
      'ana @x.example',
      'ana@x.example\r\nBcc: b@x.example',
      'a\u0000@x.example',
    );
    bad.push('"ana"@x.example', 'ana@[127.0.0.1]', 'Ana <ana@x.example>', 'ana@x!.example', 'a\u0007@x.example');
    bad.push(`${'l'.repeat(65)}@x.example`, `${'ä'.repeat(33)}@x.example`, `a@${'d'.repeat(64)}.example`);
    bad.push(`a@${Array.from({ length: 26 }, () => 'abcdefghi').join('.')}`);
    for (const email of bad) assert.equal(isEmailAddress(email), false, email);
  });

  test('one that is none is invalid, not absent', () => {
    assert.equal(found('email', { email: 'ana@x.example.' }), 'invalid');
    assert.equal(found('email', {}), 'none');
  });
});

describe('devices', () => {
  const devicesFor = (channel: Channel, fields: ProfileFields, device?: string) => {
    const request = { userId: 'ana', email: null, phone: null, ...(device !== undefined && { device }) };
    const address = addressFor(channel, request, { accountId: 'demo', userId: 'ana', fields }, null);
    return address.kind === 'found' ? address.devices : address.kind;
  };

  test('are all that the user has on the channel, each once, the first ones first', () => {
    const subscription = { endpoint: 'https://push.example/1' };
    const fields: ProfileFields = {
      devices: [
        { channel: 'push', token: ' a ', platform: ' iOS ' },
        { channel: 'web_push', subscription },
        { channel: 'push', token: 'b', platform: '' },
        { channel: 'push', token: 'a' },
        { channel: 'push', token: ' ' },
      ],
      subscriptions: [
        { channel: 'push', provider: 'p', subscriptionId: 'c' },
        { channel: 'push', provider: 'p', subscriptionId: 'b' },
        { channel: 'sms', value: '+919876543210' },
      ],
    };
    assert.deepEqual(devicesFor('push', fields), [
      { address: 'a', platform: 'ios' },
      { address: 'b', platform: null },
      { address: 'c', platform: null },
    ]);
    assert.deepEqual(devicesFor('web_push', fields), [{ address: JSON.stringify(subscription), platform: null }]);
    assert.deepEqual(devicesFor('push', fields, 'given'), [{ address: 'given', platform: null }]);
    assert.equal(devicesFor('push', {}), 'none');
    const many = Array.from({ length: 30 }, (_, index) => ({ channel: 'push' as const, token: `t${index}` }));
    assert.equal(devicesFor('push', { devices: many })!.length, 20);
  });
});
