/** Semantics §2, the rows of what may pass: retried on the last leg and in `all`, never where another channel waits. */
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
/** A vendor given up after a time that a test can wait for, and that a busy machine does not take to answer. */
const IMPATIENT = { request: { timeout: '1s' } };
/** Never retried. */
const ONCE = { campaign: { retry: { attempts: 1 } } };
/** A port on which nobody listens. */
const NOBODY = { request: { url: 'http://127.0.0.1:1/send' } };
/** Calls to one provider under way at once. */
const CALLS_AT_ONCE = 128;

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
});
