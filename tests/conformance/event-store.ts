/** What every store of events promises (src/ports/event-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { EventStore } from '#ports/event-store.ts';
import { acceptance, NOW, times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** When everything that was tracked is due: the store's own clock stands at {@link NOW}, or runs. */
const LATER = Date.UTC(2100, 0, 1);

/** An event; `age` orders them, 0 is the oldest. */
function event(age: number, changes: Partial<TrackedEvent> = {}): TrackedEvent {
  return {
    id: acceptance({ createdAt: NOW + age }).stored.transaction.id,
    accountId: 'demo',
    userId: 'ana',
    eventName: 'ordered',
    eventTime: NOW + age,
    eventData: { age },
    ...changes,
  };
}

/** Runs the suite. */
export function describeEventStore(name: string, make: TwoNodes<EventStore>): void {
  let one: EventStore;
  let other: EventStore;
  const listed = async (filter: Parameters<EventStore['list']>[0]) => (await other.list(filter, 200, null)).data;

  describe(`${name} keeps the promises of an event store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('an event tracked often and on two nodes is there once, as it was first', async () => {
      const first = event(0);
      await one.track(first);
      const repeats = times(20, (index) => ({ ...first, eventData: { repeat: index } }));
      await Promise.all(repeats.map((repeat, index) => (index % 2 ? one : other).track(repeat)));
      assert.deepEqual(await listed({ accountId: 'demo' }), [first]);
    });

    test('many are tracked at once on two nodes in opposite orders, each once', async () => {
      const events = times(200, (index) => event(index, { userId: `user-${index % 10}` }));
      await Promise.all([
        ...events.map((each) => one.track(each)),
        ...events.toReversed().map((each) => other.track(each)),
      ]);
      assert.deepEqual(await listed({ accountId: 'demo' }), events.toReversed());
    });

    test('a numbered call makes one event, however often and wherever it comes, until its window is over', async () => {
      const first = event(0);
      const request = { id: `call ${AWKWARD}`, windowMs: 3_600_000 };
      await one.track(first, request);
      await Promise.all(times(10, (index) => (index % 2 ? one : other).track(event(index + 1), request)));
      assert.deepEqual(await listed({ accountId: 'demo' }), [first]);
      await one.track(event(20, { userId: 'bob' }), request);
      await one.track(event(21), { ...request, id: 'another call' });
      await one.track(event(22), { ...request, windowMs: 0 });
      assert.equal((await listed({ accountId: 'demo' })).length, 4);
    });

    test('what an event starts is stored with it, once, claimed by one, and there until it is finished', async () => {
      const starts = ['~a', `~b ${AWKWARD}`];
      const events = times(40, (index) =>
        event(index, { userId: `user-${index}`, eventData: { z: index, a: AWKWARD } }),
      );
      await one.track(event(100));
      await Promise.all(events.map((each, index) => (index % 2 ? one : other).track(each, null, starts)));
      await Promise.all(events.map((each) => other.track(each, null, ['~another'])));
      const claim = (node: EventStore, at: number) => node.claimStarts(at, 100, 1_000);
      const claimed = (await Promise.all([claim(one, LATER), claim(other, LATER)])).flat();
      const sorted = claimed.toSorted((a, b) => a.event.eventTime - b.event.eventTime);
      assert.deepEqual(
        sorted,
        events.map((each) => ({ event: each, campaignIds: starts })),
      );
      assert.deepEqual(Object.keys(sorted[0]!.event.eventData), ['z', 'a']);
      assert.deepEqual(await claim(one, LATER + 999), []);
      await Promise.all(sorted.slice(1).map((start) => other.finishStart(start)));
      assert.deepEqual(await claim(other, LATER + 1_001), [sorted[0]]);
      for (const node of [one, other]) await node.finishStart(sorted[0]!);
      assert.deepEqual(await claim(one, LATER + 10_000), []);
    });

    test('a repeat of a numbered call starts nothing', async () => {
      const request = { id: 'the call', windowMs: 3_600_000 };
      const events = times(5, (index) => event(index));
      for (const each of events) await one.track(each, request, ['~a']);
      await one.track(event(10), { ...request, id: 'another' });
      const claimed = await other.claimStarts(LATER, 100, 1_000);
      assert.deepEqual(claimed, [{ event: events[0], campaignIds: ['~a'] }]);
    });

    test('no more starts are claimed than are wanted', async () => {
      const events = times(20, (index) => event(index, { userId: `user-${index}` }));
      await Promise.all(events.map((each) => one.track(each, null, ['~a'])));
      const claimed = [await one.claimStarts(LATER, 15, 1_000), await one.claimStarts(LATER, 15, 1_000)];
      assert.deepEqual(
        claimed.map(({ length }) => length),
        [15, 5],
      );
    });

    test('one id may be of several users and accounts', async () => {
      const first = event(0);
      for (const each of [first, { ...first, userId: 'bob' }, { ...first, accountId: 'acme' }]) await one.track(each);
      assert.equal((await listed({ accountId: 'demo' })).length, 2);
      assert.equal((await listed({ accountId: 'acme' })).length, 1);
    });

    test('the list is newest first, and narrowed by user and name', async () => {
      const events = [event(0), event(1, { userId: 'bob' }), event(2, { eventName: 'paid' }), event(3)];
      for (const each of events) await one.track(each);
      const [oldest, bobs, paid, newest] = events;
      assert.deepEqual(await listed({ accountId: 'demo' }), events.toReversed());
      assert.deepEqual(await listed({ accountId: 'demo', userId: 'ana' }), [newest, paid, oldest]);
      assert.deepEqual(await listed({ accountId: 'demo', eventName: 'ordered' }), [newest, bobs, oldest]);
      assert.deepEqual(await listed({ accountId: 'demo', userId: 'ana', eventName: 'paid' }), [paid]);
    });

    test('pages follow each other, whatever is tracked meanwhile', async () => {
      const events = times(25, (index) => event(index, { userId: `user-${index}` }));
      await Promise.all(events.map((each) => one.track(each)));
      const seen: TrackedEvent[] = [];
      let cursor: string | null = null;
      do {
        const page = await other.list({ accountId: 'demo' }, 10, cursor);
        seen.push(...page.data);
        cursor = page.next;
        await one.track(event(1_000));
      } while (cursor !== null);
      assert.deepEqual(seen, events.toReversed());
    });

    test('data comes back with its order of keys, nulls, awkward and long text', async () => {
      const eventData = { z: 1, a: null, [AWKWARD]: AWKWARD, long: '👩 "q" \\ '.repeat(100_000), empty: {} };
      const tracked = event(0, { userId: AWKWARD, eventName: AWKWARD, eventData });
      await one.track(tracked);
      const [read] = await listed({ accountId: 'demo', userId: AWKWARD, eventName: AWKWARD });
      assert.deepEqual(read, tracked);
      assert.deepEqual(Object.keys(read.eventData), Object.keys(eventData));
    });
  });
}
