/** Semantics §2, silence and what comes late: how long a chain waits for receipts, and what those that come afterwards do. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { accept, fail, ignore, openChain, refuse, states } from '../support/chain.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
/** A vendor given up after a time that a test can wait for, and that a busy machine does not take to answer. */
const IMPATIENT = { request: { timeout: '1s' } };

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

describe('semantics §2', { concurrency: true }, () => {
  describe('the rows of silence', { concurrency: true }, () => {
    const soon = { campaign: { receiptTimeout: '300ms' } };

    test('all: unconfirmed at the receiptTimeout, the transaction stays completed', async (t) => {
      const chain = await openChain(t, carom, { a: soon, b: {} });
      const id = await chain.trigger(ALL);
      assert.equal((await chain.ended(id)).state, 'completed');
      const view = await chain.untilLeg(id, 0, 'unconfirmed');
      assert.equal(view.state, 'completed');
      assert.equal(states(view), 'unconfirmed accepted');
    });

    test('attempt mode: –', async (t) => {
      const chain = await openChain(t, carom, { a: soon, b: {} });
      const view = await chain.ended(await chain.trigger(ATTEMPT));
      assert.equal(view.state, 'succeeded');
      assert.equal(states(view), 'accepted skipped:chain_succeeded');
    });

    test('delivery mode: unconfirmed, next leg now; the last leg silent: unconfirmed', async (t) => {
      const chain = await openChain(t, carom, { a: soon, b: soon });
      const view = await chain.ended(await chain.trigger(DELIVERY));
      assert.equal(view.state, 'unconfirmed');
      assert.equal(states(view), 'unconfirmed unconfirmed');
      const [a, b] = chain.handovers;
      assert.ok(b!.at - a!.at >= 295, `${b!.at - a!.at} ms`);
    });

    test('delivery mode: a SENT receipt does not extend the receiptTimeout', async (t) => {
      const chain = await openChain(t, carom, { a: soon, b: {} });
      const id = await chain.trigger(DELIVERY);
      await chain.report(await chain.handover('a'), 'sent');
      await chain.handover('b');
      assert.equal((await chain.untilLeg(id, 1, 'accepted')).legs[0]!.state, 'unconfirmed');
    });

    test('delivery mode, no receiptTimeout: the receipt window ends the chain: unconfirmed', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      await carom.apply({ ...chain.manifest(), receiptWindow: '1s' });
      const view = await chain.ended(await chain.trigger(DELIVERY));
      assert.equal(view.state, 'unconfirmed');
      assert.equal(states(view), 'unconfirmed skipped:ttl_expired');
      assert.equal(chain.called, 'a');
    });

    test('receipts: none: unconfirmed on acceptance, the chain moves on', async (t) => {
      const mute = { provider: { receipts: 'none' } };
      const chain = await openChain(t, carom, { a: mute, b: mute });
      const view = await chain.ended(await chain.trigger(DELIVERY));
      assert.equal(view.state, 'unconfirmed');
      assert.equal(states(view), 'unconfirmed unconfirmed');
      assert.equal(chain.called, 'a b');
    });

    test('receipts: none: the chain moves on after receiptTimeout, where there is one', async (t) => {
      const chain = await openChain(t, carom, { a: { provider: { receipts: 'none' }, ...soon }, b: {} });
      const id = await chain.trigger(DELIVERY);
      const b = await chain.handover('b');
      assert.ok(b.at - chain.handovers[0]!.at >= 295, `${b.at - chain.handovers[0]!.at} ms`);
      await chain.report(b, 'delivered');
      assert.equal(states(await chain.ended(id)), 'unconfirmed delivered');
    });

    test('receipts: none changes nothing in attempt mode', async (t) => {
      const chain = await openChain(t, carom, { a: { provider: { receipts: 'none' } }, b: {} });
      const view = await chain.ended(await chain.trigger(ATTEMPT));
      assert.equal(states(view), 'accepted skipped:chain_succeeded');
    });
  });

  describe('order and late receipts', { concurrency: true }, () => {
    test('campaign order is exactly the request’s', async (t) => {
      const legs = Object.fromEntries(['d', 'a', 'e', 'c', 'b'].map((leg) => [leg, { answers: [refuse] }]));
      const chain = await openChain(t, carom, legs);
      const campaignIds = ['~c', '~e', '~a', '~d', '~b'];
      const view = await chain.ended(await chain.trigger(DELIVERY, { campaignIds }));
      assert.equal(chain.called, 'c e a d b');
      assert.deepEqual(
        view.legs.map(({ campaignId }) => campaignId),
        campaignIds,
      );
    });

    test('the same campaign twice is a 400', async (t) => {
      const chain = await openChain(t, carom, { a: {} });
      assert.equal((await chain.post({ mode: DELIVERY, campaignIds: ['~a', '~a'] })).status, 400);
      assert.equal(chain.handovers.length, 0);
    });

    test('a positive receipt for any triggered leg stops the chain; that message is late; nothing further is sent', async (t) => {
      const chain = await openChain(t, carom, { a: { campaign: { receiptTimeout: '100ms' } }, b: {}, c: {} });
      const id = await chain.trigger(DELIVERY);
      const b = await chain.handover('b');
      await chain.untilLeg(id, 1, 'accepted');
      await chain.report(await chain.handover('a'), 'delivered');
      const view = await chain.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(view.late, false);
      assert.equal(states(view), 'delivered accepted skipped:chain_succeeded');
      assert.equal(view.legs[0]!.messages[0]!.late, true);
      assert.equal(view.legs[1]!.messages[0]!.late, false);
      // What would start the next leg in a chain that still runs.
      await chain.report(b, 'undelivered');
      assert.equal(states(await chain.untilLeg(id, 1, 'undelivered')), 'delivered undelivered skipped:chain_succeeded');
      assert.equal(chain.called, 'a b');
    });

    test('a retry that waits is called off by the late receipt of an earlier leg', async (t) => {
      const slow = { attempts: 4, backoff: '700ms' };
      const chain = await openChain(t, carom, {
        a: { ...IMPATIENT, answers: [ignore] },
        b: { answers: [fail], campaign: { retry: slow } },
      });
      const id = await chain.trigger(DELIVERY);
      await chain.untilLeg(id, 1, 'queued');
      await chain.report(await chain.handover('a'), 'delivered');
      const view = await chain.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(states(view), 'delivered rejected');
      // The time of the retry passes, seen by another transaction whose retry is due later.
      const later = await openChain(t, carom, { a: { answers: [fail, accept], campaign: { retry: slow } } });
      await later.ended(await later.trigger(ATTEMPT));
      assert.equal(chain.called, 'a b');
    });

    const ends = {
      failed: { answers: [refuse], campaign: {} },
      unconfirmed: { answers: [accept], campaign: { receiptTimeout: '50ms' } },
    };
    for (const [end, last] of Object.entries(ends)) {
      test(`a positive receipt after ${end}: succeeded, late: true`, async (t) => {
        const chain = await openChain(t, carom, { a: { campaign: { receiptTimeout: '50ms' } }, b: last });
        const id = await chain.trigger(DELIVERY);
        assert.equal((await chain.ended(id)).state, end);
        await chain.report(await chain.handover('a'), 'read');
        const view = await chain.until(id, ({ state }) => state !== end);
        assert.equal(view.state, 'succeeded');
        assert.equal(view.late, true);
        assert.equal(view.legs[0]!.messages[0]!.late, true);
      });
    }

    test('a positive receipt after expired: succeeded, late: true', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(DELIVERY, { ttl: 1 });
      assert.equal((await chain.ended(id)).state, 'expired');
      await chain.report(await chain.handover('a'), 'delivered');
      const view = await chain.until(id, ({ state }) => state !== 'expired');
      assert.equal(view.state, 'succeeded');
      assert.equal(view.late, true);
      assert.equal(states(view), 'delivered skipped:ttl_expired');
      assert.equal(chain.called, 'a');
    });

    test('a positive receipt after cancelled is recorded, late; the transaction stays cancelled', async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(DELIVERY);
      const handover = await chain.handover('a');
      await chain.untilLeg(id, 0, 'accepted');
      const answer = await carom.call('POST', `/v1/transactions/${id}/cancel?account=${chain.account}`);
      assert.equal(answer.status, 200);
      await chain.report(handover, 'delivered');
      const view = await chain.untilLeg(id, 0, 'delivered');
      assert.equal(view.state, 'cancelled');
      assert.equal(view.legs[0]!.messages[0]!.late, true);
      assert.equal(states(view), 'delivered skipped:cancelled');
    });
  });
});
