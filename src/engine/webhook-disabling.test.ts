import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { WEBHOOK_PATIENCE_MS } from '#domain/webhook-retry.ts';
import type { WebhookStore } from '#ports/webhook-store.ts';
import { testClock } from '../../tests/support/clock.ts';
import type { TestClock } from '../../tests/support/clock.ts';
import { configured } from '../../tests/support/manifests.ts';
import { testTools } from '../../tests/support/provider-tools.ts';
import type { ConfigCache } from './config-cache.ts';
import { disabling } from './webhook-disabling.ts';
import type { Disabling } from './webhook-disabling.ts';

const NAME = { accountId: 'shop', webhookId: 'crm' };

let clock: TestClock;
let config: ConfigCache;
let lastDelivered: number | null;
let looks: number;
let judge: Disabling;
beforeEach(async () => {
  clock = testClock();
  const node = await configured();
  config = node.config;
  const auth = { type: 'none' };
  const webhook = { id: 'crm', url: 'https://shop.example/', events: ['message.sent'], auth };
  assert.equal((await node.apply({ account: 'shop', webhooks: [webhook] })).kind, 'applied');
  looks = 0;
  const store = {
    lastDelivered: async () => {
      looks += 1;
      return lastDelivered;
    },
  } as Partial<WebhookStore> as WebhookStore;
  judge = disabling({ config, store, clock, log: testTools().log });
});
const isEnabled = () => config.webhook('shop', 'crm')!.enabled;

test('a webhook that nothing has reached for a day is disabled, with the reason', async () => {
  lastDelivered = clock.now() - WEBHOOK_PATIENCE_MS - 60_000;
  await judge.givenUp(NAME, 'answered 500');
  assert.equal(isEnabled(), false);
  assert.match(config.webhook('shop', 'crm')!.disabledReason!, /24 hours.*answered 500/);
});

test('one that nothing has ever reached, too', async () => {
  lastDelivered = null;
  await judge.givenUp(NAME, 'no answer');
  assert.equal(isEnabled(), false);
});

test('one that something has reached within the day is not', async () => {
  lastDelivered = clock.now() - WEBHOOK_PATIENCE_MS + 1;
  await judge.givenUp(NAME, 'answered 500');
  assert.equal(isEnabled(), true);
});

test('that is looked up once a minute, whatever is given up', async () => {
  lastDelivered = clock.now();
  for (let n = 0; n < 100; n++) await judge.givenUp(NAME, 'no answer');
  assert.equal(looks, 1);
  clock.advance(60_000);
  await judge.givenUp(NAME, 'no answer');
  assert.equal(looks, 2);
});

test('what is gone is disabled at once; what is not there any more is left alone', async () => {
  await judge.gone(NAME);
  assert.equal(isEnabled(), false);
  assert.match(config.webhook('shop', 'crm')!.disabledReason!, /410/);
  await judge.gone({ accountId: 'shop', webhookId: 'other' });
  assert.equal(config.webhook('shop', 'other'), null);
});
