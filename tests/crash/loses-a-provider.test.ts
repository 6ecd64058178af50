/** A provider goes away under load, on two nodes: its messages go to the other one at once; none is lost, and none is with both. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import type { TransactionView } from '../support/chain.ts';
import { ACCOUNT, PATH, allEnded, viewsOf } from '../support/crash-scene.ts';
import { Load } from '../support/load.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startTwin } from '../support/twin-vendors.ts';
import type { TwinVendor } from '../support/twin-vendors.ts';

const RATE_PER_S = 100;
/** Requests accepted before, while and after the provider is away. */
const STRETCH = 150;
/** From the moment that nobody listens any more until the other provider gets its first message. */
const FIRST_FAILOVER_MAX_MS = 1_000;
/** How long what is left may take: a node is found dead, a lost answer's last retry comes 8 s after the one before. */
const REST_MAX_MS = 40_000;

let postgres: PostgresServer;
let nodes: [Carom, Carom];
let [first, second]: TwinVendor[] = [];

const start = () => startCarom({ databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } });

before(async () => {
  postgres = await startPostgres();
  nodes = await Promise.all([start(), start()]);
  const twins = await Promise.all([startTwin('first'), startTwin('second')]);
  [first, second] = twins;
  await nodes[0].apply({
    account: ACCOUNT,
    defaultRegion: 'IN',
    providers: twins.map(({ id, url }) => ({
      id,
      channel: 'sms',
      type: 'http',
      request: { url, json: { id: '{{ message_id }}' } },
      response: { ref: 'body.id' },
    })),
    campaigns: [{ id: '~code', state: 'running', channel: 'sms', providers: ['first', 'second'], body: 'hello' }],
  });
  while ((await nodes[1].call('GET', `/v1/campaigns/~code?account=${ACCOUNT}`)).status !== 200) await sleep(20);
});
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await Promise.all([first!.takeAway(), second!.takeAway()]);
  await postgres.close();
});

function loadOnBoth(name: string): Load {
  const bodyOf = (index: number, txnId: string) => {
    return { campaignIds: ['~code'], mode: 'all', userId: `user-${index}`, phone: '+919876543210', txnId };
  };
  const urls = nodes.map(({ url }) => url);
  const urlOf = (index: number) => urls[index % urls.length]!;
  return new Load({ name, ratePerS: RATE_PER_S, key: 'operator', path: PATH, urlOf, bodyOf });
}

const countAt = ({ arrivals }: TwinVendor) => arrivals.size;
const circuitAt = async (node: Carom) => {
  const { body } = await node.call('GET', `/v1/providers/first?account=${ACCOUNT}`);
  return body.health.state as string;
};

/** Everything that was accepted was taken, by one provider; where two have it, its answer had been lost before. */
async function proveOneEach(load: Load): Promise<{ transactions: number; doubled: number; moved: number }> {
  const accepted = load.withStatus(200, 202).map(({ txnId }) => txnId);
  let [doubled, moved] = [0, 0];
  for (const [txnId, view] of await viewsOf(nodes[1], accepted)) {
    const [message] = view!.legs[0]!.messages;
    const takers = [first!, second!].filter(({ arrivals }) => arrivals.has(message!.id)).map(({ id }) => id);
    const story = `${txnId}: ${JSON.stringify(view, null, 1)}`;
    assert.equal(message!.state, 'accepted', story);
    assert.ok(takers.includes(message!.provider!), story);
    if (takers.length > 1) doubled++;
    if (takers.length > 1) assert.ok(wasLost(view!), story);
    if (view!.timeline.some(({ what }) => what === 'message.failover')) moved++;
  }
  return { transactions: accepted.length, doubled, moved };
}

const wasLost = ({ timeline }: TransactionView) =>
  timeline.some(({ what, detail }) => what === 'message.unknown' || /died/.test(detail ?? ''));

test('a provider goes away under load and comes back: the other one has its messages meanwhile', async (t) => {
  const load = loadOnBoth('away');
  t.after(() => load.stop());
  await load.accepted(STRETCH);
  assert.equal(countAt(second!), 0);
  await first!.takeAway();
  const goneAt = Date.now();
  await eventually(
    async () => countAt(second!),
    (count) => count > 0,
  );
  const [firstAt] = [...second!.arrivals.values()].flat();
  await load.accepted(2 * STRETCH);
  for (const node of nodes)
    await eventually(
      () => circuitAt(node),
      (state) => state !== 'closed',
    );
  await first!.bringBack();
  const before = countAt(first!);
  for (const node of nodes)
    await eventually(
      () => circuitAt(node),
      (state) => state === 'closed',
    );
  await load.accepted(load.withStatus(202).length + STRETCH);
  await load.stop();
  await allEnded(nodes[0], REST_MAX_MS);
  assert.ok(countAt(first!) > before + STRETCH / 2, 'it is used again');
  assert.equal(load.withStatus(202).length, load.outcomes.size);
  const { transactions, doubled, moved } = await proveOneEach(load);
  const failoverMs = firstAt! - goneAt;
  t.diagnostic(
    `${transactions} transactions, ${moved} moved on, the first ${failoverMs} ms after the provider had gone; ` +
      `${doubled} were unknown at it, and are with both`,
  );
  assert.ok(failoverMs < FIRST_FAILOVER_MAX_MS, `${failoverMs} ms`);
});

test('a node is killed meanwhile: nothing is lost, and only what was unknown may be with both', async (t) => {
  const load = loadOnBoth('killed');
  t.after(() => load.stop());
  await load.accepted(STRETCH);
  await first!.takeAway();
  await load.accepted(STRETCH + 20);
  await nodes[0].kill('SIGKILL');
  await load.accepted(2 * STRETCH);
  await load.stop();
  await load.repeatTheRest(nodes[1].url);
  await allEnded(nodes[1], REST_MAX_MS);
  const { transactions, doubled, moved } = await proveOneEach(load);
  t.diagnostic(`${transactions} transactions, ${moved} moved on, ${doubled} were unknown and are with both`);
});
