import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import type { JsonObject } from '#domain/request.ts';
import { PROVIDER_TYPES, UnknownProviderType, providerType } from './catalog.ts';
import { sandboxProvider } from './sandbox.ts';

const NUMBERS: Record<Fate, string> = {
  accepted: '+919999999999',
  refused: '+919999990002',
  failing: '+919999990008',
  throttled: '+919999990006',
  unanswered: '+919999990007',
};

describeProvider('sandbox', async () => {
  const tools = testTools();
  const provider = sandboxProvider.open(providerConfig('sandbox', {}), tools);
  return {
    provider,
    message: (fate) => outgoing({ to: NUMBERS[fate] }),
    arrived: async () => undefined,
    names: () => null,
    passTimeout: () => tools.pass(10_000),
    callback: ({ messageId }, report) =>
      callbackWith({ messageId, status: report === 'delivered' ? 'delivered' : 'vanished' }),
    foreignCallback: () => null,
    close: () => provider.close(),
  };
});

function open(settings: JsonObject = {}, receipts: 'none' | 'callback' = 'callback') {
  const tools = testTools();
  const provider = sandboxProvider.open({ ...providerConfig('sandbox', settings), receipts }, tools);
  const receiptFor = async (changes: Partial<OutgoingMessage>) => {
    const message = outgoing(changes);
    const outcome = await provider.send(message);
    const promised = tools.scheduled.find(({ messageId }) => messageId === message.messageId);
    return [outcome.kind, promised?.status ?? null, promised?.delayMs ?? null];
  };
  return { provider, tools, receiptFor };
}

describe('the sandbox does what the address says', () => {
  const table: [address: Partial<OutgoingMessage>, outcome: (string | number | null)[]][] = [
    [{ to: '+919999991234' }, ['accepted', 'delivered', 50]],
    [{ to: '+919999990003' }, ['accepted', 'undelivered', 50]],
    [{ to: '+919999990004' }, ['accepted', null, null]],
    [{ to: '+919999990005' }, ['accepted', 'delivered', 3_000]],
    [{ channel: 'whatsapp', to: '919999990003' }, ['accepted', 'undelivered', 50]],
    [{ channel: 'email', to: 'undelivered@example.com' }, ['accepted', 'undelivered', 50]],
    [{ channel: 'email', to: 'Late@example.com' }, ['accepted', 'delivered', 3_000]],
    [{ channel: 'email', to: 'ana@example.com' }, ['accepted', 'delivered', 50]],
    [{ channel: 'push', to: 'silent' }, ['accepted', null, null]],
    [{ channel: 'push', to: 'rejected' }, ['rejected', null, null]],
  ];
  for (const [address, outcome] of table) {
    test(`${address.to} over ${address.channel ?? 'sms'}: ${outcome.join(' ')}`, async () => {
      assert.deepEqual(await open().receiptFor(address), outcome);
    });
  }

  test('"behave" is for addresses that say nothing', async () => {
    const { receiptFor } = open({ behave: 'undelivered' });
    assert.deepEqual(await receiptFor({ to: '+919999991234' }), ['accepted', 'undelivered', 50]);
    assert.deepEqual(await receiptFor({ to: '+919999990004' }), ['accepted', null, null]);
    assert.deepEqual(await receiptFor({ channel: 'email', to: 'delivered@example.com' }), [
      'accepted',
      'delivered',
      50,
    ]);
  });

  test('a refused number is named so', async () => {
    const { provider } = open();
    const outcome = await provider.send(outgoing({ to: '+919999990002' }));
    assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_number');
  });

  test('a provider without receipts promises none', async () => {
    assert.deepEqual(await open({}, 'none').receiptFor({}), ['accepted', null, null]);
  });

  test('throttling is remembered per message, and not without bound', async () => {
    const { provider } = open();
    const first = outgoing({ to: '+919999990006' });
    await provider.send(first);
    for (let n = 0; n < 10_000; n++) await provider.send(outgoing({ to: '+919999990006' }));
    assert.equal((await provider.send(first)).kind, 'throttled');
  });
});

test('the sandbox takes receipts by hand, one or many', async () => {
  const { provider } = open();
  const [{ messageId: one }, { messageId: two }] = [outgoing(), outgoing()];
  const body: JsonObject[] = [
    { messageId: one, status: 'read' },
    { messageId: two.toUpperCase(), status: 'undelivered', reason: 'off' },
  ];
  assert.deepEqual(await provider.parseReceipts(callbackWith(body)), [
    { messageId: one, ref: null, status: 'read', reason: null },
    { messageId: two, ref: null, status: 'undelivered', reason: 'off' },
  ]);
});

test('faults in the settings are named', () => {
  const faultOf = (settings: JsonObject) => sandboxProvider.faultOf(settings, testTools().templates);
  assert.equal(faultOf({ behave: 'late', timeout: '2s' }), null);
  assert.equal(faultOf({ behave: 'odd' })?.path, 'behave');
  assert.equal(faultOf({ timeout: 'soon' })?.path, 'timeout');
  assert.match(faultOf({ behaviour: 'late' })!.message, /use behave, timeout/);
});

test('the catalogue knows its words, and names them to those who use another', () => {
  assert.equal(providerType('sandbox'), sandboxProvider);
  for (const { type } of PROVIDER_TYPES) assert.equal(providerType(type).type, type);
  assert.throws(
    () => providerType('fax'),
    (error) => error instanceof UnknownProviderType && /sandbox, http/.test(error.message),
  );
});
