/** Semantics §2, row by row, against vendors that really are called: what starts the next leg at once, and what ends a chain. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { accept, held, openChain, refuse, states } from '../support/chain.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

describe('semantics §2', { concurrency: true }, () => {
  describe('row "the provider accepted"', { concurrency: true }, () => {
    test('all: every leg starts at once, each is recorded, completed', async (t) => {
      const first = held();
      const chain = await openChain(t, carom, { a: { answers: [first.answering] }, b: {}, c: {} });
      const id = await chain.trigger(ALL);
      await Promise.all(['a', 'b', 'c'].map((leg) => chain.handover(leg)));
      await first.give(accept);
      const view = await chain.ended(id);
      assert.equal(view.state, 'completed');
      assert.equal(states(view), 'accepted accepted accepted');
    });

    test('attempt mode: succeeded, later legs skipped: chain_succeeded', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {}, c: {} });
      const view = await chain.ended(await chain.trigger(ATTEMPT));
      assert.equal(view.state, 'succeeded');
      assert.equal(states(view), 'accepted skipped:chain_succeeded skipped:chain_succeeded');
      assert.equal(chain.called, 'a');
    });

    test('delivery mode: ACCEPTED and SENT are not success', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(DELIVERY);
      const sent = await chain.handover('a');
      assert.equal((await chain.untilLeg(id, 0, 'accepted')).state, 'running');
      await chain.report(sent, 'sent');
      assert.equal((await chain.untilLeg(id, 0, 'sent')).state, 'running');
      await chain.report(sent, 'delivered');
      const view = await chain.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(view.late, false);
      assert.equal(states(view), 'delivered skipped:chain_succeeded');
      assert.equal(chain.called, 'a');
    });
  });

  describe('row "refused for good"', { concurrency: true }, () => {
    test('all: rejected, others unaffected, not tried again', async (t) => {
      const chain = await openChain(t, carom, { a: { answers: [refuse] }, b: {} });
      const view = await chain.ended(await chain.trigger(ALL));
      assert.equal(view.state, 'completed');
      assert.equal(states(view), 'rejected accepted');
      assert.match(view.legs[0]!.messages[0]!.reason!, /^bad number/);
      assert.equal(chain.handovers.length, 2);
    });

    for (const mode of [ATTEMPT, DELIVERY]) {
      test(`${mode}: next leg now`, async (t) => {
        const chain = await openChain(t, carom, { a: { answers: [refuse] }, b: {} });
        const id = await chain.trigger(mode);
        await chain.report(await chain.handover('b'), 'delivered');
        const view = await chain.ended(id);
        assert.equal(view.state, 'succeeded');
        assert.equal(states(view), 'rejected delivered');
        assert.equal(chain.called, 'a b');
      });

      test(`${mode}: the last leg ended badly: failed, and nothing was retried`, async (t) => {
        const chain = await openChain(t, carom, { a: { answers: [refuse] }, b: { answers: [refuse] } });
        const view = await chain.ended(await chain.trigger(mode));
        assert.equal(view.state, 'failed');
        assert.equal(states(view), 'rejected rejected');
        assert.equal(chain.called, 'a b');
      });
    }

    test('delivery mode: an address that cannot be a phone number is refused without a call', async (t) => {
      const chain = await openChain(t, carom, { a: {} });
      const view = await chain.ended(await chain.trigger(DELIVERY, { phone: '12' }));
      assert.equal(view.state, 'failed');
      assert.equal(view.legs[0]!.reason, 'invalid_address');
      assert.equal(chain.handovers.length, 0);
    });
  });

  describe('row "no usable address, opted out, campaign not running"', { concurrency: true }, () => {
    const email = { provider: { channel: 'email' }, campaign: { channel: 'email', subject: 'hello' } };

    test('all: skipped: no_address, others unaffected', async (t) => {
      const chain = await openChain(t, carom, { a: email, b: {} });
      const view = await chain.ended(await chain.trigger(ALL, { userId: 'nobody' }));
      assert.equal(view.state, 'completed');
      assert.equal(states(view), 'skipped:no_address accepted');
    });

    for (const mode of [ATTEMPT, DELIVERY]) {
      test(`${mode}: skipped: no_address, next leg now`, async (t) => {
        const chain = await openChain(t, carom, { a: email, b: {} });
        const id = await chain.trigger(mode, { userId: 'nobody' });
        await chain.report(await chain.handover('b'), 'delivered');
        const view = await chain.ended(id);
        assert.equal(view.state, 'succeeded');
        assert.equal(states(view), 'skipped:no_address delivered');
        assert.equal(chain.called, 'b');
      });

      test(`${mode}: no leg has an address: failed`, async (t) => {
        const chain = await openChain(t, carom, { a: {}, b: email });
        const view = await chain.ended(await chain.trigger(mode, { userId: 'nobody', phone: undefined }));
        assert.equal(view.state, 'failed');
        assert.equal(states(view), 'skipped:no_address skipped:no_address');
      });

      test(`${mode}: skipped: opted_out, next leg now`, async (t) => {
        const chain = await openChain(t, carom, { a: {}, b: email });
        const profile = { userId: 'shy', email: 'ana@shop.example', smsOptIn: false };
        assert.equal((await carom.call('POST', `/v1/accounts/${chain.account}/users`, { body: profile })).status, 200);
        const id = await chain.trigger(mode, { userId: 'shy' });
        const handover = await chain.handover('b');
        assert.equal(handover.to, 'ana@shop.example');
        await chain.report(handover, 'delivered');
        assert.equal(states(await chain.ended(id)), 'skipped:opted_out delivered');
      });

      test(`${mode}: a campaign paused before its turn: skipped: campaign_not_running, next leg now`, async (t) => {
        const first = held();
        const chain = await openChain(t, carom, { a: { answers: [first.answering] }, b: {}, c: {} });
        const id = await chain.trigger(mode);
        await chain.tell('b', 'pause');
        await first.give(refuse);
        await chain.report(await chain.handover('c'), 'delivered');
        const view = await chain.ended(id);
        assert.equal(view.state, 'succeeded');
        assert.equal(states(view), 'rejected skipped:campaign_not_running delivered');
        assert.equal(chain.called, 'a c');
      });
    }

    test('all: a campaign ended before its turn: skipped: campaign_not_running, others unaffected', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(ALL, { startAt: new Date(Date.now() + 800).toISOString() });
      await chain.tell('a', 'end');
      const view = await chain.ended(id);
      assert.equal(view.state, 'completed');
      assert.equal(states(view), 'skipped:campaign_not_running accepted');
    });
  });

  describe('the rows of receipts', { concurrency: true }, () => {
    for (const status of ['delivered', 'read']) {
      test(`all: ${status} is recorded, also after completed`, async (t) => {
        const chain = await openChain(t, carom, { a: {}, b: {} });
        const id = await chain.trigger(ALL);
        assert.equal((await chain.ended(id)).state, 'completed');
        await chain.report(await chain.handover('a'), status);
        const view = await chain.untilLeg(id, 0, status);
        assert.equal(view.state, 'completed');
        assert.equal(states(view), `${status} accepted`);
      });

      test(`attempt mode: ${status} is recorded`, async (t) => {
        const chain = await openChain(t, carom, { a: {}, b: {} });
        const id = await chain.trigger(ATTEMPT);
        await chain.ended(id);
        await chain.report(await chain.handover('a'), status);
        const view = await chain.untilLeg(id, 0, status);
        assert.equal(view.state, 'succeeded');
        assert.equal(view.late, false);
      });

      test(`delivery mode: ${status}: succeeded, pending legs skipped: chain_succeeded`, async (t) => {
        const chain = await openChain(t, carom, { a: {}, b: {}, c: {} });
        const id = await chain.trigger(DELIVERY);
        await chain.report(await chain.handover('a'), status);
        const view = await chain.ended(id);
        assert.equal(view.state, 'succeeded');
        assert.equal(states(view), `${status} skipped:chain_succeeded skipped:chain_succeeded`);
      });
    }

    test('undelivered: recorded in all', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(ALL);
      await chain.ended(id);
      await chain.report(await chain.handover('a'), 'undelivered', { reason: 'absent subscriber' });
      const view = await chain.untilLeg(id, 0, 'undelivered');
      assert.equal(view.legs[0]!.reason, 'absent subscriber');
      assert.equal(view.state, 'completed');
    });

    test('undelivered, attempt mode: recorded, the chain has already stopped', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(ATTEMPT);
      await chain.ended(id);
      await chain.report(await chain.handover('a'), 'undelivered');
      const view = await chain.untilLeg(id, 0, 'undelivered');
      assert.equal(view.state, 'succeeded');
      assert.equal(states(view), 'undelivered skipped:chain_succeeded');
      assert.equal(chain.called, 'a');
    });

    test('undelivered, delivery mode: next leg now', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(DELIVERY);
      await chain.report(await chain.handover('a'), 'undelivered');
      await chain.report(await chain.handover('b'), 'undelivered');
      const view = await chain.ended(id);
      assert.equal(view.state, 'failed');
      assert.equal(states(view), 'undelivered undelivered');
      assert.equal(chain.called, 'a b');
    });

    test('the sandbox plays the same: undelivered WhatsApp, then SMS arrives', async (t) => {
      const sandbox = { type: 'sandbox', request: undefined, response: undefined, receipt: undefined };
      const chain = await openChain(t, carom, {
        a: { provider: { ...sandbox, channel: 'whatsapp', behave: 'undelivered' }, campaign: { channel: 'whatsapp' } },
        b: { provider: sandbox },
      });
      const view = await chain.ended(await chain.trigger(DELIVERY));
      assert.equal(view.state, 'succeeded');
      assert.equal(states(view), 'undelivered delivered');
    });
  });
});
