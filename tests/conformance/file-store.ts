/** What every store of files promises (src/ports/file-store.ts). */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import type { Attachment } from '#domain/attachment.ts';
import type { Campaign } from '#domain/campaign.ts';
import { FileMissingError, RECHECK_MS, UNREFERRED_KEPT_MS } from '#ports/file-store.ts';
import type { FileStore, NewFile } from '#ports/file-store.ts';
import { acceptance, NOW, times } from '../support/acceptance.ts';
import type { OpenStores } from '../support/database.ts';
import { batchOf } from './batch-store.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** More than one look takes. */
const ALL = 1_000;
/** When what was stored at {@link NOW} and is not needed has certainly been due. */
const LATER = NOW + 2 * UNREFERRED_KEPT_MS;
/** Several pieces, and a bit. */
const LARGE_BYTES = 3 * 1_048_576 + 17;

/** A content, in pieces of odd sizes. */
function fileOf(content: Buffer, accountId = 'demo'): NewFile {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const pieces = [content.subarray(0, 5), content.subarray(5, 700_001), content.subarray(700_001)];
  return { accountId, sha256, sizeBytes: content.length, pieces: pieces.filter(({ length }) => length > 0) };
}

function attachment({ sha256, sizeBytes }: NewFile): Attachment {
  return { name: 'a.pdf', type: 'application/pdf', sha256, sizeBytes };
}

