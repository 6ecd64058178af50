import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Account } from '#domain/account.ts';
import type { Channel } from '#domain/campaign.ts';
import { messageId } from '#domain/ids.ts';
import type { Suppression } from '#domain/suppression.ts';
import type { SuppressionStore } from '#ports/suppression-store.ts';
import { acceptance } from '../../tests/support/acceptance.ts';
import { START, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { suppress, suppressGone } from './suppress.ts';
import type { SuppressTools } from './suppress.ts';
import { createSuppressions, suppressionAddress } from './suppressions.ts';

interface Played {
  tools: SuppressTools & { signal: AbortSignal };
  /** What was put. */
  put: Suppression[];
  /** What the store was asked and told, in its order. */
  asked: string[];
}

/** An account with one provider of a channel, whose only message went to this address. */
function played(channel: Channel, to: string): Played & { id: string } {
  const put: Suppression[] = [];
  const asked: string[] = [];
  const store = {
    put: async (one: Suppression) => void (asked.push('put'), put.push(one)),
    use: async () => void asked.push('use'),
    has: async ({ address }: { address: string }) => (asked.push('has'), put.some((one) => one.address === address)),
    used: async () => ({ channels: [], readAt: START }),
  } as unknown as SuppressionStore;
  const { stored } = acceptance();
  stored.transaction.messages[0]!.facts = { attempts: 1, channel, provider: 'p', to };
  const tools = {
    ...testTools(),
    suppressions: createSuppressions(store),
    transactions: { load: async () => stored },
    profiles: { load: async () => null },
    config: {
      account: () => ({ id: 'demo', defaultRegion: 'IN' }) as Account,
      provider: (accountId: string, id: string) => ({ ...providerConfig('http', {}), accountId, id, channel }),
    },
    signal: new AbortController().signal,
  } as unknown as Played['tools'];
  return { tools, put, asked, id: messageId(stored.transaction.id, 1) };
}

describe('what providers say must not be written to', () => {
  test('an address that is named is suppressed as addresses are compared', async () => {
    const { tools, put, id } = played('email', 'ana@x.example');
    const report = { accountId: 'demo', providerId: 'p', messageId: id };
    await suppress(tools, report, { reason: 'complaint', address: 'Ana@BÜCHER.example' });
    const about = { accountId: 'demo', channel: 'email', providerId: 'p', messageId: id } as const;
    assert.deepEqual(put, [{ ...about, address: 'ana@xn--bcher-kva.example', reason: 'complaint', at: START }]);
    assert.equal(await tools.suppressions.has('demo', 'email', 'ANA@bücher.EXAMPLE'), true);
  });

  test('one that is not named is the message’s, if the message is this provider’s', async () => {
    const { tools, put, id } = played('sms', '+919876543210');
    const report = { accountId: 'demo', providerId: 'p', messageId: id };
    await suppress(tools, { ...report, providerId: 'other' }, { reason: 'unsubscribed' });
    await suppress(tools, { ...report, messageId: null }, { reason: 'unsubscribed' });
    assert.deepEqual(put, []);
    await suppress(tools, report, { reason: 'unsubscribed' });
    assert.deepEqual(
      put.map(({ address }) => address),
      ['+919876543210'],
    );
  });

  test('what is no address is logged, and suppresses nothing', async () => {
    const { tools, put } = played('email', 'ana@x.example');
    const report = { accountId: 'demo', providerId: 'p', messageId: null };
    await suppress(tools, report, { reason: 'hard_bounce', address: 'MAILER-DAEMON' });
    assert.deepEqual(put, []);
    assert.equal((tools as unknown as { warnings: object[] }).warnings.length, 1);
  });

  test('an answer that says so is a hard bounce; devices are not', async () => {
    const { tools, put, id } = played('email', 'ana@x.example');
    const { stored } = acceptance();
    const handover = { provider: 'p', to: 'ana@x.example', at: START };
    const refused = { kind: 'rejected', reason: 'invalid_address', detail: null, retryable: false } as const;
    const gone = ['ana@x.example'];
    await suppressGone(tools, stored.transaction, 0, { ...handover, channel: 'push' }, { ...refused, gone });
    await suppressGone(tools, stored.transaction, 0, { ...handover, channel: 'email' }, refused);
    assert.equal(put.length, 0);
    await suppressGone(tools, stored.transaction, 0, { ...handover, channel: 'email' }, { ...refused, gone });
    assert.equal(put[0]?.reason, 'hard_bounce');
    assert.equal(put[0]?.messageId, messageId(stored.transaction.id, 1));
    assert.notEqual(put[0]?.messageId, id);
  });
});

test('a list without entries is not asked; the first entry is announced before it is put', async () => {
  const { tools, asked } = played('email', 'ana@x.example');
  const report = { accountId: 'demo', providerId: 'p', messageId: null };
  for (let n = 0; n < 100; n++) assert.equal(await tools.suppressions.has('demo', 'email', 'ana@x.example'), false);
  assert.deepEqual(asked, []);
  for (const address of ['b@x.example', 'c@x.example']) await suppress(tools, report, { reason: 'complaint', address });
  await tools.suppressions.has('demo', 'sms', '+919876543210');
  assert.deepEqual(asked, ['use', 'put', 'put']);
});

test('an address is taken in any writing that its channel has', () => {
  const india = { defaultRegion: 'IN' };
  assert.equal(suppressionAddress(india, 'whatsapp', '98765-43210'), '+919876543210');
  assert.equal(suppressionAddress({ defaultRegion: null }, 'whatsapp', '98765-43210'), null);
  assert.equal(suppressionAddress(india, 'email', ' Ana@X.example '), 'ana@x.example');
  assert.equal(suppressionAddress(india, 'email', 'ana'), null);
  assert.equal(suppressionAddress(india, 'push', 'Token-1'), 'Token-1');
  assert.equal(suppressionAddress(india, 'push', '  '), null);
});
