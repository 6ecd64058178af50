/** What an event starts is started once, also when the node is killed between the event and the start. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { times } from '../support/acceptance.ts';
import { startCarom } from '../support/carom.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';
import { startMortalCarom } from '../support/mortal-carom.ts';
import type { MortalCarom } from '../support/mortal-carom.ts';

const ACCOUNT = 'account=shop';
const CAMPAIGNS = ['~one', '~two'];
const AT_ONCE = 50;
/** Calls that the vendor has got when the node is killed. */
const KILLS_AFTER = [50, 400, 900];
/** What a dead node had claimed is claimed again after 10 s. */
const ENDED_MS = 60_000;

let mortal: MortalCarom;
let vendor: HttpVendor;
before(async () => {
  [mortal, vendor] = await Promise.all([startMortalCarom(), startVendor()]);
  const request = { url: `${vendor.url}/send`, json: { id: '{{ message_id }}', txn: '{{ txn_id }}' } };
  await mortal.carom.apply({
    account: 'shop',
    providers: [{ id: 'sms', channel: 'sms', type: 'http', request }],
    campaigns: CAMPAIGNS.map((id) => ({
      id,
      state: 'running',
      on: { event: 'paid' },
      channel: 'sms',
      provider: 'sms',
      body: 'hi',
    })),
  });
  const path = `/v1/profiles/ana?${ACCOUNT}`;
  await mortal.carom.call('PUT', path, { body: { phone: '+919876543210' } });
});
after(async () => {
  await vendor.close();
  await mortal.close();
});

/** The ids of the events whose tracking was answered; a killed node answers none. */
async function track(count: number): Promise<string[]> {
  const answers = await Promise.all(
    times(count, async () => {
      const body = { userId: 'ana', eventName: 'paid' };
      // The node was killed: nobody knows whether it was tracked.
      return mortal.carom.call('POST', `/v1/events?${ACCOUNT}`, { body }).catch(() => null);
    }),
  );
  return answers.flatMap((answer) => (answer?.status === 202 ? [answer.body.id as string] : []));
}

async function allEvents(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { body } = await mortal.carom.call('GET', `/v1/events?${ACCOUNT}&limit=200${page}`);
    ids.push(...body.data.map(({ id }: { id: string }) => id));
    cursor = body.next;
  } while (cursor !== null);
  return ids;
}

test('kill -9 between the event and its start: a node that cannot start anything tracks, another one starts', async () => {
  await mortal.carom.kill('SIGKILL');
  mortal.carom = await startCarom({ dataDir: mortal.dataDir, args: ['--role', 'api'] });
  const ids = await track(3);
  assert.equal(ids.length, 3);
  await mortal.killAndRestart();
  for (const id of ids)
    for (const campaign of CAMPAIGNS) await mortal.carom.ended('shop', `${id}:${campaign}`, ENDED_MS);
});

test('kill -9 in the middle of hundreds of events, three times: each has exactly one transaction for each campaign', async (t) => {
  const idsByTxn = new Map<string, Set<string>>();
  vendor.answering = (response, call) => {
    const { id, txn } = JSON.parse(call.body) as { id: string; txn: string };
    idsByTxn.set(txn, (idsByTxn.get(txn) ?? new Set()).add(id));
    json(200, { id })(response, call);
  };
  const before = await allEvents();
  const calls = vendor.calls.length;
  const answered: string[] = [];
  for (const kill of KILLS_AFTER) {
    while (vendor.calls.length - calls < kill) answered.push(...(await track(AT_ONCE)));
    const [first, second] = [track(AT_ONCE), track(AT_ONCE)];
    answered.push(...(await first));
    await mortal.carom.kill('SIGKILL');
    answered.push(...(await second));
    await mortal.restart();
  }
  const tracked = (await allEvents()).filter((id) => !before.includes(id));
  assert.ok(answered.every((id) => tracked.includes(id)));
  const wanted = tracked.flatMap((id) => CAMPAIGNS.map((campaign) => `${id}:${campaign}`));
  for (const txnId of wanted) await mortal.carom.ended('shop', txnId, ENDED_MS);
  assert.deepEqual([...idsByTxn.keys()].toSorted(), wanted.toSorted());
  for (const [txnId, ids] of idsByTxn) assert.equal(ids.size, 1, `the messages of ${txnId}`);
  const repeated = vendor.calls.length - calls - wanted.length;
  t.diagnostic(
    `${tracked.length} events, ${wanted.length} transactions, ${repeated} calls repeated under the same message id`,
  );
});
