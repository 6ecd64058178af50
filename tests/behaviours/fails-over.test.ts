/** Semantics §2, "Failover": a message that its provider certainly did not take goes to another one of its channel, and no other does. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, freePort, startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import {
  BY_REF,
  QUICK_RETRY,
  accept,
  acceptAs,
  bare,
  fail,
  hangUp,
  held,
  openChain,
  refuse,
  states,
  throttle,
  told,
} from '../support/chain.ts';
import type { Chain, LegSetup, TransactionView } from '../support/chain.ts';
import { json } from '../support/http-vendor.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** The campaign `~a`, which goes through all the vendors, or through `providers`. */
const through = (providers: unknown[], campaign: object = {}): LegSetup['campaign'] => ({
  provider: undefined,
  providers,
  ...campaign,
});

const only = { campaignIds: ['~a'] };
/** A provider that nobody listens at. */
const unreachable = async () => ({ url: `http://127.0.0.1:${await freePort()}/` });

const details = ({ timeline }: TransactionView, what: string) =>
  timeline.filter((entry) => entry.what === what).map(({ detail }) => detail);

const healthOf = async ({ account }: Chain, id: string) => {
  const { body } = await carom.call('GET', `/v1/providers/${id}?account=${account}`);
  return body.health as { state: string; successRate: number | null; reason: string | null; calls: number };
};

describe('a message goes to the next provider', { concurrency: true }, () => {
  test('when no connection is made: at once, under the same id, told in the timeline', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), request: await unreachable() },
      b: {},
    });
    const view = await chain.ended(await chain.trigger(ALL, only));
    const [message] = view.legs[0]!.messages;
    assert.equal(chain.called, 'b');
    assert.equal(chain.handovers[0]!.messageId, message!.id);
    assert.deepEqual([message!.state, message!.provider, message!.attempts], ['accepted', 'b', 2]);
    const [failover] = details(view, 'message.failover');
    assert.match(failover!, /^a → b: connection_failed/);
    assert.deepEqual(told(view, /retry/), []);
    const at = (what: string) => Date.parse(view.timeline.find((entry) => entry.what === what)!.at);
    assert.ok(at('message.failover') - at('leg.triggered') < 1_000, JSON.stringify(view.timeline));
  });

  for (const mode of [ALL, ATTEMPT, DELIVERY]) {
    test(`${mode}: when it answers 503, and no leg is judged before the last has spoken`, async (t) => {
      const chain = await openChain(t, carom, {
        a: { campaign: through(['a', 'b', 'c']), answers: [fail] },
        b: { answers: [fail] },
        c: {},
      });
      const id = await chain.trigger(mode, mode === ALL ? only : { campaignIds: ['~a', '~c'] });
      await chain.report(await chain.handover('c'), 'delivered');
      const view = await chain.untilLeg(id, 0, 'delivered');
      assert.equal(chain.called, 'a b c');
      assert.equal(view.legs[0]!.messages[0]!.provider, 'c');
      assert.deepEqual(
        details(view, 'message.failover').map((detail) => detail!.slice(0, 5)),
        ['a → b', 'b → c'],
      );
    });
  }

  test('when it does not know our credentials', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), answers: [json(401, { message: 'who are you' })] },
      b: {},
    });
    const view = await chain.ended(await chain.trigger(ATTEMPT, only));
    assert.deepEqual(details(view, 'message.failover'), ['a → b: who are you']);
    assert.equal(view.legs[0]!.messages[0]!.provider, 'b');
  });

  test('when it asks to come later than a message waits', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), answers: [throttle(60)] },
      b: {},
    });
    const first = await chain.ended(await chain.trigger(ALL, only));
    assert.equal(first.legs[0]!.messages[0]!.provider, 'b');
    assert.deepEqual(details(first, 'message.failover'), ['a → b: throttled']);
    // It is paused by then: nobody asks it again.
    await chain.ended(await chain.trigger(ALL, only));
    assert.equal(chain.called, 'a b b');
  });

  test('when the one that its campaign names is not configured any more', async (t) => {
    const chain = await openChain(t, carom, { a: { campaign: through(['a', 'b']) }, b: {} });
    const held = await chain.trigger(ALL, { ...only, startAt: new Date(Date.now() + 1_500).toISOString() });
    const { providers, campaigns, ...account } = chain.manifest() as {
      providers: { id: string }[];
      campaigns: object[];
    };
    const answer = await carom.call('PUT', '/v1/manifest?prune=true', {
      body: {
        ...account,
        providers: providers.filter(({ id }) => id !== 'a'),
        campaigns: [{ ...campaigns[0]!, providers: ['b'] }, campaigns[1]!],
      },
    });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const view = await chain.ended(held);
    assert.deepEqual(details(view, 'message.failover'), ['a → b: provider_not_configured']);
    assert.equal(view.legs[0]!.messages[0]!.provider, 'b');
  });
});

