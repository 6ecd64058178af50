/** What every store of webhook calls promises of the log, of replays, and of ends. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import type { Instant } from '#domain/time.ts';
import { DELIVERED_KEPT_MS, FAILED_KEPT_MS } from '#ports/webhook-store.ts';
import type { ClaimedCall, WebhookStore } from '#ports/webhook-store.ts';
import { NOW, times } from '../support/acceptance.ts';
import { ALL, HOOK, OTHER, PATIENCE_MS, call, claim, idsOf, settled } from '../support/webhook-calls.ts';
import type { TwoNodes } from './transaction-store.ts';

/** Runs this part of the suite. */
export function describeWebhookLog(make: TwoNodes<WebhookStore>): void {
  describeLog(make);
  describeEnds(make);
}

function describeLog(make: TwoNodes<WebhookStore>): void {
  let one: WebhookStore;
  beforeEach(async () => {
    [one] = await make();
  });

  test('is listed newest first, page by page, narrowed by state and time, and no other webhook’s', async () => {
    const all = times(25, (index) => call({ at: NOW - index }));
    await one.add(all);
    await one.add([call(OTHER), call({ accountId: 'acme' })]);
    const listed: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await one.list(HOOK, 10, cursor);
      listed.push(...idsOf(page.data));
      cursor = page.next;
    } while (cursor !== null);
    assert.deepEqual(listed, idsOf(all));
    assert.deepEqual(idsOf((await one.list({ ...HOOK, since: NOW - 2 }, 10, null)).data), idsOf(all.slice(0, 3)));
    const [claimed] = await claim(one, 1);
    await one.settle(settled(claimed!, { what: 'failed' }));
    assert.deepEqual(idsOf((await one.list({ ...HOOK, state: 'failed' }, 10, null)).data), [claimed!.id]);
    assert.equal((await one.list({ ...HOOK, state: 'waiting' }, 200, null)).data.length, 24);
  });

  test('what nobody knows is not found', async () => {
    const known = call();
    await one.add([known]);
    for (const id of ['nothing', '', `${randomUUID()}_ended`, `${known.id}x`]) {
      assert.equal(await one.find({ ...HOOK, id }), null);
      assert.equal(await one.replay({ ...HOOK, id }, NOW, NOW), false);
    }
    assert.equal(await one.find({ ...known, webhookId: 'audit' }), null);
  });

  test('a call is replayed under its id, with all its attempts before it', async () => {
    const given = call();
    await one.add([given]);
    const [claimed] = await claim(one);
    await one.settle(settled(claimed!, { what: 'failed', status: 500, error: 'no' }));
    assert.equal(await one.replay(given, NOW + 10, NOW + 20), true);
    assert.deepEqual(await claim(one, ALL, NOW + 9), []);
    assert.deepEqual(await claim(one, ALL, NOW + 10), [{ ...claimed!, giveUpAt: NOW + 20 }]);
  });

  test('a range is replayed, in the order in which it happened, and nothing beside it', async () => {
    const inside = times(30, (index) => call({ at: NOW - 100 + index }));
    const outside = [call({ at: NOW - 101 }), call({ at: NOW }), call({ ...OTHER, at: NOW - 50 })];
    await one.add([...inside, ...outside]);
    const claimed = await claim(one, ALL, NOW, [HOOK, OTHER]);
    const failed = new Set(idsOf(inside.slice(0, 10)));
    const what = ({ id }: ClaimedCall) => (failed.has(id) ? ('failed' as const) : ('delivered' as const));
    await Promise.all(claimed.map((each) => one.settle(settled(each, { what: what(each) }))));
    const range = { ...HOOK, since: NOW - 100, until: NOW };
    assert.equal(await one.replayRange({ ...range, state: 'failed' }, NOW, NOW + PATIENCE_MS, ALL), 10);
    assert.equal(await one.replayRange(range, NOW, NOW + PATIENCE_MS, 15), 15);
    assert.equal(await one.waiting(ALL), 25);
    assert.equal(await one.replayRange(range, NOW, NOW + PATIENCE_MS, ALL), 5);
    assert.equal(await one.replayRange(range, NOW, NOW + PATIENCE_MS, ALL), 0);
    const again = await claim(one, ALL, NOW + 1_000, [HOOK, OTHER]);
    assert.deepEqual(idsOf(again).toSorted(), idsOf(inside).toSorted());
  });
}

function describeEnds(make: TwoNodes<WebhookStore>): void {
  let one: WebhookStore;
  beforeEach(async () => {
    [one] = await make();
  });

  test('what has waited too long is given up, and nothing else', async () => {
    const late = call({ giveUpAt: NOW - 1 });
    const fresh = call(OTHER);
    await one.add([late, fresh]);
    assert.deepEqual(await one.giveUpLate(NOW, ALL), [HOOK]);
    assert.deepEqual(await one.giveUpLate(NOW, ALL), []);
    const { state, error, dueAt } = (await one.find(late))!;
    assert.deepEqual([state, error, dueAt], ['failed', 'it could not be delivered in time', null]);
    assert.equal((await one.find(fresh))!.state, 'waiting');
  });

  test('all that waits for a webhook is given up, page by page, and no other’s', async () => {
    await one.add([...times(30, () => call()), call(OTHER)]);
    let count = 0;
    for (let page = -1; page !== 0; count += page) page = await one.giveUpAll(HOOK, NOW, 'it is gone', 20);
    assert.equal(count, 30);
    assert.equal(await one.waiting(ALL), 1);
    const { data } = await one.list(HOOK, 1, null);
    assert.deepEqual([data[0]!.state, data[0]!.error], ['failed', 'it is gone']);
  });

  test('what was delivered and what was given up is kept for its time, then forgotten', async () => {
    const given = [call(), call(), call()];
    await one.add(given);
    const claimed = await claim(one, 2);
    await one.settle(settled(claimed[0]!, { what: 'delivered' }));
    await one.settle(settled(claimed[1]!, { what: 'failed' }));
    const left = async (now: Instant) => {
      await one.prune(now, ALL);
      return (await one.list(HOOK, 10, null)).data.length;
    };
    assert.equal(await left(NOW + DELIVERED_KEPT_MS), 3);
    assert.equal(await left(NOW + DELIVERED_KEPT_MS + 1), 2);
    assert.equal(await left(NOW + FAILED_KEPT_MS), 2);
    assert.equal(await left(NOW + FAILED_KEPT_MS + 1), 1);
    assert.equal((await one.list(HOOK, 10, null)).data[0]!.state, 'waiting');
  });

  test('no more is forgotten at once than was asked for', async () => {
    await one.add(times(30, () => call()));
    await Promise.all((await claim(one)).map((each) => one.settle(settled(each, {}))));
    let deleted = 0;
    for (let page = -1; page !== 0; deleted += page) {
      page = await one.prune(NOW + FAILED_KEPT_MS * 2, 7);
      assert(page <= 7);
    }
    assert.equal(deleted, 30);
  });
}
