import assert from 'node:assert/strict';
import test from 'node:test';
import { customKey, deviceKey, emailKey, phoneKey, subscriptionKeys } from './subscription.ts';

test('a user is found by the addresses, devices and plain facts of his subscriptions, each once', () => {
  assert.deepEqual(
    subscriptionKeys([
      { channel: 'email', value: ' Ana@X.org' },
      { channel: 'email', value: 'ana@x.org', custom: { news: 'weekly', list: ['a'], none: null, size: 5, on: false } },
      { channel: 'whatsapp', value: '+91 (98765) 43-210' },
      { channel: 'push', provider: 'ios-firebase', subscriptionId: 'Tok"en' },
      { channel: 'push', provider: 'ios-firebase' },
      { channel: 'web_push', value: 'nothing to find by' },
    ]),
    [
      emailKey('ana@x.org'),
      customKey('news', 'weekly'),
      customKey('size', 5),
      customKey('on', false),
      phoneKey('+919876543210'),
      deviceKey('ios-firebase', 'Tok"en'),
    ],
  );
  assert.deepEqual(subscriptionKeys([]), []);
});

test('no key of one kind is another’s', () => {
  const keys = [emailKey('1'), phoneKey('1'), deviceKey('1', '1'), customKey('1', '1'), customKey('1', 1)];
  assert.equal(new Set([...keys, deviceKey('1","1', '')]).size, 6);
});