/** Runs the suite. @param stores in which the owners of files are. */
export function describeFileStore(name: string, make: TwoNodes<FileStore>, stores: () => OpenStores): void {
  describe(`${name} keeps the promises of a file store`, () => {
    let one: FileStore;
    let other: FileStore;
    beforeEach(async () => {
      [one, other] = await make();
    });

    async function sweep(now: number): Promise<void> {
      while ((await one.sweep(now, ALL)) >= ALL);
    }

    async function stored(content: Buffer, accountId?: string): Promise<NewFile> {
      const file = fileOf(content, accountId);
      await one.put(file, NOW);
      return file;
    }

    const isThere = async (file: NewFile): Promise<boolean> => {
      const { accountId, sha256 } = file;
      const known = (await other.known(accountId, [sha256])).has(sha256);
      assert.equal((await other.read(file)) !== null, known);
      return known;
    };

    test('a content of any size is read as it was stored, on every node, and by its account alone', async () => {
      for (const size of [0, 1, 1_048_575, 1_048_576, 1_048_577, LARGE_BYTES]) {
        const content = randomBytes(size);
        const file = await stored(content, AWKWARD);
        assert.deepEqual(await other.read(file), content, `${size} bytes`);
        assert.equal(await other.read({ ...file, accountId: 'demo' }), null);
      }
      assert.deepEqual(await one.known('demo', ['00', 'ff']), new Set());
    });

    test('it may be stored again and by many at once, small or large', async () => {
      for (const size of [1_000, LARGE_BYTES]) {
        const content = randomBytes(size);
        await Promise.all(times(6, (n) => (n % 2 ? one : other).put(fileOf(content), NOW + n)));
        await other.put(fileOf(content), NOW + UNREFERRED_KEPT_MS);
        assert.deepEqual(await one.read(fileOf(content)), content);
      }
    });

    test('many contents are stored at once, on two nodes in opposite orders', async () => {
      const contents = times(100, () => randomBytes(50));
      const put = (store: FileStore) => (content: Buffer) => store.put(fileOf(content), NOW);
      await Promise.all([...contents.map(put(one)), ...contents.toReversed().map(put(other))]);
      assert.deepEqual(await Promise.all(contents.map((content) => one.read(fileOf(content)))), contents);
    });

    test('what nobody refers to is deleted after its time, and not before', async () => {
      for (const size of [10, LARGE_BYTES]) {
        const file = await stored(randomBytes(size));
        await sweep(NOW + UNREFERRED_KEPT_MS - 1);
        assert.equal(await isThere(file), true);
        await sweep(LATER);
        assert.equal(await isThere(file), false);
        await one.put(file, LATER);
        assert.equal(await isThere(file), true);
      }
    });

    test('storing it again puts that off', async () => {
      for (const size of [10, LARGE_BYTES]) {
        const file = await stored(randomBytes(size));
        await other.put(file, LATER - 1);
        await sweep(LATER);
        assert.equal(await isThere(file), true);
      }
    });

    test('who refers to what is not there is told so, and nothing is kept for him', async () => {
      const there = await stored(randomBytes(10));
      const missing = fileOf(randomBytes(10));
      const { id } = acceptance().stored.transaction;
      const refer = one.refer('demo', { kind: 'transaction', id }, [attachment(there), attachment(missing)], NOW);
      await assert.rejects(refer, FileMissingError);
      await sweep(LATER);
      assert.equal(await isThere(there), false);
    });

    test('an owner that never came to be keeps nothing', async () => {
      const file = await stored(randomBytes(10));
      const transaction = { kind: 'transaction', id: acceptance().stored.transaction.id } as const;
      const batch = { kind: 'batch', id: batchOf(1).batch.id } as const;
      for (const owner of [transaction, batch, { kind: 'campaign', id: '~none' } as const]) {
        await one.refer('demo', owner, [attachment(file)], NOW);
      }
      await sweep(NOW + UNREFERRED_KEPT_MS - 1);
      assert.equal(await isThere(file), true);
      await sweep(LATER);
      assert.equal(await isThere(file), false);
    });

    test('a content stays as long as one transaction refers to it, and goes with the last', async () => {
      const file = await stored(randomBytes(10));
      const attachments = [attachment(file), { ...attachment(file), name: 'b.pdf' }];
      const ended = times(2, (n) => {
        const status = { name: 'completed', endedAt: NOW + n } as const;
        return acceptance({ status, request: { attachments } });
      });
      for (const each of ended) {
        await one.refer('demo', { kind: 'transaction', id: each.stored.transaction.id }, attachments, NOW);
        await stores().transactions.accept(each);
        await stores().transactions.save({ stored: each.stored, entries: [] });
      }
      for (const after of [LATER, LATER + RECHECK_MS, LATER + 2 * RECHECK_MS]) await sweep(after);
      assert.equal(await isThere(file), true);
      assert.equal(await stores().transactions.prune(NOW + 1, ALL), 1);
      await sweep(LATER + 2 * RECHECK_MS);
      assert.equal(await isThere(file), true);
      assert.equal(await stores().transactions.prune(NOW + 2, ALL), 1);
      await sweep(LATER + 2 * RECHECK_MS);
      assert.equal(await isThere(file), false);
    });

    test('where nobody said that an owner was deleted, it is found out', async () => {
      const file = await stored(randomBytes(10));
      // Its row names no files: so it looks to whoever deletes it.
      const ended = acceptance({ status: { name: 'completed', endedAt: NOW } });
      await one.refer('demo', { kind: 'transaction', id: ended.stored.transaction.id }, [attachment(file)], NOW);
      await stores().transactions.accept(ended);
      await stores().transactions.save({ stored: ended.stored, entries: [] });
      await sweep(LATER);
      assert.equal(await stores().transactions.prune(NOW + 1, ALL), 1);
      await sweep(LATER + 1);
      assert.equal(await isThere(file), true);
      await sweep(LATER + RECHECK_MS);
      assert.equal(await isThere(file), false);
    });

    test('a batch keeps its files, and they go with it', async () => {
      const file = await stored(randomBytes(LARGE_BYTES));
      const made = batchOf(1);
      const batch = { ...made.batch, request: { ...made.batch.request, attachments: [attachment(file)] } };
      const { accountId, id } = batch;
      await one.refer(accountId, { kind: 'batch', id }, batch.request.attachments, NOW);
      await stores().batches.accept({ ...made, batch });
      await sweep(LATER);
      assert.equal(await isThere(file), true);
      await stores().batches.turn(accountId, id, 'cancel', NOW);
      await stores().batches.end(accountId, id, NOW);
      assert.equal(await stores().batches.prune(NOW + 1, ALL), 1);
      await sweep(LATER);
      assert.equal(await isThere(file), false);
    });

    test('a campaign keeps the files of all its versions', async () => {
      const [first, second, never] = await Promise.all(times(3, () => stored(randomBytes(10))));
      const message = { channel: 'email', providers: ['mail'], body: 'Hi' } as const;
      for (const [index, file] of [first!, second!].entries()) {
        await one.refer('demo', { kind: 'campaign', id: AWKWARD }, [attachment(file)], NOW);
        const content = { ...message, providers: ['mail'], attachments: [attachment(file)] };
        const version = index + 1;
        const campaign: Campaign = { accountId: 'demo', id: AWKWARD, name: 'a', state: 'running', version, content };
        await stores().config.write({ campaigns: [{ campaign, contentChanged: true }] }, await revision());
      }
      await one.refer('demo', { kind: 'campaign', id: AWKWARD }, [attachment(never!)], NOW);
      for (const after of [LATER, LATER + RECHECK_MS]) await sweep(after);
      assert.deepEqual(await Promise.all([first!, second!, never!].map(isThere)), [true, true, false]);
    });

    async function revision(): Promise<number> {
      return (await stores().config.since(0)).revision;
    }
  });
}
