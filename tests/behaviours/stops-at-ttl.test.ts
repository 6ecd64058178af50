/** Semantics §3 against vendors that really are called: what the deadline stops, and what it does not. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { accept, fail, held, ignore, openChain, refuse, states, throttle } from '../support/chain.ts';
import type { TransactionView } from '../support/chain.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
/** How late a timer may be on a busy machine. */
const LATE_MAX_MS = 1_000;

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** Milliseconds from the deadline to the end. */
function pastDeadline({ endedAt, expiresAt }: TransactionView): number {
  return Date.parse(endedAt!) - Date.parse(expiresAt!);
}

describe('semantics §3', { concurrency: true }, () => {
  test('no leg is triggered at or after the deadline: skipped: ttl_expired, expired', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {}, c: {} });
    const id = await chain.trigger(DELIVERY, { ttl: 1 });
    const handover = await chain.handover('a');
    const view = await chain.ended(id);
    assert.equal(view.state, 'expired');
    assert.equal(states(view), 'accepted skipped:ttl_expired skipped:ttl_expired');
    assert.equal(Date.parse(view.expiresAt!) - Date.parse(view.createdAt), 1_000);
    assert.ok(pastDeadline(view) >= 0 && pastDeadline(view) < LATE_MAX_MS, `${pastDeadline(view)} ms`);
    // What would start the next leg in a chain that still runs.
    await chain.report(handover, 'undelivered');
    const after = await chain.untilLeg(id, 0, 'undelivered');
    assert.equal(after.state, 'expired');
    assert.equal(chain.called, 'a');
  });

  test('the deadline is for the entire transaction, not for each leg', async (t) => {
    const soon = { campaign: { receiptTimeout: '2100ms' } };
    const chain = await openChain(t, carom, { a: soon, b: soon, c: soon });
    const view = await chain.ended(await chain.trigger(DELIVERY, { ttl: 3 }));
    assert.equal(view.state, 'expired');
    assert.equal(states(view), 'unconfirmed accepted skipped:ttl_expired');
    assert.equal(chain.called, 'a b');
  });

  for (const mode of [ATTEMPT, DELIVERY]) {
    test(`${mode}: a send under way is not interrupted; what it comes to is recorded`, async (t) => {
      const first = held();
      const chain = await openChain(t, carom, { a: { answers: [first.answering] }, b: {} });
      const id = await chain.trigger(mode, { ttl: 1 });
      const handover = await chain.handover('a');
      const expired = await chain.ended(id);
      assert.equal(expired.state, 'expired');
      assert.equal(states(expired), 'sending skipped:ttl_expired');
      await first.give(accept);
      const answered = await chain.untilLeg(id, 0, 'accepted');
      // A provider that merely accepts after the end revives nothing; a positive receipt does.
      assert.equal(answered.state, 'expired');
      await chain.report(handover, 'delivered');
      const landed = await chain.untilLeg(id, 0, 'delivered');
      assert.equal(landed.state, 'succeeded');
      assert.equal(landed.late, true);
      assert.equal(chain.called, 'a');
    });
  }

  test('once every leg has been triggered the deadline changes nothing: the last leg’s receipt decides', async (t) => {
    const chain = await openChain(t, carom, { a: { answers: [refuse] }, b: {} });
    const id = await chain.trigger(DELIVERY, { ttl: 1 });
    const handover = await chain.handover('b');
    // A transaction with the same TTL, accepted later, tells that the deadline has passed.
    const clock = await openChain(t, carom, { a: {}, b: {} });
    assert.equal((await clock.ended(await clock.trigger(DELIVERY, { ttl: 1 }))).state, 'expired');
    assert.equal((await chain.untilLeg(id, 1, 'accepted')).state, 'running');
    await chain.report(handover, 'delivered');
    const view = await chain.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(view.late, false);
    assert.ok(pastDeadline(view) >= 0);
  });

  test('once every leg has been triggered the deadline changes nothing: the last leg’s receiptTimeout decides', async (t) => {
    const chain = await openChain(t, carom, {
      a: { answers: [refuse] },
      b: { campaign: { receiptTimeout: '1500ms' } },
    });
    const view = await chain.ended(await chain.trigger(DELIVERY, { ttl: 1 }));
    assert.equal(view.state, 'unconfirmed');
    assert.equal(states(view), 'rejected unconfirmed');
    assert.ok(pastDeadline(view) >= 450, `${pastDeadline(view)} ms`);
  });

  for (const mode of [ALL, ATTEMPT, DELIVERY]) {
    test(`${mode}: no retry past the TTL: rejected at once when the next one would come after it`, async (t) => {
      const retry = { attempts: 4, backoff: ['300ms', '2s'] };
      const chain = await openChain(t, carom, { a: { answers: [fail], campaign: { retry } } });
      const view = await chain.ended(await chain.trigger(mode, { ttl: 1 }));
      assert.equal(view.state, mode === ALL ? 'completed' : 'failed');
      assert.equal(states(view), 'rejected');
      assert.equal(chain.called, 'a a');
      assert.ok(pastDeadline(view) < 0);
    });

    test(`${mode}: a lost answer is not sent again past the TTL`, async (t) => {
      const retry = { attempts: 4, backoff: '3s' };
      const chain = await openChain(t, carom, {
        a: { answers: [ignore], request: { timeout: '100ms' }, campaign: { retry } },
      });
      const view = await chain.ended(await chain.trigger(mode, { ttl: 1 }));
      assert.equal(view.state, mode === ALL ? 'completed' : 'failed');
      assert.equal(states(view), 'unknown');
      assert.equal(chain.called, 'a');
    });

    test(`${mode}: throttled waits end at the deadline: skipped: ttl_expired, expired`, async (t) => {
      const chain = await openChain(t, carom, { a: { answers: [throttle(3)] } });
      const view = await chain.ended(await chain.trigger(mode, { ttl: 1 }));
      assert.equal(view.state, 'expired');
      assert.equal(states(view), 'skipped:ttl_expired');
      assert.ok(pastDeadline(view) >= 0 && pastDeadline(view) < LATE_MAX_MS, `${pastDeadline(view)} ms`);
      assert.equal(chain.called, 'a');
    });
  }

  test('all: legs still queued at the deadline are skipped: ttl_expired; expired when the last one under way is answered', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [throttle(3)] }, b: { answers: [slow.answering] }, c: {} });
    const id = await chain.trigger(ALL, { ttl: 1 });
    const waiting = await chain.until(id, ({ legs }) => legs[0]!.state === 'skipped');
    assert.equal(waiting.state, 'running');
    assert.equal(states(waiting), 'skipped:ttl_expired sending accepted');
    await slow.give(accept);
    const view = await chain.ended(id);
    assert.equal(view.state, 'expired');
    assert.equal(states(view), 'skipped:ttl_expired accepted accepted');
  });

  test('all: with every leg attempted the TTL changes nothing', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: { answers: [refuse] } });
    const view = await chain.ended(await chain.trigger(ALL, { ttl: 1 }));
    assert.equal(view.state, 'completed');
  });

  test('from startAt when scheduled', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const startAt = new Date(Date.now() + 1_500).toISOString();
    const id = await chain.trigger(DELIVERY, { ttl: 1, startAt });
    const handover = await chain.handover('a');
    assert.ok(handover.at >= Date.parse(startAt) - 5, 'not before its time');
    const view = await chain.ended(id);
    assert.equal(view.state, 'expired');
    assert.equal(Date.parse(view.expiresAt!), Date.parse(startAt) + 1_000);
    assert.ok(pastDeadline(view) >= 0 && pastDeadline(view) < LATE_MAX_MS, `${pastDeadline(view)} ms`);
    assert.equal(chain.called, 'a');
  });

  test('a startAt in the past counts as now', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    const id = await chain.trigger(DELIVERY, { ttl: 60, startAt: new Date(Date.now() - 3_600_000).toISOString() });
    await chain.report(await chain.handover('a'), 'delivered');
    const view = await chain.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(Date.parse(view.expiresAt!) - Date.parse(view.createdAt), 60_000);
  });

  test('a machine that slept over startAt and TTL: nothing is sent, expired', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const asleep = await startCarom();
    t.after(() => asleep.stop());
    await asleep.apply(chain.manifest());
    const path = `/v1/transactions?account=${chain.account}`;
    const startAt = new Date(Date.now() + 500).toISOString();
    const body = { campaignIds: ['~a', '~b'], mode: DELIVERY, userId: 'ana', phone: '+919876543210', ttl: 1, startAt };
    const answer = await asleep.call('POST', path, { body });
    assert.equal(answer.body.state, 'scheduled');
    asleep.process.kill('SIGSTOP');
    // The rule is about time that passed unseen; nobody can signal it.
    await new Promise((resolve) => setTimeout(resolve, Date.parse(startAt) + 1_100 - Date.now()));
    asleep.process.kill('SIGCONT');
    const view = (await asleep.ended(chain.account, answer.body.id)) as TransactionView;
    assert.equal(view.state, 'expired');
    assert.equal(states(view), 'skipped:ttl_expired skipped:ttl_expired');
    assert.equal(chain.handovers.length, 0);
  });

  test('an integer from 1 to 2,592,000; anything else is a 400', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    for (const ttl of [0, -1, 1.5, 2_592_001, '60', true]) {
      const { status } = await chain.post({ mode: DELIVERY, ttl });
      assert.equal(status, 400, `ttl ${JSON.stringify(ttl)}`);
    }
    assert.equal(chain.handovers.length, 0);
    for (const ttl of [1, 2_592_000]) await chain.trigger(ATTEMPT, { ttl });
    const none = await chain.ended(await chain.trigger(ATTEMPT));
    assert.equal(none.expiresAt, null);
  });
});
