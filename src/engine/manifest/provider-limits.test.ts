import assert from 'node:assert/strict';
import test from 'node:test';
import { configured, httpProvider } from '../../../tests/support/manifests.ts';
import { providerView } from './provider.ts';

async function applied(limits: unknown) {
  const node = await configured();
  const outcome = await node.apply({ account: 'demo', providers: [httpProvider({ limits })] });
  const provider = node.config.provider('demo', 'sms-http');
  return { outcome, view: provider ? providerView(provider, node.tools.providerTypes) : {} };
}

test('a provider’s limits are kept as they were written', async () => {
  for (const limits of [{ rate: '30/s', concurrency: 10, perSender: '1/s' }, { rate: '5000/h' }, { concurrency: 1 }]) {
    const { outcome, view } = await applied(limits);
    assert.equal(outcome.kind, 'applied');
    assert.deepEqual(view['limits'], limits);
  }
});

test('limits that say nothing are none', async () => {
  for (const limits of [undefined, {}]) assert.equal((await applied(limits)).view['limits'], undefined);
});

test('what is no limit is refused, and it is said what would be one', async () => {
  const faults: [unknown, RegExp][] = [
    ['30/s', /limits: must be a map/],
    [{ rate: 30 }, /limits\.rate: must be a rate such as/],
    [{ rate: '0/s' }, /limits\.rate: must be a rate such as/],
    [{ concurrency: 0 }, /limits\.concurrency: must be a whole number from 1 to 10000/],
    [{ perSenders: '1/s' }, /limits\.perSenders: is not known here; did you mean "perSender"/],
  ];
  for (const [limits, expected] of faults) {
    const { outcome } = await applied(limits);
    assert(outcome.kind === 'refused');
    assert.match(outcome.faults.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'), expected);
  }
});
