import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { configured, faultsOf, manifest, messageIn, smsCampaign } from '../../../tests/support/manifests.ts';
import { manifestOf } from './of.ts';

const PROVIDERS = [
  ...['sms-a', 'sms-b', 'sms-c'].map((id) => ({ id, channel: 'sms', type: 'sandbox' })),
  { id: 'mail', channel: 'email', type: 'sandbox' },
];

async function applied(changes: object) {
  const node = await configured();
  const campaigns = [smsCampaign({ provider: undefined, ...changes })];
  const outcome = await node.apply(manifest({ providers: PROVIDERS, campaigns }));
  return { node, faults: faultsOf(outcome), content: () => messageIn(node.config.campaign('shop', '~sms')?.content) };
}

describe('providers of a message', () => {
  test('in their order, with weights and prefixes where they have some; read again they are the same', async () => {
    const providers = [{ id: 'sms-a', weight: 3, prefixes: ['+91', '+44'] }, 'sms-b', { id: 'sms-c', weight: 0 }];
    const { node, faults, content } = await applied({ providers });
    assert.deepEqual(faults, []);
    assert.deepEqual(content().providers, ['sms-a', 'sms-b', 'sms-c']);
    assert.deepEqual(content().routes, { 'sms-a': { weight: 3, prefixes: ['+91', '+44'] }, 'sms-c': { weight: 0 } });
    const shown = manifestOf(node.config, 'shop', node.tools.providerTypes) as { campaigns: { providers: unknown }[] };
    assert.deepEqual(shown.campaigns[0]!.providers, providers);
    const again = await node.apply(shown);
    assert.deepEqual(again.kind === 'applied' && again.changes, []);
  });

  test('a map that says no more than the id is as the id', async () => {
    const { content } = await applied({ providers: [{ id: 'sms-a' }] });
    assert.deepEqual(content().providers, ['sms-a']);
    assert.equal(content().routes, undefined);
  });

  test('one alone may have prefixes', async () => {
    const { content } = await applied({ providers: [{ id: 'sms-a', prefixes: ['+91'], countries: ['US', 'CA'] }] });
    assert.deepEqual(content().routes, { 'sms-a': { prefixes: ['+91'], countries: ['US', 'CA'] } });
  });

  for (const [what, providers, fault] of [
    [
      'an unknown key',
      [{ id: 'sms-a', wait: 1 }],
      /providers\.0\.wait: is not known here; use one of id, weight, prefixes, countries/,
    ],
    ['no id', [{ weight: 1 }], /providers\.0\.id: is missing/],
    ['one twice', ['sms-a', { id: 'sms-a', weight: 1 }], /providers\.1: names "sms-a" a second time/],
    ['a weight below 0', [{ id: 'sms-a', weight: -1 }], /providers\.0\.weight: must be a whole number from 0 to 1000/],
    ['no weight above 0', [{ id: 'sms-a', weight: 0 }], /providers: gives every provider the weight 0/],
    ['a prefix without +', [{ id: 'sms-a', prefixes: ['91'] }], /prefixes\.0: is no beginning of a number/],
    ['a prefix that is a number', [{ id: 'sms-a', prefixes: [91] }], /prefixes\.0: must be a text/],
    [
      'a country that is none',
      [{ id: 'sms-a', countries: ['India'] }],
      /countries\.0: is no country; give two letters/,
    ],
    ['no prefix', [{ id: 'sms-a', prefixes: [] }], /prefixes: is empty/],
    ['one that does not exist', [{ id: 'sms-x', weight: 1 }], /providers\.0: names the provider "sms-x", which/],
    [
      'one of another channel',
      ['sms-a', { id: 'mail', weight: 1 }],
      /providers\.1: names "mail", a provider for email/,
    ],
  ] as const) {
    test(`${what} is a fault`, async () => {
      const { faults } = await applied({ providers });
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0]!, fault);
    });
  }

  test('prefixes where there are no numbers are a fault', async () => {
    const { faults } = await applied({ channel: 'email', providers: [{ id: 'mail', prefixes: ['+91'] }] });
    assert.match(faults.join(), /providers\.0\.prefixes: stands in a message for email/);
  });
});
