import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { MessageId } from '#domain/ids.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import { freshMessageId } from '../../tests/support/provider-tools.ts';
import { withRecentRefs } from './recent-refs.ts';

/** A store that answers when the test says so. */
function setUp(known: MessageId | null = null) {
  const asked: string[] = [];
  const answer = Promise.withResolvers<void>();
  const store = {
    addRef: async (_account: string, _provider: string, ref: string) => {
      asked.push(`add ${ref}`);
      await answer.promise;
      return [];
    },
    findByRef: async (_account: string, _provider: string, ref: string) => {
      asked.push(`find ${ref}`);
      await answer.promise;
      return known;
    },
  } as Partial<ReceiptStore> as ReceiptStore;
  return { asked, answer, refs: withRecentRefs(store) };
}

describe('recent references', () => {
  test('are found while they are being stored, without asking', async () => {
    const { refs, asked } = setUp();
    const id = freshMessageId();
    void refs.addRef('shop', 'operator', '7', id, 0);
    assert.equal(await refs.findByRef('shop', 'operator', '7'), id);
    assert.deepEqual(asked, ['add 7']);
  });

  test('are found that become known while the store is asked', async () => {
    const { refs, answer } = setUp();
    const id = freshMessageId();
    const finding = refs.findByRef('shop', 'operator', '7');
    void refs.addRef('shop', 'operator', '7', id, 0);
    answer.resolve();
    assert.equal(await finding, id);
  });

  test('are those of one account and provider, and others are asked for', async () => {
    const older = freshMessageId();
    const { refs, answer } = setUp(older);
    answer.resolve();
    await refs.addRef('shop', 'operator', '7', freshMessageId(), 0);
    for (const [account, provider] of [
      ['other', 'operator'],
      ['shop', 'other'],
    ] as const)
      assert.equal(await refs.findByRef(account, provider, '7'), older);
  });

  test('stay as they are, as in the store', async () => {
    const { refs } = setUp();
    const [first, second] = [freshMessageId(), freshMessageId()];
    void refs.addRef('shop', 'operator', '7', first, 0);
    void refs.addRef('shop', 'operator', '7', second, 0);
    assert.equal(await refs.findByRef('shop', 'operator', '7'), first);
  });

  test('are forgotten when there are many newer ones', async () => {
    const { refs, answer } = setUp(null);
    answer.resolve();
    for (let n = 0; n <= 20_000; n++) void refs.addRef('shop', 'operator', String(n), freshMessageId(), 0);
    assert.equal(await refs.findByRef('shop', 'operator', '0'), null);
    assert.notEqual(await refs.findByRef('shop', 'operator', '1'), null);
  });
});
