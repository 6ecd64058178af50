/** The paces of providers and senders (semantics §9): on one node and on two, for single transactions, batches and schedules. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor, VendorCall } from '../support/http-vendor.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

let postgres: PostgresServer;
let nodes: [Carom, Carom];
const vendors: HttpVendor[] = [];

before(async () => {
  postgres = await startPostgres();
  const options = { databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } };
  nodes = [await startCarom(options), await startCarom(options)];
});
after(async () => {
  for (const node of nodes) await node.stop();
  for (const vendor of vendors) await vendor.close();
  await postgres.close();
});

/** A call as the vendor saw it. */
interface Seen {
  at: number;
  to: string;
  from: string;
  text: string;
}

/** An account whose provider is a vendor of its own. */
async function account(
  id: string,
  limits: object,
  campaign: object = {},
): Promise<{ vendor: HttpVendor; seen: Seen[] }> {
  const vendor = await startVendor();
  vendors.push(vendor);
  const seen: Seen[] = [];
  const answering = vendor.answering;
  vendor.answering = (response, call) => {
    seen.push({ at: Date.now(), ...(JSON.parse(call.body) as Omit<Seen, 'at'>) });
    answering(response, call);
  };
  await nodes[0].apply(manifest(id, vendor, limits, campaign));
  for (const node of nodes)
    await eventually(
      () => node.call('GET', `/v1/providers/sms?account=${id}`),
      ({ status }) => status === 200,
    );
  return { vendor, seen };
}

function manifest(id: string, vendor: HttpVendor, limits: object, campaign: object = {}): object {
  const request = { method: 'POST', url: vendor.url, json: { to: '{{ to }}', from: '{{ from }}', text: '{{ body }}' } };
  return {
    account: id,
    keys: [{ id: 'main', key: `${id}-key`, scopes: ['trigger', 'read', 'admin'] }],
    providers: [{ id: 'sms', channel: 'sms', type: 'http', limits, request }],
    campaigns: [
      { id: '~a', state: 'running', channel: 'sms', provider: 'sms', from: 'CAROM', body: '{{ word }}', ...campaign },
    ],
  };
}

const phone = (index: number) => `+9198${String(index).padStart(8, '0')}`;

function trigger(id: string, index: number, more: object = {}) {
  const body = {
    campaignIds: ['~a'],
    mode: 'all',
    userId: `u-${index}`,
    phone: phone(index),
    params: { word: 'single' },
    ...more,
  };
  return nodes[index % 2]!.call('POST', '/v1/transactions', { key: `${id}-key`, body });
}

async function batch(id: string, count: number, more: object = {}): Promise<string> {
  const recipients = Array.from({ length: count }, (_, index) => ({
    userId: `m-${index}`,
    phone: phone(1_000_000 + index),
  }));
  const body = { campaignIds: ['~a'], recipients, params: { word: 'bulk' }, ...more };
  const answer = await nodes[0].call('POST', '/v1/batches', { key: `${id}-key`, body });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  return answer.body.id;
}

/** Resolves when the vendor has seen so many. */
async function arrived(seen: Seen[], count: number): Promise<void> {
  await eventually(
    async () => seen.length,
    (length) => length >= count,
    60_000,
  );
}

/** The most that came within any stretch of so long. */
function mostWithin(seen: Pick<Seen, 'at'>[], ms: number): number {
  return Math.max(...seen.map(({ at }) => seen.filter((other) => other.at >= at && other.at < at + ms).length));
}

