import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { callbackWith, freshMessageId, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Provider, Receipt } from '#ports/provider.ts';
import { httpProvider } from './http.ts';

const BY_REF: JsonObject = {
  ref: 'body.id',
  status: 'body.status',
  reason: 'body.error',
  statuses: { delivered: 'delivered', failed: 'undelivered', '3': 'sent' },
};

function open(receipt: JsonObject): Provider {
  return httpProvider.open(providerConfig('http', { request: { url: 'http://127.0.0.1:9/' }, receipt }), testTools());
}

const parse = (receipt: JsonObject, body: Json, query: Record<string, string> = {}): Promise<Receipt[]> =>
  open(receipt).parseReceipts(callbackWith(body, { query, headers: { 'x-kind': 'dlr' } }));

const receiptOf = (changes: Partial<Receipt>): Receipt => ({
  messageId: null,
  ref: null,
  status: 'delivered',
  reason: null,
  ...changes,
});

describe('a callback names its message', () => {
  test("by the vendor's reference", async () => {
    assert.deepEqual(await parse(BY_REF, { id: 'r1', status: 'delivered' }), [receiptOf({ ref: 'r1' })]);
    assert.equal(open(BY_REF).receiptsByRef, true);
  });

  test('by our id, wherever the vendor puts it', async () => {
    const [id, receipt] = [freshMessageId(), { ...BY_REF, message: 'body.clientRef' }];
    assert.deepEqual(await parse(receipt, { id: 7, clientRef: id.toUpperCase(), status: 'failed', error: 'absent' }), [
      receiptOf({ messageId: id, ref: '7', status: 'undelivered', reason: 'absent' }),
    ]);
    assert.equal(open(receipt).receiptsByRef, false);
  });

  test('by our id in the address it was given', async () => {
    const id = freshMessageId();
    assert.deepEqual(await parse({ status: 'body' }, 'delivered', { message: id }), [receiptOf({ messageId: id })]);
    assert.deepEqual(await parse(BY_REF, { id: 'r1', status: 'delivered' }, { message: id }), [
      receiptOf({ messageId: id, ref: 'r1' }),
    ]);
  });

  test('or is refused', async () => {
    await assert.rejects(parse(BY_REF, { status: 'delivered' }), CallbackError);
    await assert.rejects(parse(BY_REF, { status: 'delivered' }, { message: 'not-an-id' }), CallbackError);
  });
});

test('words are translated, numbers too; without a table they are ours', async () => {
  assert.equal((await parse(BY_REF, { id: 'r1', status: 3 }))[0]?.status, 'sent');
  assert.deepEqual(await parse(BY_REF, { id: 'r1', status: 'toString' }), []);
  assert.deepEqual(await parse(BY_REF, { id: 'r1' }), []);
  assert.equal(
    (await parse({ ref: 'body.id', status: 'body.status' }, { id: 'r1', status: 'read' }))[0]?.status,
    'read',
  );
});

test('an address may be told to be written to no more', async () => {
  const receipt = { ...BY_REF, suppress: 'body.kind = "hard" ? "hard_bounce" : body.kind' };
  const suppressOf = async (kind: Json) => (await parse(receipt, { id: 'r1', status: 'failed', kind }))[0]?.suppress;
  assert.deepEqual(await suppressOf('hard'), { reason: 'hard_bounce' });
  assert.deepEqual(await suppressOf('complaint'), { reason: 'complaint' });
  assert.equal(await suppressOf('soft'), undefined);
  assert.equal(await suppressOf(null), undefined);
});

test('the query and the headers can be read', async () => {
  const receipt = {
    ref: 'query.id',
    status: 'headers."x-kind" = "dlr" ? query.state',
    statuses: { DELIVRD: 'delivered' },
  };
  assert.deepEqual(await parse(receipt, null, { id: 'r1', state: 'DELIVRD' }), [receiptOf({ ref: 'r1' })]);
});

describe('a callback with many receipts', () => {
  test('is a list, each element on its own', async () => {
    const body: JsonObject[] = [
      { id: 'r1', status: 'delivered' },
      { id: 'r2', status: 'pondering' },
      { id: 'r3', status: 'failed', error: 'off' },
    ];
    assert.deepEqual(await parse(BY_REF, body), [
      receiptOf({ ref: 'r1' }),
      receiptOf({ ref: 'r3', status: 'undelivered', reason: 'off' }),
    ]);
  });

  test('or expressions that select many', async () => {
    const receipt = { ref: 'body.events.id', status: 'body.events.status' };
    const body = {
      events: [
        { id: 'r1', status: 'delivered' },
        { id: 'r2', status: 'read' },
      ],
    };
    assert.deepEqual(await parse(receipt, body), [receiptOf({ ref: 'r1' }), receiptOf({ ref: 'r2', status: 'read' })]);
    const ambiguous: JsonObject = { events: [{ id: 'r1', status: 'delivered' }, { status: 'read' }] };
    await assert.rejects(parse(receipt, ambiguous), /receipt\.ref selects 1 values and receipt\.status 2/);
  });

  test('does not take them all for the one message of its address', async () => {
    const body = [{ status: 'delivered' }, { status: 'failed' }];
    await assert.rejects(parse(BY_REF, body, { message: freshMessageId() }), CallbackError);
  });

  test('has a limit', async () => {
    const body = Array.from({ length: 1_001 }, () => ({ id: 'r', status: 'sent' }));
    await assert.rejects(parse(BY_REF, body), /more than 1000 receipts/);
  });
});

test('what cannot be read is refused, and never takes long', async () => {
  await assert.rejects(parse({ ...BY_REF, reason: '$error("no")' }, { id: 'r1', status: 'delivered' }), CallbackError);
  const slow = { ...BY_REF, reason: '$count($filter([1..2000], function($n) { $n > 1 }))' };
  const startedAt = performance.now();
  await assert.rejects(
    parse(
      slow,
      Array.from({ length: 1_000 }, () => ({ id: 'r', status: 'delivered' })),
    ),
    CallbackError,
  );
  assert(performance.now() - startedAt < 10_000);
  const unset = httpProvider.open(providerConfig('http', { request: { url: 'http://127.0.0.1:9/' } }), testTools());
  await assert.rejects(unset.parseReceipts(callbackWith({})), CallbackError);
});
