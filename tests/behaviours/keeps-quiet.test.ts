/** Semantics §8: nobody is woken up, and nobody is written to who did not agree. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { openChain, states } from '../support/chain.ts';
import type { Chain, LegSetup } from '../support/chain.ts';

const DELIVERY = 'fallback_on_delivery_failure';
const DAY_MIN = 24 * 60;
const MAIL: LegSetup = { provider: { channel: 'email' }, campaign: { channel: 'email', subject: 'Hello' } };

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** Four hours around this very moment, by the clock of UTC. */
function nightNow(): { from: string; to: string } {
  const minute = Math.floor(Date.now() / 60_000) % DAY_MIN;
  const text = (at: number) => {
    const of = (at + DAY_MIN) % DAY_MIN;
    return [Math.floor(of / 60), of % 60].map((number) => String(number).padStart(2, '0')).join(':');
  };
  return { from: text(minute - 120), to: text(minute + 120) };
}

async function settle(chain: Chain, rules: object): Promise<void> {
  await carom.apply({ account: chain.account, ...rules });
}

async function profile(chain: Chain, userId: string, fields: object): Promise<void> {
  const answer = await carom.call('PUT', `/v1/profiles/${userId}?account=${chain.account}`, { body: fields });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

async function outcome(chain: Chain, changes: object = {}): Promise<string> {
  return states(await chain.ended(await chain.trigger('all', changes)));
}

describe('quiet hours', { concurrency: true }, () => {
  test('in the night a leg is skipped, and the next one starts at once', async (t) => {
    const chain = await openChain(t, carom, { sms: {}, mail: MAIL });
    await settle(chain, { quietHours: { ...nightNow(), channels: ['sms', 'voice'] } });
    const id = await chain.trigger(DELIVERY, { email: 'ana@shop.example' });
    await chain.report(await chain.handover('mail'), 'delivered');
    assert.equal(states(await chain.ended(id)), 'skipped:quiet_hours delivered');
    assert.equal(chain.called, 'mail');
  });

  test('the clock on the user’s wall counts; then the account’s, then UTC', async (t) => {
    const chain = await openChain(t, carom, { sms: {} });
    await settle(chain, { quietHours: nightNow() });
    // It is night in UTC, and day six hours east of it.
    await profile(chain, 'east', { timeZone: '+06:00' });
    await profile(chain, 'lost', { timeZone: 'Atlantis/Poseidonis' });
    assert.equal(await outcome(chain, { userId: 'east' }), 'accepted');
    assert.equal(await outcome(chain, { userId: 'nobody' }), 'skipped:quiet_hours');
    assert.equal(await outcome(chain, { userId: 'lost' }), 'skipped:quiet_hours');
    await settle(chain, { timeZone: '+06:00' });
    assert.equal(await outcome(chain, { userId: 'nobody' }), 'accepted');
    assert.equal(await outcome(chain, { userId: 'lost' }), 'accepted');
    await profile(chain, 'west', { timeZone: 'Etc/UTC' });
    assert.equal(await outcome(chain, { userId: 'west' }), 'skipped:quiet_hours');
    await settle(chain, { quietHours: null });
    assert.equal(await outcome(chain, { userId: 'west' }), 'accepted');
  });

  test('what is critical does not wait for the morning', async (t) => {
    const chain = await openChain(t, carom, { sms: {}, code: { campaign: { critical: true } } });
    await settle(chain, { quietHours: nightNow() });
    assert.equal(await outcome(chain), 'skipped:quiet_hours accepted');
  });

  test('a dry run says so', async (t) => {
    const chain = await openChain(t, carom, { sms: {} });
    await settle(chain, { quietHours: nightNow() });
    const body = { campaignIds: ['~sms'], mode: 'all', userId: 'ana', phone: '+919876543210' };
    const dry = await carom.call('POST', `/v1/transactions?account=${chain.account}&dryRun=true`, { body });
    assert.match(JSON.stringify(dry.body.legs), /"quiet_hours"/);
  });
});

describe('consent', { concurrency: true }, () => {
  test('opt_in wants a yes, opt_out no no; nothing makes up for a no', async (t) => {
    const chain = await openChain(t, carom, { sms: { campaign: { critical: true } }, mail: MAIL });
    await settle(chain, { consent: { sms: 'opt_in' } });
    const email = 'ana@shop.example';
    await profile(chain, 'yes', { email, consents: { sms: true, email: true } });
    await profile(chain, 'silent', { email });
    await profile(chain, 'no', { email, consents: { sms: false, email: false } });
    assert.equal(await outcome(chain, { userId: 'yes' }), 'accepted accepted');
    assert.equal(await outcome(chain, { userId: 'silent' }), 'skipped:opted_out accepted');
    assert.equal(await outcome(chain, { userId: 'no' }), 'skipped:opted_out skipped:opted_out');
    assert.equal(await outcome(chain, { userId: 'unknown', email }), 'skipped:opted_out accepted');
    await settle(chain, { consent: {} });
    assert.equal(await outcome(chain, { userId: 'silent' }), 'accepted accepted');
    assert.equal(await outcome(chain, { userId: 'no' }), 'skipped:opted_out skipped:opted_out');
  });
});
