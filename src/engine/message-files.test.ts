/** Files on their way out: read once, and no more of them at once than there is room for. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Attachment } from '#domain/attachment.ts';
import { FileMissingError } from '#ports/file-store.ts';
import type { FileName } from '#ports/file-store.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';
import { messageFiles } from './message-files.ts';

const MB = 1_048_576;

function attachment(sizeBytes: number, sha256 = 'a'): Attachment {
  return { name: 'a.pdf', type: 'application/pdf', sha256, sizeBytes };
}

/** Files over a store that has contents of this size, and answers when it is let. */
function filesOver(sizeBytes: number, answer: (name: FileName, reads: number) => Promise<Buffer | null>) {
  const reads: string[] = [];
  const read = (name: FileName) => answer(name, reads.push(`${name.accountId} ${name.sha256}`));
  const files = messageFiles({ read }, new AbortController().signal);
  const content = (accountId: string, sha256: string) =>
    files.of(accountId, [attachment(sizeBytes, sha256)])![0]!.content();
  return { files, reads, content };
}

test('a content is read when it is asked for, once for all that ask, and kept for the next', async () => {
  const { reads, content } = filesOver(1, async () => Buffer.from('x'));
  assert.deepEqual(reads, []);
  await Promise.all([content('shop', 'a'), content('shop', 'a'), content('other', 'a'), content('shop', 'b')]);
  await content('shop', 'a');
  assert.deepEqual(reads, ['shop a', 'other a', 'shop b']);
});

test('what was kept for longest gives way', async () => {
  const { reads, content } = filesOver(20 * MB, async () => Buffer.alloc(20 * MB));
  for (const sha256 of ['a', 'a', 'b', 'b', 'a']) await content('shop', sha256);
  assert.deepEqual(reads, ['shop a', 'shop b', 'shop a']);
});

test('a store that is away is waited for; a content that is gone is told, and asked for again', async () => {
  const { reads, content } = filesOver(1, async (_, count) => {
    if (count === 1) throw new StoreUnavailableError('away');
    return count === 2 ? null : Buffer.from('x');
  });
  await assert.rejects(content('shop', 'a'), FileMissingError);
  assert.equal((await content('shop', 'a')).toString(), 'x');
  assert.equal(reads.length, 3);
});

test('messages with files wait for room, in their order, and one that is too large goes alone', async () => {
  const { files } = filesOver(1, async () => null);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const send = (name: string, sizeMb: number | null) =>
    files.withRoom(sizeMb === null ? null : files.of('shop', [attachment(sizeMb * MB)]), async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  const sent = [send('first', 100), send('large', 200), send('small', 1), send('none', null)];
  await nextTurn();
  assert.deepEqual(begun, ['none', 'first']);
  ends.get('first')!();
  await sent[0];
  await nextTurn();
  assert.deepEqual(begun, ['none', 'first', 'large']);
  ends.get('large')!();
  await sent[1];
  await nextTurn();
  assert.deepEqual(begun, ['none', 'first', 'large', 'small']);
  for (const name of ['small', 'none']) ends.get(name)!();
  assert.deepEqual(await Promise.all(sent), ['first', 'large', 'small', 'none']);
});

test('a call that fails leaves its room to the next', async () => {
  const { files } = filesOver(1, async () => null);
  const list = files.of('shop', [attachment(200 * MB)]);
  await assert.rejects(
    files.withRoom(list, () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  assert.equal(await files.withRoom(list, async () => 'done'), 'done');
});