describe('a provider’s rate', () => {
  test('semantics §9: is kept by two nodes together, evenly, and used in full', async () => {
    const { seen } = await account('rate', { rate: '50/s' });
    const accepted = await Promise.all(Array.from({ length: 300 }, (_, index) => trigger('rate', index)));
    assert.ok(accepted.every(({ status }) => status === 202));
    await arrived(seen, 300);
    // A tenth of a second's worth may come at once, and one.
    const tookS = (seen.at(-1)!.at - seen[0]!.at) / 1_000;
    assert.ok(tookS >= (300 - 6) / 55 && tookS <= 300 / 45 + 5, `300 messages took ${tookS} s`);
    // Twice the rate: a test process that stalls for a moment sees late what came in order.
    assert.ok(mostWithin(seen.slice(10), 1_000) <= 100, `${mostWithin(seen, 1_000)} in a second`);
    assert.equal(new Set(seen.map(({ to }) => to)).size, 300);
    const ends = await Promise.all(accepted.map(({ body }) => nodes[0].ended('rate', body.id)));
    assert.deepEqual(new Set(ends.map(({ state }) => state)), new Set(['completed']));
    // By the nodes' own account, which no stall of this process bends.
    const calls = ends.map(({ legs }) => ({ at: Date.parse(legs[0].messages[0].sentAt) }));
    const most = mostWithin(calls.toSorted((a, b) => a.at - b.at).slice(10), 1_000);
    assert.ok(most <= 60, `${most} calls in a second`);
    // Those that waited used up no attempt, and say that they waited.
    const waited = ends.filter(({ timeline }) =>
      timeline.some(({ what }: { what: string }) => what === 'message.paced'),
    );
    assert.ok(waited.length > 100, `only ${waited.length} waited in their rows`);
  });

  test('semantics §9: many that are scheduled for the same second start as evenly', async () => {
    const { seen } = await account('herd', { rate: '50/s' });
    const startAt = new Date(Date.now() + 1_500).toISOString();
    await Promise.all(Array.from({ length: 200 }, (_, index) => trigger('herd', index, { startAt })));
    await arrived(seen, 200);
    const tookS = (seen.at(-1)!.at - seen[0]!.at) / 1_000;
    assert.ok(tookS >= (200 - 6) / 55 && tookS <= 200 / 45 + 5, `200 messages took ${tookS} s`);
    assert.ok(seen[0]!.at - Date.parse(startAt) < 5_000);
  });

  test('semantics §2: a wait for the pace is no reason for another channel, but it ends at the TTL', async () => {
    const { seen } = await account('slow', { rate: '1/h' });
    const mode = 'fallback_on_attempt_failure';
    const { body: first } = await trigger('slow', 0, { mode });
    await nodes[0].ended('slow', first.id);
    const { body: second } = await trigger('slow', 2, { mode, ttl: 7 });
    const waiting = await nodes[0].transaction('slow', second.id, ({ legs }) => legs[0].state === 'queued');
    assert.equal(waiting.state, 'running');
    const { state, legs } = await nodes[0].ended('slow', second.id);
    assert.deepEqual([state, legs[0].state, legs[0].reason], ['expired', 'skipped', 'ttl_expired']);
    assert.equal(seen.length, 1);
  });

  test('semantics §9: that is raised or taken away lets go of those who wait', async () => {
    const { vendor, seen } = await account('raised', { rate: '1/h' });
    await Promise.all(Array.from({ length: 20 }, (_, index) => trigger('raised', index)));
    await arrived(seen, 1);
    await nodes[0].apply(manifest('raised', vendor, { rate: '1000/s' }));
    await arrived(seen, 20);
    await nodes[0].apply(manifest('raised', vendor, { rate: '1/h' }));
    await eventually(
      () =>
        trigger('raised', 21).then(({ body }) => nodes[1].call('GET', `/v1/transactions/${body.id}?account=raised`)),
      ({ body }) => body.legs[0].state === 'queued',
    );
    await nodes[0].apply({ ...manifest('raised', vendor, {}), providers: [withoutLimits(vendor)] });
    const triggered = seen.length;
    await arrived(seen, triggered + 1);
  });

  test('semantics §11: what waits for it can be cancelled', async () => {
    const { seen } = await account('called-off', { rate: '1/h' });
    await trigger('called-off', 0);
    await arrived(seen, 1);
    const { body } = await trigger('called-off', 1);
    await nodes[0].transaction('called-off', body.id, ({ legs }) => legs[0].state === 'queued');
    await nodes[0].call('POST', `/v1/transactions/${body.id}/cancel?account=called-off`);
    const { legs } = await nodes[0].ended('called-off', body.id);
    assert.equal(legs[0].reason, 'cancelled');
  });
});

function withoutLimits(vendor: HttpVendor): object {
  const { providers } = manifest('x', vendor, {}) as { providers: { limits?: object }[] };
  const { limits: _limits, ...rest } = providers[0]!;
  return rest;
}

