import assert from 'node:assert/strict';
import test from 'node:test';
import type { Account } from '#domain/account.ts';
import type { Batch, BatchRequest, Recipient } from '#domain/batch.ts';
import type { UploadPage } from '#ports/upload-store.ts';
import { acceptUpload } from './batch-upload.ts';
import type { FileRow, UploadTools } from './batch-upload.ts';

const NOW = Date.parse('2026-05-21T10:00:00Z');
const ACCOUNT = { id: 'demo' } as Account;
const REQUEST: BatchRequest = {
  campaignIds: ['~a'],
  mode: 'all',
  ttl: null,
  startAt: null,
  params: {},
  overrides: null,
  reference: null,
  targetKind: 'user_id',
  unknownUsers: 'send',
};

/** A store that remembers what it was told; `appending` may hold a page up or fail. */
function scene(appending: () => Promise<boolean> = async () => true) {
  const told: string[] = [];
  const pages: UploadPage[] = [];
  const accepted: { batch?: Batch } = {};
  let writing = 0;
  const state = { campaign: 'running', writingMax: 0 };
  const config = {
    campaign: () => ({ id: '~a', state: state.campaign, version: 3, content: { channel: 'sms', providers: ['p'] } }),
    provider: () => null,
  };
  const uploads: UploadTools['uploads'] = {
    begin: async () => void told.push('begin'),
    append: async (_id, page) => {
      state.writingMax = Math.max(state.writingMax, ++writing);
      const stored = await appending().finally(() => writing--);
      pages.push(page);
      return stored;
    },
    complete: async ({ batch }) => {
      told.push('complete');
      accepted.batch = batch;
      return { kind: 'accepted' };
    },
    discard: async () => void told.push(`discard with ${writing} on their way`),
    named: async () => null,
    sweep: async () => 0,
  };
  const clock = { now: () => NOW };
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const tools = { config, uploads, clock, log } as unknown as UploadTools;
  return { told, pages, accepted, state, tools };
}

function fileOf(rows: () => AsyncIterable<FileRow[]>) {
  return { rows, rest: async () => undefined, fingerprint: () => 'of it' };
}

const row = (index: number): FileRow => ({ line: index + 2, recipient: { target: `u-${index}` } });

async function* rows(count: number, each = 100): AsyncGenerator<FileRow[]> {
  for (let first = 0; first < count; first += each) {
    yield Array.from({ length: Math.min(each, count - first) }, (_, place) => row(first + place));
  }
}

test('rows become pages, a few of which are written at once, and then a batch', async () => {
  const { told, pages, accepted, state, tools } = scene(
    () => new Promise((resolve) => setImmediate(() => resolve(true))),
  );
  const result = await acceptUpload(
    tools,
    ACCOUNT,
    REQUEST,
    fileOf(() => rows(6_250)),
  );
  assert.equal(result.kind, 'accepted');
  assert.deepEqual(told, ['begin', 'complete']);
  assert.deepEqual(
    [accepted.batch?.total, accepted.batch?.badRows, accepted.batch?.campaignVersions],
    [6_250, undefined, [3]],
  );
  assert.deepEqual(
    pages.map(({ first, size }) => [first, size]),
    Array.from({ length: 13 }, (_, page) => [page * 500, page === 12 ? 250 : 500]),
  );
  const recipients = pages.flatMap((page) => JSON.parse(page.recipients) as Recipient[]);
  assert.deepEqual([recipients.length, recipients[6_249]], [6_250, { target: 'u-6249' }]);
  assert.equal(state.writingMax, 4);
});

test('a row that breaks a rule becomes a recipient with what is wrong with him, in his place', async () => {
  const { pages, accepted, tools } = scene();
  async function* some(): AsyncGenerator<FileRow[]> {
    yield [row(0), { line: 3, target: 'x'.repeat(500), fault: 'it is bad' }];
    yield [{ line: 4, recipient: { target: 'ana', email: 'no address' } }, row(3)];
  }
  await acceptUpload(tools, ACCOUNT, REQUEST, fileOf(some));
  assert.deepEqual([accepted.batch?.total, accepted.batch?.badRows], [4, 2]);
  assert.deepEqual(pages[0]!.badRows, [1, 2]);
  assert.deepEqual(JSON.parse(pages[0]!.recipients), [
    { target: 'u-0' },
    { target: 'x'.repeat(100), fault: 'line 3: it is bad' },
    { target: 'ana', fault: 'line 4: its email is not an e-mail address' },
    { target: 'u-3' },
  ]);
});

test('what breaks off is given up, after the pages that are on their way', async () => {
  const slow = () => new Promise<boolean>((resolve) => setImmediate(() => setImmediate(() => resolve(true))));
  const { told, tools } = scene(slow);
  async function* broken(): AsyncGenerator<FileRow[]> {
    yield* rows(1_000);
    throw new Error('the client is gone');
  }
  await assert.rejects(acceptUpload(tools, ACCOUNT, REQUEST, fileOf(broken)), /the client is gone/);
  assert.deepEqual(told, ['begin', 'discard with 0 on their way']);
});

test('a page that cannot be stored, or whose upload was swept, ends it', async () => {
  const failing = scene(() => Promise.reject(new Error('away')));
  await assert.rejects(
    acceptUpload(
      failing.tools,
      ACCOUNT,
      REQUEST,
      fileOf(() => rows(5_000)),
    ),
    /away/,
  );
  assert.deepEqual(failing.told, ['begin', 'discard with 0 on their way']);
  const swept = scene(async () => false);
  await assert.rejects(
    acceptUpload(
      swept.tools,
      ACCOUNT,
      REQUEST,
      fileOf(() => rows(10)),
    ),
    /stood still for too long/,
  );
});

test('a campaign that is paused while the file is read refuses it', async () => {
  const { told, state, tools } = scene();
  async function* pausing(): AsyncGenerator<FileRow[]> {
    yield [row(0)];
    state.campaign = 'paused';
  }
  const result = await acceptUpload(tools, ACCOUNT, REQUEST, fileOf(pausing));
  assert.equal(result.kind === 'refused' && result.refusal.kind, 'campaign_not_running');
  assert.deepEqual(told, ['begin', 'discard with 0 on their way']);
});
