/** Calls of webhooks survive `kill -9`: what was decided is told, at least once, under one id, and nothing that did not happen. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { eventually } from '../support/carom.ts';
import { Load } from '../support/load.ts';
import { ACCOUNT, PATH, allEnded, orderOf, startCrashVendor, viewsOf } from '../support/crash-scene.ts';
import type { CrashVendor } from '../support/crash-scene.ts';
import { json } from '../support/http-vendor.ts';
import { startMortalCarom } from '../support/mortal-carom.ts';
import type { MortalCarom } from '../support/mortal-carom.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Receiver } from '../support/webhook-receiver.ts';

const KILLS = 2;
const RATE_PER_S = 100;
const BETWEEN_KILLS = 100;
/** A claim of the dead node ends after 30 s, twice for what the next one had claimed; what the receiver refused comes again after 5 s. */
const TOLD_MAX_MS = 85_000;
const RECOVERY_MAX_MS = 20_000;

let mortal: MortalCarom;
let vendor: CrashVendor;
let receiver: Receiver;
before(async () => {
  mortal = await startMortalCarom();
  vendor = await startCrashVendor(() => mortal.carom.url);
  receiver = await startReceiver();
});
after(async () => {
  await vendor.close();
  await receiver.vendor.close();
  await mortal.close();
});

test('kill -9 under load: every event is told, each under one id, and none that did not happen', async (t) => {
  const events = ['message.sent', 'message.delivered', 'message.failed', 'transaction.ended'];
  const webhook = { id: 'crm', url: receiver.urlOf('crm'), events, auth: { type: 'none' } };
  await mortal.carom.apply({ ...vendor.manifest(), privateNetwork: 'allow', webhooks: [webhook] });
  // Some calls are slow, so that a few are under way whenever a node dies; some are refused once. Which ones, no moment says:
  // were those of one moment refused together, the receiver would be taken for dead, and left alone for a minute.
  const refused = new Set<string>();
  receiver.vendor.answering = (response, call) => {
    const id = String(call.headers['webhook-id']);
    const [one, two] = createHash('sha1').update(id).digest();
    const isRefused = one! % 16 === 0 && !refused.has(id);
    refused.add(id);
    setTimeout(() => response.destroyed || json(isRefused ? 503 : 200, {})(response, call), two! % 30);
  };
  const load = new Load({
    name: 'order',
    ratePerS: RATE_PER_S,
    key: mortal.carom.adminKey,
    path: PATH,
    urlOf: () => mortal.carom.url,
    bodyOf: orderOf,
  });
  t.after(() => load.stop());
  for (let kill = 1; kill <= KILLS; kill++) {
    await load.accepted(kill * BETWEEN_KILLS);
    await mortal.carom.kill('SIGKILL');
    await load.pausedFor(mortal.restart());
  }
  await load.accepted((KILLS + 1) * BETWEEN_KILLS);
  await load.stop();
  await load.repeatTheRest(mortal.carom.url);
  await allEnded(mortal.carom, RECOVERY_MAX_MS);
  const endedAt = Date.now();

  const wanted = await wantedIds([...load.outcomes.keys()]);
  await eventually(
    async () => told(),
    (ids) => [...wanted].every((id) => ids.has(id)),
    TOLD_MAX_MS,
  );
  assert.deepEqual(
    [...told()].filter((id) => !wanted.has(id)),
    [],
    'these did not happen',
  );
  const lastMs = Date.now() - endedAt;
  t.diagnostic(
    `${wanted.size} events, ${receiver.vendor.calls.length} calls; the last was told ${lastMs} ms after the last end`,
  );
});

function told(): Set<string> {
  return new Set(receiver.vendor.calls.map(({ headers }) => String(headers['webhook-id'])));
}

/** What should have been told, by what the API shows of each transaction. */
async function wantedIds(txnIds: string[]): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const view of (await viewsOf(mortal.carom, txnIds)).values()) {
    if (!view) continue;
    assert.equal(view.state, 'succeeded');
    ids.add(`${view.id}_ended${view.late ? '_late' : ''}`);
    if (view.late) ids.add(`${view.id}_ended`);
    for (const { id, acceptedAt, deliveredAt, readAt, state } of view.legs.flatMap(({ messages }) => messages)) {
      if (acceptedAt !== null) ids.add(`${id}_sent`);
      if (deliveredAt !== null || readAt !== null) ids.add(`${id}_delivered`);
      if (['rejected', 'undelivered', 'unconfirmed'].includes(state)) ids.add(`${id}_failed`);
    }
  }
  assert.ok(ids.size > 0, ACCOUNT);
  return ids;
}
