/** A batch whose node is killed in the middle of it goes on: each recipient has exactly one transaction and one message. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { times } from '../support/acceptance.ts';
import { eventually } from '../support/carom.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';
import { startMortalCarom } from '../support/mortal-carom.ts';
import type { MortalCarom } from '../support/mortal-carom.ts';

const RECIPIENTS = 6_000;
/** Calls that the vendor has got when the node is killed: each time in the middle of other pages. */
const KILLS_AFTER = [200, 1_500, 4_000];
const ACCOUNT = 'account=shop';
/** What a dead node had claimed is claimed again after 10 s. */
const ENDED_MS = 60_000;

let mortal: MortalCarom;
let vendor: HttpVendor;
before(async () => {
  [mortal, vendor] = await Promise.all([startMortalCarom(), startVendor()]);
});
after(async () => {
  await vendor.close();
  await mortal.close();
});

test('kill -9 in the middle of a batch, three times: nobody is forgotten, nobody has two messages', async (t) => {
  const idsByTxn = new Map<string, Set<string>>();
  vendor.answering = (response, call) => {
    const { id, txn } = JSON.parse(call.body) as { id: string; txn: string };
    idsByTxn.set(txn, (idsByTxn.get(txn) ?? new Set()).add(id));
    json(200, { id })(response, call);
  };
  await mortal.carom.apply({
    account: 'shop',
    providers: [
      {
        id: 'sms',
        channel: 'sms',
        type: 'http',
        request: {
          url: `${vendor.url}/send`,
          json: {
            id: '{{ message_id }}',
            txn: '{{ txn_id }}',
          },
        },
      },
    ],
    campaigns: [{ id: '~sms', state: 'running', channel: 'sms', provider: 'sms', body: 'hello {{ n }}' }],
  });
  const recipients = times(RECIPIENTS, (n) => ({ userId: `u-${n}`, phone: '+919876543210', params: { n } }));
  const body = { campaignIds: ['~sms'], recipients };
  const accepted = await mortal.carom.call('POST', `/v1/batches?${ACCOUNT}`, { body });
  assert.equal(accepted.status, 202);
  const { id } = accepted.body;
  for (const calls of KILLS_AFTER) {
    await vendor.call(calls);
    await mortal.killAndRestart();
  }
  const view = await eventually(
    async () => (await mortal.carom.call('GET', `/v1/batches/${id}?${ACCOUNT}&limit=1`)).body,
    ({ endedAt }) => endedAt !== null,
    ENDED_MS,
  );
  assert.equal(view.state, 'ended');
  assert.deepEqual([view.counts.completed, view.counts.refused, view.counts.waiting], [RECIPIENTS, 0, 0]);
  assert.equal(idsByTxn.size, RECIPIENTS);
  for (const n of times(RECIPIENTS, Number)) {
    assert.equal(idsByTxn.get(`${id}:${n}`)?.size, 1, `the messages of recipient ${n}`);
  }
  t.diagnostic(
    `${vendor.calls.length - RECIPIENTS} of ${vendor.calls.length} calls were repeated, under the same message id`,
  );
});