/** Where the nth of these is true. */
function nth(all: boolean[], n: number): number {
  let count = 0;
  return all.findIndex((each) => each && ++count === n);
}

describe('single transactions', () => {
  test('semantics §9: go before those of a batch, which does not stand still', async () => {
    const { seen } = await account('first', { rate: '40/s' });
    const id = await batch('first', 300);
    await arrived(seen, 40);
    const sentAt = Date.now();
    await Promise.all(Array.from({ length: 20 }, (_, index) => trigger('first', index)));
    const singles = () => seen.filter(({ text }) => text === 'single');
    await eventually(
      async () => singles().length,
      (count) => count === 20,
    );
    // 20 of them at 40/s, some tokens being on the other node; the batch alone would take another six seconds.
    const tookMs = singles().at(-1)!.at - sentAt;
    assert.ok(tookMs < 2_500, `the singles took ${tookMs} ms`);
    assert.ok(seen.filter(({ text }) => text === 'bulk').length < 200);
    await arrived(seen, 320);
    const { body } = await eventually(
      () => nodes[0].call('GET', `/v1/batches/${id}?account=first`),
      (answer) => answer.body.state === 'ended',
    );
    assert.equal(body.counts.completed, 300);
    assert.equal(new Set(seen.map(({ to }) => to)).size, 320);
  });

  test('semantics §9: that never cease leave one message in ten to a batch', async () => {
    const { vendor, seen } = await account('floor', { rate: '40/s' });
    await batch('floor', 300);
    await arrived(seen, 1);
    await Promise.all(Array.from({ length: 200 }, (_, index) => trigger('floor', index)));
    const singles = () => seen.filter(({ text }) => text === 'single').length;
    await eventually(
      async () => singles(),
      (count) => count === 200,
      60_000,
    );
    // All singles have been accepted long before the middle of them is sent: from there on both kinds wait.
    const isSingle = seen.map(({ text }) => text === 'single');
    const [from, to] = [nth(isSingle, 100), nth(isSingle, 190)];
    const bulk = isSingle.slice(from, to).filter((single) => !single).length;
    assert.ok(bulk >= 4, `only ${bulk} beside 90`);
    await nodes[0].apply({ ...manifest('floor', vendor, {}), providers: [withoutLimits(vendor)] });
    await arrived(seen, 500);
  });
});

describe('a sender’s rate', () => {
  test('semantics §9: is kept for each sender by itself', async () => {
    const { seen } = await account('senders', { perSender: '10/s' }, { from: '{{ sender }}' });
    const triggered = Array.from({ length: 90 }, (_, index) =>
      trigger('senders', index, { params: { sender: ['ONE', 'TWO', 'THREE'][index % 3], word: 'x' } }),
    );
    await Promise.all(triggered);
    await arrived(seen, 90);
    for (const sender of ['ONE', 'TWO', 'THREE']) {
      const its = seen.filter(({ from }) => from === sender);
      assert.equal(its.length, 30);
      const tookS = (its.at(-1)!.at - its[0]!.at) / 1_000;
      assert.ok(tookS >= (30 - 3) / 11 && tookS <= 30 / 9 + 5, `30 messages of ${sender} took ${tookS} s`);
    }
  });
});

describe('a provider’s concurrency', () => {
  test('semantics §9: is shared by the nodes', async () => {
    const { vendor, seen } = await account('calls', { concurrency: 4 });
    let [under, most] = [0, 0];
    const held: (() => void)[] = [];
    const taken = vendor.answering;
    vendor.answering = (response, call: VendorCall) => {
      most = Math.max(most, ++under);
      held.push(() => {
        under--;
        taken(response, call);
      });
    };
    // Each node learns of the other by using the provider.
    const warm = [trigger('calls', 0), trigger('calls', 1)];
    await eventually(
      async () => held.length,
      (count) => count === 2,
    );
    held.splice(0).forEach((answer) => answer());
    await Promise.all(warm);
    const letGo = setInterval(() => held.splice(0).forEach((answer) => answer()), 50);
    await Promise.all(Array.from({ length: 60 }, (_, index) => trigger('calls', 2 + index)));
    await arrived(seen, 62);
    clearInterval(letGo);
    assert.ok(most <= 5, `${most} calls at once`);
  });
});
