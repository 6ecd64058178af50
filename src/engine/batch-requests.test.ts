import assert from 'node:assert/strict';
import test from 'node:test';
import type { Batch } from '#domain/batch.ts';
import { batchRequests } from './batch-requests.ts';

/** A store that counts how often each batch is read; every batch has so many characters of params. */
function counted(length: number) {
  const reads: string[] = [];
  const load = async (accountId: string, id: string): Promise<Batch | null> => {
    reads.push(id);
    if (id === 'none') return null;
    const request = { params: { text: 'x'.repeat(length) }, overrides: null, reference: id };
    return { accountId, id, request } as unknown as Batch;
  };
  return { reads, requests: batchRequests({ load }) };
}

test('a batch is read once, also by those who ask at the same time', async () => {
  const { reads, requests } = counted(10);
  const asked = await Promise.all([requests.of('demo', 'a'), requests.of('demo', 'a'), requests.of('demo', 'b')]);
  assert.deepEqual(
    asked.map((request) => request?.reference),
    ['a', 'a', 'b'],
  );
  await requests.of('demo', 'a');
  assert.deepEqual(reads, ['a', 'b']);
});

test('of another account, or one that is not there, nothing is kept', async () => {
  const { reads, requests } = counted(10);
  await requests.of('demo', 'a');
  await requests.of('acme', 'a');
  assert.equal(await requests.of('demo', 'none'), null);
  assert.equal(await requests.of('demo', 'none'), null);
  assert.deepEqual(reads, ['a', 'a', 'none', 'none']);
});

test('what is kept is bounded: those asked for least recently go', async () => {
  const { reads, requests } = counted(1_000_000);
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await requests.of('demo', id);
  await requests.of('demo', 'a');
  await requests.of('demo', 'i');
  assert.equal(reads.length, 9);
  await requests.of('demo', 'a');
  assert.equal(reads.length, 9, 'asked for lately, it is still there');
  await requests.of('demo', 'b');
  assert.equal(reads.length, 10);
});