describe('a message stays with its provider', { concurrency: true }, () => {
  test('that refuses the message itself', async (t) => {
    const chain = await openChain(t, carom, { a: { campaign: through(['a', 'b']), answers: [refuse] }, b: {} });
    const view = await chain.ended(await chain.trigger(ALL, only));
    assert.equal(states(view), 'rejected');
    assert.equal(chain.called, 'a');
  });

  test('whose answer was lost: it is asked again', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b'], { retry: QUICK_RETRY }), answers: [hangUp, accept] },
      b: {},
    });
    const view = await chain.ended(await chain.trigger(ALL, only));
    assert.equal(states(view), 'accepted');
    assert.equal(chain.called, 'a a');
  });

  test('whose answer was lost, until it refuses what is sent again', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b'], { retry: QUICK_RETRY }), answers: [hangUp, fail] },
      b: {},
    });
    const view = await chain.ended(await chain.trigger(ALL, only));
    assert.equal(view.legs[0]!.messages[0]!.provider, 'b');
    assert.deepEqual(told(view, /^message\.(unknown|failover|accepted)/), [
      'message.unknown 0',
      'message.failover 0',
      'message.accepted 0',
    ]);
    assert.equal(chain.called, 'a a b');
  });

  test('whose answer was lost, while others find it broken', async (t) => {
    let isOut = true;
    const chain = await openChain(t, carom, {
      a: {
        campaign: through(['a', 'b'], { retry: { attempts: 2, backoff: '4s' } }),
        answers: [hangUp, (response, call) => (isOut ? fail : accept)(response, call)],
      },
      b: {},
    });
    const lost = await chain.trigger(ALL, only);
    await chain.until(lost, ({ legs }) => legs[0]!.state === 'unknown');
    for (let sent = 0; sent < 5; sent++) await chain.ended(await chain.trigger(ALL, only));
    assert.equal((await healthOf(chain, 'a')).state, 'open');
    isOut = false;
    const view = await chain.ended(lost);
    assert.equal(view.legs[0]!.messages[0]!.provider, 'a');
    assert.deepEqual(details(view, 'message.failover'), []);
  });

  test('that asks to wait for a moment', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), answers: [throttle(1), accept] },
      b: {},
    });
    assert.equal(states(await chain.ended(await chain.trigger(ATTEMPT, only))), 'accepted');
    assert.equal(chain.called, 'a a');
  });
});

describe('when all of them have refused', { concurrency: true }, () => {
  test('the retry policy counts one attempt, and asks all again in their order', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b'], { retry: { attempts: 2, backoff: '20ms' } }), answers: [fail] },
      b: { answers: [fail] },
    });
    const view = await chain.ended(await chain.trigger(ALL, only));
    assert.equal(states(view), 'rejected');
    assert.equal(chain.called, 'a b a b');
    assert.equal(view.legs[0]!.messages[0]!.attempts, 4);
    assert.equal(told(view, /message.retry/).length, 1);
  });

  test('a chain goes on to its next leg', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), answers: [fail] },
      b: { answers: [fail] },
      c: {},
    });
    const view = await chain.ended(await chain.trigger(ATTEMPT, { campaignIds: ['~a', '~c'] }));
    assert.equal(states(view), 'rejected accepted');
    assert.equal(chain.called, 'a b c');
  });
});

describe('receipts count from the provider that has the message', { concurrency: true }, () => {
  test('one that overtakes the answer of the second counts; one of the first does not', async (t) => {
    const second = held();
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), answers: [fail] },
      b: { answers: [second.answering] },
      c: {},
    });
    const id = await chain.trigger(DELIVERY, { campaignIds: ['~a', '~c'] });
    const [first, other] = [await chain.handover('a'), await chain.handover('b')];
    assert.equal((await chain.callBack(first.receiptUrl, { status: 'undelivered' })).status, 200);
    await chain.report(other, 'delivered');
    const view = await chain.ended(id);
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
    await second.give(accept);
    assert.equal(chain.called, 'a b');
  });

  test('also where both name messages by references of their own, and by the same one', async (t) => {
    const chain = await openChain(t, carom, {
      a: { campaign: through(['a', 'b']), answers: [fail], provider: BY_REF },
      b: { answers: [acceptAs('same')], provider: BY_REF },
      c: {},
    });
    const id = await chain.trigger(DELIVERY, { campaignIds: ['~a', '~c'] });
    const [first, other] = [await chain.handover('a'), await chain.handover('b')];
    await chain.untilLeg(id, 0, 'accepted');
    await chain.callBack(bare(first), { id: 'same', status: 'undelivered' });
    await chain.callBack(bare(other), { id: 'same', status: 'delivered' });
    assert.equal(states(await chain.ended(id)), 'delivered skipped:chain_succeeded');
  });
});

