/** Semantics §2, row by row, against vendors that really are called: when the next leg starts, and when none does. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import {
  QUICK_RETRY,
  accept,
  fail,
  hangUp,
  held,
  ignore,
  openChain,
  refuse,
  states,
  throttle,
  told,
} from '../support/chain.ts';
import type { Chain } from '../support/chain.ts';
import { json } from '../support/http-vendor.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
/** A port on which nobody listens. */
const NOBODY = { request: { url: 'http://127.0.0.1:1/send' } };
/** A vendor that is given up after so short a time that a test can wait for it. */
const IMPATIENT = { request: { timeout: '100ms' } };
/** Calls to one provider under way at once. */
const CALLS_AT_ONCE = 128;
/** Never retried. */
const ONCE = { campaign: { retry: { attempts: 1 } } };

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** The transaction of the nth handover. */
function idOf(ids: string[], chain: Chain, index: number): string {
  const { messageId } = chain.handovers[index]!;
  return ids.find((id) => id.slice(0, 28) === messageId.slice(0, 28))!;
}

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

  describe('row "an error that may pass"', { concurrency: true }, () => {
    const kinds = {
      '5xx': { answers: [fail] },
      'no connection': NOBODY,
    };
    for (const [kind, setup] of Object.entries(kinds)) {
      test(`all, ${kind}: retried, then rejected`, async (t) => {
        const chain = await openChain(t, carom, { a: { ...setup, campaign: { retry: QUICK_RETRY } }, b: {} });
        const view = await chain.ended(await chain.trigger(ALL));
        assert.equal(view.state, 'completed');
        assert.equal(states(view), 'rejected accepted');
        assert.equal(view.legs[0]!.messages[0]!.attempts, QUICK_RETRY.attempts);
      });

      for (const mode of [ATTEMPT, DELIVERY]) {
        test(`${mode}, ${kind}: next leg now, the earlier one is never retried`, async (t) => {
          const chain = await openChain(t, carom, { a: { ...setup, campaign: { retry: QUICK_RETRY } }, b: {} });
          const id = await chain.trigger(mode);
          await chain.report(await chain.handover('b'), 'delivered');
          const view = await chain.ended(id);
          assert.equal(view.state, 'succeeded');
          assert.equal(states(view), 'rejected delivered');
          assert.equal(view.legs[0]!.messages[0]!.attempts, 1);
        });

        test(`${mode}, ${kind}: on the last leg retried as in all, then failed`, async (t) => {
          const chain = await openChain(t, carom, {
            a: { answers: [refuse] },
            b: { ...setup, campaign: { retry: QUICK_RETRY } },
          });
          const view = await chain.ended(await chain.trigger(mode));
          assert.equal(view.state, 'failed');
          assert.equal(states(view), 'rejected rejected');
          assert.equal(view.legs[1]!.messages[0]!.attempts, QUICK_RETRY.attempts);
        });
      }
    }

    test('retry policy: 4 attempts, 0.5 s, 2 s, 8 s apart; retries keep the message id', async (t) => {
      const chain = await openChain(t, carom, { a: { answers: [fail, fail, fail, accept] } });
      const id = await chain.trigger(DELIVERY);
      const last = await chain.handover('a', 3);
      const [one, two, three] = chain.handovers;
      // Up to a fifth longer, so that retries spread; then what a busy machine takes.
      for (const [from, to, backoffMs] of [
        [one!, two!, 500],
        [two!, three!, 2_000],
        [three!, last, 8_000],
      ] as const) {
        const gapMs = to.at - from.at;
        assert.ok(gapMs >= backoffMs - 5 && gapMs <= backoffMs * 1.2 + 1_500, `${gapMs} ms for ${backoffMs}`);
      }
      assert.equal(new Set(chain.handovers.map(({ idempotencyKey }) => idempotencyKey)).size, 1);
      assert.equal(last.idempotencyKey, last.messageId);
      await chain.report(last, 'delivered');
      const view = await chain.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(view.legs[0]!.messages[0]!.id, last.messageId);
      assert.equal(view.legs[0]!.messages[0]!.attempts, 4);
    });

    test('retry on a provider, and on its campaign, which wins', async (t) => {
      const chain = await openChain(t, carom, {
        a: { answers: [fail], provider: { retry: { attempts: 2, backoff: '10ms' } } },
        b: {
          answers: [fail],
          provider: { retry: { attempts: 9, backoff: '10ms' } },
          campaign: { retry: { attempts: 3, backoff: ['10ms', '20ms'] } },
        },
        c: { answers: [fail], ...ONCE },
      });
      const view = await chain.ended(await chain.trigger(ALL));
      assert.deepEqual(
        view.legs.map(({ messages }) => messages[0]!.attempts),
        [2, 3, 1],
      );
      assert.equal(chain.handovers.length, 6);
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

  describe('row "the answer was lost"', { concurrency: true }, () => {
    const kinds = {
      timeout: { ...IMPATIENT, lose: ignore },
      'connection broken mid-call': { lose: hangUp },
    };
    for (const [kind, { lose, ...setup }] of Object.entries(kinds)) {
      test(`all, ${kind}: unknown, sent again by the retry policy with the same message id`, async (t) => {
        const chain = await openChain(t, carom, {
          a: { ...setup, answers: [lose, lose, accept], campaign: { retry: QUICK_RETRY } },
          b: { ...setup, answers: [lose], campaign: { retry: { attempts: 2, backoff: '20ms' } } },
        });
        const view = await chain.ended(await chain.trigger(ALL));
        assert.equal(view.state, 'completed');
        assert.equal(states(view), 'accepted unknown');
        assert.deepEqual(told(view, /unknown/).toSorted(), [
          'message.unknown 0',
          'message.unknown 0',
          'message.unknown 1',
          'message.unknown 1',
        ]);
        assert.equal(chain.handovers.length, 5);
        assert.equal(new Set(chain.handovers.map(({ idempotencyKey }) => idempotencyKey)).size, 2);
      });

      for (const mode of [ATTEMPT, DELIVERY]) {
        test(`${mode}, ${kind}: unknown, next leg now; on the last leg as in all`, async (t) => {
          const chain = await openChain(t, carom, {
            a: { ...setup, answers: [lose] },
            b: { ...setup, answers: [lose, accept], campaign: { retry: QUICK_RETRY } },
          });
          const id = await chain.trigger(mode);
          await chain.report(await chain.handover('b', 1), 'delivered');
          const view = await chain.ended(id);
          assert.equal(view.state, 'succeeded');
          assert.equal(states(view), 'unknown delivered');
          assert.equal(chain.called, 'a b b');
        });
      }
    }

    test('onUnknown: leave: at most once, whatever the retry policy says', async (t) => {
      const leave = { ...IMPATIENT, answers: [ignore], campaign: { onUnknown: 'leave', retry: QUICK_RETRY } };
      const chain = await openChain(t, carom, { a: leave });
      const all = await chain.ended(await chain.trigger(ALL));
      assert.equal(all.state, 'completed');
      assert.equal(states(all), 'unknown');
      const last = await chain.ended(await chain.trigger(DELIVERY));
      assert.equal(last.state, 'failed');
      assert.equal(states(last), 'unknown');
      assert.equal(chain.handovers.length, 2);
    });

    test('onUnknown: leave: what the provider refused with an error that may pass is retried all the same', async (t) => {
      const chain = await openChain(t, carom, {
        a: { answers: [fail, accept], campaign: { onUnknown: 'leave', retry: QUICK_RETRY } },
      });
      const view = await chain.ended(await chain.trigger(ATTEMPT));
      assert.equal(view.state, 'succeeded');
      assert.equal(chain.called, 'a a');
    });

    test('delivery mode: a receipt for the leg whose answer was lost ends the chain, late', async (t) => {
      const chain = await openChain(t, carom, { a: { ...IMPATIENT, answers: [ignore] }, b: {} });
      const id = await chain.trigger(DELIVERY);
      await chain.handover('b');
      await chain.report(await chain.handover('a'), 'delivered');
      const view = await chain.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(view.legs[0]!.messages[0]!.late, true);
    });
  });

  describe('row "throttled"', { concurrency: true }, () => {
    for (const mode of [ATTEMPT, DELIVERY]) {
      test(`${mode}: a short Retry-After is waited for, no attempt is used up`, async (t) => {
        const chain = await openChain(t, carom, { a: { answers: [throttle(1), accept], ...ONCE }, b: {} });
        const id = await chain.trigger(mode);
        const again = await chain.handover('a', 1);
        assert.ok(again.at - chain.handovers[0]!.at >= 995, `${again.at - chain.handovers[0]!.at} ms`);
        assert.equal(again.idempotencyKey, chain.handovers[0]!.idempotencyKey);
        await chain.report(again, 'delivered');
        const view = await chain.ended(id);
        assert.equal(view.state, 'succeeded');
        assert.equal(view.legs[0]!.messages[0]!.attempts, 1);
        assert.equal(chain.called, 'a a');
      });

      test(`${mode}: a long Retry-After counts as provider error: next leg within 5 s`, async (t) => {
        const chain = await openChain(t, carom, { a: { answers: [throttle(60)] }, b: {} });
        const id = await chain.trigger(mode);
        const next = await chain.handover('b');
        assert.ok(next.at - chain.handovers[0]!.at < 5_000);
        await chain.report(next, 'delivered');
        const view = await chain.ended(id);
        assert.equal(states(view), 'rejected delivered');
        assert.equal(view.legs[0]!.reason, 'throttled');
        assert.equal(chain.called, 'a b');
      });

      test(`${mode}: throttled again and again: up to 5 s, then next leg`, async (t) => {
        const chain = await openChain(t, carom, { a: { answers: [throttle(2)] }, b: {} });
        const id = await chain.trigger(mode);
        const next = await chain.handover('b');
        const tookMs = next.at - chain.handovers[0]!.at;
        assert.ok(tookMs >= 3_900 && tookMs < 6_000, `${tookMs} ms`);
        await chain.report(next, 'delivered');
        assert.equal(states(await chain.ended(id)), 'rejected delivered');
        assert.equal(chain.called, 'a a a b');
      });
    }

    test('all: waits as long as the provider asks, and no attempt is used up', async (t) => {
      const patient = json(429, { again: 5.5 });
      const chain = await openChain(t, carom, {
        a: { answers: [patient, accept], provider: { response: { retryAfter: 'body.again' } }, ...ONCE },
        b: {},
      });
      const id = await chain.trigger(ALL);
      const again = await chain.handover('a', 1);
      const first = await chain.handover('a');
      assert.ok(again.at - first.at >= 5_495, `${again.at - first.at} ms`);
      const view = await chain.ended(id);
      assert.equal(view.state, 'completed');
      assert.equal(states(view), 'accepted accepted');
      assert.equal(view.legs[0]!.messages[0]!.attempts, 1);
    });

    test('the provider is paused for its Retry-After: also for messages that waited their turn with it', async (t) => {
      const slow = Array.from({ length: CALLS_AT_ONCE }, () => held());
      const chain = await openChain(t, carom, { a: { answers: [...slow.map(({ answering }) => answering), accept] } });
      const ids = await Promise.all(Array.from({ length: CALLS_AT_ONCE + 5 }, () => chain.trigger(ALL)));
      await chain.handover('a', CALLS_AT_ONCE - 1);
      await slow[0]!.give(throttle(1));
      const pausedAt = Date.now();
      const next = chain.handover('a', CALLS_AT_ONCE);
      await Promise.race([next, chain.untilLeg(idOf(ids, chain, 0), 0, 'queued')]);
      for (const { give } of slow.slice(1)) await give(accept);
      assert.ok((await next).at - pausedAt >= 990, `${(await next).at - pausedAt} ms`);
      for (const id of ids) assert.equal(states(await chain.ended(id)), 'accepted');
    });

    test('a provider whose settings change: messages that waited their turn with it go out through the new ones', async (t) => {
      const slow = Array.from({ length: CALLS_AT_ONCE }, () => held());
      const legs: Parameters<typeof openChain>[2] = {
        a: { answers: [...slow.map(({ answering }) => answering), accept], request: { timeout: '20s' } },
      };
      const chain = await openChain(t, carom, legs);
      const ids = await Promise.all(Array.from({ length: CALLS_AT_ONCE + 5 }, () => chain.trigger(ALL)));
      await chain.handover('a', CALLS_AT_ONCE - 1);
      legs['a']!.request = { timeout: '21s' };
      await carom.apply(chain.manifest());
      ids.push(await chain.trigger(ALL));
      for (const { give } of slow) await give(accept);
      for (const id of ids) {
        const view = await chain.ended(id);
        assert.equal(states(view), 'accepted');
        assert.equal(view.legs[0]!.messages[0]!.attempts, 1, JSON.stringify(view.timeline));
      }
    });

    test('the provider is paused for its Retry-After: other messages are not handed over meanwhile', async (t) => {
      const chain = await openChain(t, carom, { a: { answers: [throttle(1), accept] } });
      const first = await chain.trigger(ATTEMPT);
      await chain.untilLeg(first, 0, 'queued');
      const second = await chain.trigger(ATTEMPT);
      await Promise.all([chain.ended(first), chain.ended(second)]);
      const [throttled, ...later] = chain.handovers;
      assert.equal(later.length, 2);
      for (const { at } of later) assert.ok(at - throttled!.at >= 995, `${at - throttled!.at} ms`);
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
