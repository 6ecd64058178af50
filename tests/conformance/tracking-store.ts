/** What every store of tracked messages promises (src/ports/tracking-store.ts). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import { hash16OfId, messageId } from '#domain/ids.ts';
import type { TrackedMessage, TrackingStore } from '#ports/tracking-store.ts';
import { acceptance, NOW, times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

function tracked(changes: Partial<TrackedMessage> = {}): TrackedMessage {
  const id = changes.messageId ?? messageId(acceptance().stored.transaction.id, 1);
  const behind = randomBytes(8).readBigUInt64BE() >> 16n;
  return {
    key: (BigInt(hash16OfId(id)) << 48n) | behind,
    accountId: 'demo',
    messageId: id,
    userId: 'ana',
    channel: 'sms',
    urls: ['https://a.example/0', 'https://a.example/1'],
    at: NOW,
    ...changes,
  };
}

/** What is found of it by its link of this number. */
function found({ accountId, messageId: id, userId, channel, urls }: TrackedMessage, link: number): object {
  return { accountId, messageId: id, userId, channel, url: urls[link] ?? null };
}

/** Runs the suite. */
export function describeTrackingStore(name: string, make: TwoNodes<TrackingStore>): void {
  describe(`${name} keeps the promises of a tracking store`, () => {
    let one: TrackingStore;
    let other: TrackingStore;
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('the secret is the same for all nodes', async () => {
      const secret = await one.secret();
      assert.equal(secret.length, 32);
      assert.ok(secret.some((byte) => byte !== 0));
      assert.deepEqual(await other.secret(), secret);
    });

    test('a message is found by its key, with the link of the number', async () => {
      const message = tracked({ accountId: AWKWARD, userId: AWKWARD, channel: 'web_push' });
      await one.keep(message);
      for (const link of [0, 1, 2, 255]) assert.deepEqual(await other.find(message.key, link), found(message, link));
      assert.equal(await other.find(message.key ^ 1n, 0), null);
    });

    test('one without links is a message too', async () => {
      const message = tracked({ urls: [] });
      await one.keep(message);
      assert.deepEqual(await one.find(message.key, 0), found(message, 0));
    });

    test('keys of all bits', async () => {
      for (const key of [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
        const message = tracked({ key });
        await one.keep(message);
        assert.deepEqual(await other.find(key, 1), found(message, 1));
      }
    });

    test('what is kept again has the links of now', async () => {
      const message = tracked();
      await one.keep(message);
      const again = { ...message, urls: ['https://b.example/'] };
      await other.keep(again);
      assert.deepEqual(await one.find(message.key, 0), found(again, 0));
      assert.deepEqual(await one.find(message.key, 1), found(again, 1));
    });

    test('a key is never handed on to another message', async () => {
      const message = tracked();
      await one.keep(message);
      await one.keep({ ...tracked(), key: message.key, urls: ['https://b.example/'] });
      assert.deepEqual(await one.find(message.key, 0), found(message, 0));
    });

    test('many are kept and found at once, on two nodes in opposite orders', async () => {
      const messages = times(300, (n) => tracked({ urls: [`https://a.example/${n}`] }));
      const keep = (store: TrackingStore) => (message: TrackedMessage) => store.keep(message);
      await Promise.all([...messages.map(keep(one)), ...messages.toReversed().map(keep(other))]);
      const all = await Promise.all(messages.map(({ key }) => one.find(key, 0)));
      assert.deepEqual(
        all,
        messages.map((message) => found(message, 0)),
      );
    });

    test('what is old is forgotten, and nothing else', async () => {
      const old = times(1_200, () => tracked({ at: NOW - 1 }));
      const fresh = tracked();
      await Promise.all([...old, fresh].map((message) => one.keep(message)));
      await one.prune(NOW);
      const left = await Promise.all(old.map(({ key }) => one.find(key, 0)));
      assert.deepEqual(new Set(left), new Set([null]));
      assert.notEqual(await one.find(fresh.key, 0), null);
    });
  });
}
