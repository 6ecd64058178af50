import assert from 'node:assert/strict';
import test from 'node:test';
import { configured, faultsOf } from '../../../tests/support/manifests.ts';
import { vapidKeys } from '../../../tests/support/push-keys.ts';

const browsers = { type: 'web-push', ...vapidKeys(), subject: 'mailto:push@shop.example' };

async function applied(changes: object) {
  const node = await configured();
  const outcome = await node.apply({ account: 'demo', providers: [{ id: 'p', ...browsers, ...changes }] });
  return { faults: faultsOf(outcome), provider: node.config.provider('demo', 'p') };
}

test('a type that serves some channels is refused for the others', async () => {
  const { faults, provider } = await applied({ channel: 'sms' });
  assert.deepEqual(faults, ['providers.0.channel: is none that "web-push" serves; use web_push']);
  assert.equal(provider, null);
});

test('a type that reports by itself does so, unless it is told not to', async () => {
  assert.equal((await applied({ channel: 'web_push' })).provider?.receipts, 'callback');
  assert.equal((await applied({ channel: 'web_push', receipts: 'none' })).provider?.receipts, 'none');
});
