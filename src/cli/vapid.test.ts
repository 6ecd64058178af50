import assert from 'node:assert/strict';
import test from 'node:test';
import { webPushProvider } from '#providers/web-push.ts';
import { testTools } from '../../tests/support/provider-tools.ts';
import { play } from './stage.ts';

test('a pair of keys is made that a provider takes, another each time', async () => {
  const { out } = await play(['providers', 'vapid', '--json']);
  const pair = JSON.parse(out) as { publicKey: string; privateKey: string };
  const settings = { ...pair, subject: 'mailto:push@shop.example' };
  assert.equal(webPushProvider.faultOf(settings, testTools().templates), null);
  const again = await play(['providers', 'vapid']);
  assert.match(again.out, /^publicKey: [\w-]{87}\nprivateKey: [\w-]{43}\n$/);
  assert.match(again.err, /shown this once/);
  assert.ok(!again.out.includes(pair.publicKey));
});
