import assert from 'node:assert/strict';
import test, { beforeEach, describe } from 'node:test';
import type { News, Transaction } from '#domain/transaction.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';
import { SILENT } from '../../tests/support/database.ts';
import { memoryTrackingStore } from '../../tests/support/memory-tracking-store.ts';
import { freshMessageId } from '../../tests/support/provider-tools.ts';
import type { Advancer } from './advance.ts';
import { OPEN, REPORT, UNSUBSCRIBE, trackingTokens } from './tracking-token.ts';
import { createVisits } from './visits.ts';
import type { Visits } from './visits.ts';

const tokens = trackingTokens(Buffer.alloc(32, 1));
const tracked = memoryTrackingStore();
const URLS = ['https://a.example/0', 'https://a.example/1'];

/** What was told, and how the next one is taken. */
let told: News[];
let take: () => Promise<Transaction | null>;
let visits: Visits;
let messageId: string;
beforeEach(async () => {
  told = [];
  take = async () => null;
  const advancer = { tell: async (_account: string, _id: string, news: News) => (told.push(news), take()) };
  visits = createVisits({
    tracked,
    tokens,
    profiles: {} as ProfileStore,
    log: SILENT,
    signal: new AbortController().signal,
    advancer: () => advancer as unknown as Advancer,
  });
  messageId = await kept();
});

async function kept(): Promise<string> {
  const id = freshMessageId();
  const about = { accountId: 'demo', userId: 'ana', channel: 'sms', urls: URLS, at: 0 } as const;
  await tracked.keep({ ...about, key: tokens.of(id).key, messageId: id });
  return id;
}

const tokenOf = (what: number) => tokens.of(messageId).token(what);

describe('a link is found', () => {
  test('for what it was made, with where it leads', async () => {
    assert.equal((await visits.click(tokenOf(1)))!.url, URLS[1]);
    assert.equal((await visits.open(tokenOf(OPEN)))!.messageId, messageId);
    assert.equal((await visits.unsubscription(tokenOf(UNSUBSCRIBE)))!.userId, 'ana');
    assert.equal((await visits.reported(tokenOf(REPORT)))!.channel, 'sms');
  });

  test('and for nothing else', async () => {
    assert.equal(await visits.click(tokenOf(2)), null);
    assert.equal(await visits.click(tokenOf(OPEN)), null);
    assert.equal(await visits.click(tokenOf(UNSUBSCRIBE)), null);
    assert.equal(await visits.click(tokenOf(REPORT)), null);
    assert.equal(await visits.reported(tokenOf(OPEN)), null);
    assert.equal(await visits.open(tokenOf(0)), null);
    assert.equal(await visits.unsubscription(tokenOf(OPEN)), null);
  });

  test('only by a token that is whole and signed', async () => {
    const other = trackingTokens(Buffer.alloc(32, 2)).of(messageId).token(0);
    const unsigned = `${tokenOf(0).slice(0, 12)}AAAAAA`;
    assert.equal(tokens.read(unsigned)!.key, tokens.of(messageId).key);
    for (const token of ['', 'x', other, unsigned, `${tokenOf(0)}A`, tokenOf(0).toLowerCase()])
      assert.equal(await visits.click(token), null, token);
  });
});

describe('a visit is told', () => {
  test('as a receipt, and what software did as such', async () => {
    const visited = (await visits.click(tokenOf(0)))!;
    visits.note(visited, 'clicked', null);
    visits.note(visited, 'opened', 'bot');
    visits.note(visited, 'unsubscribed', null);
    assert.deepEqual(told, [
      { kind: 'receipt', message: 0, status: 'clicked', reason: null },
      { kind: 'machine_receipt', message: 0, status: 'opened', reason: 'bot' },
      { kind: 'receipt', message: 0, status: 'unsubscribed', reason: null },
    ]);
  });

  test('once, however often it happens', async () => {
    const visited = (await visits.click(tokenOf(0)))!;
    for (let n = 0; n < 10; n++) visits.note(visited, 'clicked', null);
    assert.equal(told.length, 1);
    visits.note(visited, 'clicked', 'bot');
    assert.equal(told.length, 2);
  });

  test('again, when it could not be told', async () => {
    const visited = (await visits.click(tokenOf(0)))!;
    take = async () => {
      throw new Error('a fault');
    };
    visits.note(visited, 'clicked', null);
    await new Promise(setImmediate);
    visits.note(visited, 'clicked', null);
    assert.equal(told.length, 2);
  });

  test('to nobody, when too many are being told; they are counted', async () => {
    const visited = (await visits.click(tokenOf(0)))!;
    const { promise, resolve } = Promise.withResolvers<null>();
    take = () => promise;
    for (let n = 0; n < 5_010; n++) visits.note({ ...visited, messageId: freshMessageId() }, 'clicked', null);
    assert.deepEqual([told.length, visits.dropped()], [5_000, 10]);
    resolve(null);
    await new Promise(setImmediate);
    visits.note(visited, 'clicked', null);
    assert.deepEqual([told.length, visits.dropped()], [5_001, 10]);
  });
});

describe('a report of a device', () => {
  test('is told as a receipt, each kind once, and heard only when it is durable', async () => {
    const visited = (await visits.reported(tokenOf(REPORT)))!;
    for (const status of ['delivered', 'delivered', 'clicked', 'opened', 'clicked'] as const)
      await visits.report(visited, status);
    assert.deepEqual(
      told,
      ['delivered', 'clicked', 'opened'].map((status) => ({ kind: 'receipt', message: 0, status, reason: null })),
    );
  });

  test('that could not be written is told to come again, and may', async () => {
    const visited = (await visits.reported(tokenOf(REPORT)))!;
    take = () => Promise.reject(new StoreUnavailableError('away'));
    await assert.rejects(visits.report(visited, 'delivered'), StoreUnavailableError);
    take = async () => null;
    await visits.report(visited, 'delivered');
    assert.equal(told.length, 2);
  });
});
