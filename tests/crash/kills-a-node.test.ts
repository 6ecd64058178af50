/** Semantics §10: what was answered with success survives `kill -9`, and completes; at least once, under one message id. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ACCOUNT,
  PATH,
  allEnded,
  lastRescueAt,
  orderOf,
  proveNothingLost,
  startCrashVendor,
} from '../support/crash-scene.ts';
import type { CrashVendor } from '../support/crash-scene.ts';
import { Load } from '../support/load.ts';
import { startMortalCarom } from '../support/mortal-carom.ts';
import type { MortalCarom } from '../support/mortal-carom.ts';

const KILLS = 3;
const RATE_PER_S = 200;
/** Requests accepted between two kills: about a second of load. */
const BETWEEN_KILLS = 200;
/** A dead node is noticed within 10 s. */
const NOTICED_MAX_MS = 10_000;
/** Then its messages go out, and their receipts come in. */
const RECOVERY_MAX_MS = 20_000;

let mortal: MortalCarom;
let vendor: CrashVendor;
before(async () => {
  mortal = await startMortalCarom();
  vendor = await startCrashVendor(() => mortal.carom.url);
});
after(async () => {
  await vendor.close();
  await mortal.close();
});

test('semantics §10: kill -9 under load: nothing is lost, nothing has two ids, events and profile updates once', async (t) => {
  await mortal.carom.apply(vendor.manifest());
  const key = mortal.carom.adminKey;
  const load = new Load({
    name: 'order',
    ratePerS: RATE_PER_S,
    key,
    path: PATH,
    urlOf: () => mortal.carom.url,
    bodyOf: orderOf,
  });
  t.after(() => load.stop());
  let killedAt = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    await load.accepted(kill * BETWEEN_KILLS);
    killedAt = Date.now();
    await mortal.carom.kill('SIGKILL');
    await load.pausedFor(mortal.restart());
    t.diagnostic(`kill ${kill}: serving again after ${Date.now() - killedAt} ms`);
  }
  await load.accepted((KILLS + 1) * BETWEEN_KILLS);
  await load.stop();
  const unanswered = [...load.outcomes.values()].filter(({ status }) => status !== 202);
  assert.deepEqual(
    unanswered.filter(({ status }) => status !== 0 && status !== 503),
    [],
  );
  await load.repeatTheRest(mortal.carom.url);
  await allEnded(mortal.carom, RECOVERY_MAX_MS);
  t.diagnostic(`everything had ended ${Date.now() - killedAt} ms after the last kill`);

  const proof = await proveNothingLost(mortal.carom, vendor, load);
  const rescuedAt = lastRescueAt(proof);
  assert.ok(rescuedAt !== null, 'no call was under way when the node died');
  const rescuedMs = rescuedAt - killedAt;
  t.diagnostic(`the last message that was interrupted was sent again ${rescuedMs} ms after the last kill`);
  assert.ok(rescuedMs < NOTICED_MAX_MS);
  assert.equal(proof.transactions, load.outcomes.size, 'repeated, every request is accepted in the end');
  t.diagnostic(
    `${proof.transactions} transactions (${unanswered.length} of them answered only when repeated), ` +
      `${proof.calls} vendor calls, ${proof.duplicates} duplicates under the same message id`,
  );
});

test('semantics §10: what the sandbox promised before the kill still comes', async () => {
  const provider = { id: 'sandbox', channel: 'sms', type: 'sandbox' };
  const campaign = { id: '~sandbox', state: 'running', channel: 'sms', provider: 'sandbox', body: 'hello' };
  await mortal.carom.apply({ account: ACCOUNT, providers: [provider], campaigns: [campaign] });
  const trigger = async (phone: string): Promise<string> => {
    const body = { campaignIds: ['~sandbox'], mode: 'fallback_on_delivery_failure', userId: 'ana', phone };
    const answer = await mortal.carom.call('POST', PATH, { body });
    assert.equal(answer.status, 202);
    return answer.body.id as string;
  };
  // …0005: its receipt comes 3 s later. The others are on their way when the node dies.
  const late = await trigger('+919876540005');
  await mortal.carom.transaction(ACCOUNT, late, ({ legs }) => legs[0].state === 'accepted');
  const others = await Promise.all(Array.from({ length: 20 }, () => trigger('+919876543210')));
  await mortal.killAndRestart();
  for (const id of [late, ...others]) assert.equal((await mortal.carom.ended(ACCOUNT, id)).state, 'succeeded');
});
