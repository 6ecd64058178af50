/** What is stored, as a manifest: applying it changes nothing, and no credential is in it. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import {
  configured,
  configuredNode,
  fieldsOf,
  httpProvider,
  manifest,
  smsCampaign,
} from '../../../tests/support/manifests.ts';
import type { ConfiguredNode } from '../../../tests/support/manifests.ts';
import { manifestOf } from './of.ts';

function stored({ config, tools }: ConfiguredNode, accountId = 'shop') {
  return manifestOf(config, accountId, tools.providerTypes)!;
}

describe('what is stored, as a manifest', () => {
  const rich = manifest({
    name: 'Shop',
    defaultRegion: 'DE',
    receiptWindow: '90m',
    limits: { transaction: '200/s', users: '10/m', events: '5/h' },
    providers: [
      { id: 'sms-a', channel: 'sms', type: 'sandbox', receipts: 'none', retry: { attempts: 3, backoff: '1s' } },
      httpProvider({ receipt: { ref: 'body.id', status: 'body.status' } }),
    ],
    campaigns: [
      smsCampaign({
        provider: undefined,
        providers: ['sms-http', 'sms-a'],
        from: 'SHOP',
        subject: 's',
        html: '<b>h</b>',
        replyTo: 'r@shop.example',
        title: 't',
        image: 'i',
        url: 'u',
        data: { b: '{{ x }}', a: '1', ['__proto__']: 'p' },
        template: { name: 'hello', language: 'de', variables: ['{{ first_name }}'] },
        receiptTimeout: '1500ms',
        retry: { attempts: 5, backoff: ['500ms', '1m'] },
        onUnknown: 'leave',
      }),
    ],
  });

  test('changes nothing when it is applied', async () => {
    const node = configuredNode();
    await node.apply(rich);
    assert.deepEqual(await node.apply(stored(node), { prune: true }), { kind: 'applied', changes: [] });
    assert.equal(node.store.writes(), 1);
  });

  test('says what was given', async () => {
    const node = configuredNode();
    await node.apply(rich);
    const shown = stored(node) as { campaigns: object[]; providers: object[] };
    assert.deepEqual(shown.campaigns, [
      { ...JSON.parse(JSON.stringify((rich['campaigns'] as object[])[0])), name: '~sms' },
    ]);
    assert.deepEqual(shown.providers[1], {
      ...httpProvider({ receipt: { ref: 'body.id', status: 'body.status' } }),
      receipts: 'callback',
      request: {
        url: 'https://sms.example/send',
        headers: { Authorization: '(kept)', 'x.dotted.name': '(kept)' },
        json: { to: '{{ to }}', text: '{{ body }}' },
      },
      secrets: { token: '(kept)' },
    });
  });

  test('is null for an account that is not there', () => {
    const { config, tools } = configuredNode();
    assert.equal(manifestOf(config, 'nobody', tools.providerTypes), null);
  });

  test('hides all settings of a type that is no longer known', async () => {
    const node = await configured();
    const text = JSON.stringify(manifestOf(node.config, 'shop', []));
    assert.ok(!text.includes('top-secret') && !text.includes('sms.example'), text);
  });
});

describe('credentials', () => {
  const SECRETS = ['top-secret', 'also-secret', 'hush', 'newer-secret', 'shop-key'];

  test('are never shown', async () => {
    const node = configuredNode();
    const created = await node.apply(manifest());
    const changed = await node.apply(
      manifest({
        providers: [
          { id: 'sms-a', channel: 'sms', type: 'sandbox' },
          httpProvider({ request: { url: 'https://sms.example/v2', headers: { Authorization: 'newer-secret' } } }),
        ],
      }),
    );
    const retyped = await node.apply({
      account: 'shop',
      providers: [{ id: 'sms-http', channel: 'sms', type: 'sandbox' }],
    });
    const text = JSON.stringify([created, changed, retyped, stored(node)]);
    for (const secret of SECRETS) assert.ok(!text.includes(secret), `${secret} is in ${text}`);
    assert.ok(!text.includes(node.config.provider('shop', 'sms-http')!.receiptSecret));
  });

  test('are kept where (kept) stands, and only there', async () => {
    const node = await configured();
    const before = node.config.provider('shop', 'sms-http')!;
    const given = httpProvider({
      request: {
        url: 'https://sms.example/v2',
        headers: { Authorization: '(kept)', 'x.dotted.name': 'fresh' },
        json: { to: '{{ to }}' },
      },
      secrets: { token: '(kept)' },
    });
    assert.deepEqual(fieldsOf(await node.apply({ account: 'shop', providers: [given] })), [
      { field: 'request.url', from: 'https://sms.example/send', to: 'https://sms.example/v2' },
      { field: 'request.headers.x.dotted.name', from: '(changed)', to: '(changed)' },
      { field: 'request.json.text', from: '{{ body }}', to: null },
    ]);
    const after = node.config.provider('shop', 'sms-http')!;
    assert.deepEqual(after.settings, {
      request: {
        url: 'https://sms.example/v2',
        headers: { Authorization: 'Bearer top-secret', 'x.dotted.name': 'fresh' },
        json: { to: '{{ to }}' },
      },
      secrets: { token: 'hush' },
    });
    assert.equal(after.receiptSecret, before.receiptSecret, 'vendors keep the address they call back');
  });
});