describe('who takes it', { concurrency: true }, () => {
  test('only those whose country it is; nobody else, and then the chain goes on', async (t) => {
    const chain = await openChain(t, carom, {
      a: {
        campaign: through([
          { id: 'a', prefixes: ['+91'] },
          { id: 'b', countries: ['DE', 'GB'] },
        ]),
      },
      b: {},
      c: {},
    });
    const send = (phone: string) => chain.trigger(ATTEMPT, { campaignIds: ['~a', '~c'], phone });
    assert.equal(states(await chain.ended(await send('+919876543210'))), 'accepted skipped:chain_succeeded');
    assert.equal(states(await chain.ended(await send('+447400123456'))), 'accepted skipped:chain_succeeded');
    const view = await chain.ended(await send('+12025550123'));
    assert.equal(states(view), 'rejected accepted');
    assert.equal(view.legs[0]!.reason, 'no_provider');
    assert.equal(chain.called, 'a b c');
  });

  test('each its share, and a reserve only what the others refuse', async (t) => {
    const shares = [{ id: 'a', weight: 3 }, 'b', { id: 'c', weight: 0 }];
    const chain = await openChain(t, carom, { a: { campaign: through(shares) }, b: { answers: [fail] }, c: {} });
    const count = 60;
    const ids = await Promise.all(Array.from({ length: count }, () => chain.trigger(ALL, only)));
    const views = await Promise.all(ids.map((id) => chain.ended(id)));
    assert.ok(views.every((view) => states(view) === 'accepted'));
    const calls = (leg: string) => chain.handovers.filter((one) => one.leg === leg).length;
    assert.ok(calls('a') >= 30, `of ${count}, three quarters should go to a: ${chain.called}`);
    assert.ok(calls('b') >= 3, `and b gets some: ${chain.called}`);
    assert.equal(calls('a') + calls('c'), count);
  });
});

describe('a provider that keeps failing', () => {
  test('is not asked where another one works, is tried again, and then used again', async (t) => {
    let isOut = true;
    const chain = await openChain(t, carom, {
      a: {
        campaign: through(['a', 'b']),
        answers: [(response, call) => (isOut ? fail : accept)(response, call)],
      },
      b: {},
    });
    for (let sent = 0; sent < 6; sent++) await chain.ended(await chain.trigger(ALL, only));
    const broken = await healthOf(chain, 'a');
    assert.deepEqual([broken.state, broken.successRate], ['open', 0]);
    assert.match(broken.reason!, /out of order/);
    const { body: list } = await carom.call('GET', `/v1/providers?account=${chain.account}`);
    assert.deepEqual(
      list.data.map(({ id, health }: { id: string; health: { state: string } }) => `${id} ${health.state}`),
      ['a open', 'b closed'],
    );
    const { body: metrics } = await carom.call('GET', '/metrics', { key: null });
    const labels = `account="${chain.account}",provider="a"`;
    assert.match(metrics, new RegExp(`carom_provider_circuit\\{${labels},state="open"\\} 1`));
    assert.match(metrics, new RegExp(`carom_provider_calls_total\\{${labels},result="fault"\\} 5`));
    const view = await chain.ended(await chain.trigger(ALL, only));
    assert.match(details(view, 'message.failover')[0]!, /^a → b: circuit_open$/);
    assert.equal(view.legs[0]!.messages[0]!.attempts, 1);
    assert.equal(chain.called, `${'a b '.repeat(5)}b b`);
    isOut = false;
    const tried = async () => {
      await chain.ended(await chain.trigger(ALL, only));
      return healthOf(chain, 'a');
    };
    await eventually(tried, ({ state }) => state === 'closed');
    const last = await chain.ended(await chain.trigger(ALL, only));
    assert.equal(last.legs[0]!.messages[0]!.provider, 'a');
  });

  test('is asked all the same by who has nowhere else to go', async (t) => {
    const retry = { attempts: 2, backoff: '10ms' };
    const chain = await openChain(t, carom, { a: { campaign: { retry }, answers: [fail] } });
    for (let sent = 0; sent < 4; sent++) {
      const view = await chain.ended(await chain.trigger(ALL));
      assert.equal(states(view), 'rejected');
    }
    assert.equal((await healthOf(chain, 'a')).state, 'open');
    assert.equal(chain.handovers.length, 8);
  });
});
