/** What vendors report, as they do it: early, twice, out of order, by their own reference, in every format. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { BY_REF, accept, acceptAs, bare, held, ignore, openChain, refuse, states, told } from '../support/chain.ts';
import type { Chain, TransactionView } from '../support/chain.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** The transaction with so many lines about receipts in its timeline. */
function settled(chain: Chain, id: string, receipts: number): Promise<TransactionView> {
  return chain.until(id, (view) => told(view, /receipt\./).length === receipts);
}

describe('semantics §2, order of news', { concurrency: true }, () => {
  test('a receipt before the provider’s own answer is never lost', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [slow.answering] }, b: {} });
    const id = await chain.trigger(DELIVERY);
    await chain.report(await chain.handover('a'), 'delivered');
    assert.equal((await chain.ended(id)).state, 'succeeded');
    await slow.give(accept);
    const view = await chain.until(id, ({ legs }) => legs[0]!.messages[0]!.ref !== null);
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
    assert.equal(chain.called, 'a');
  });

  test('an undelivered receipt before the answer: next leg now, and the answer brings nothing back', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [slow.answering] }, b: {} });
    const id = await chain.trigger(DELIVERY);
    await chain.report(await chain.handover('a'), 'undelivered');
    const b = await chain.handover('b');
    await slow.give(accept);
    await chain.until(id, ({ legs }) => legs[0]!.messages[0]!.ref !== null);
    await chain.report(b, 'delivered');
    assert.equal(states(await chain.ended(id)), 'undelivered delivered');
    assert.equal(chain.called, 'a b');
  });

  test('attempt mode: a receipt before the answer proves acceptance', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [slow.answering] }, b: {} });
    const id = await chain.trigger(ATTEMPT);
    await chain.report(await chain.handover('a'), 'undelivered');
    const view = await chain.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(states(view), 'undelivered skipped:chain_succeeded');
    await slow.give(refuse);
    assert.equal(chain.called, 'a');
  });

  test('a receipt before the answer, by the vendor’s reference: parked, then matched when the reference appears', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [slow.answering], provider: BY_REF }, b: {} });
    const id = await chain.trigger(DELIVERY);
    await chain.reportTo(bare(await chain.handover('a')), { id: 'early-1', status: 'delivered' });
    assert.equal((await chain.until(id, () => true)).state, 'running');
    await slow.give(acceptAs('early-1'));
    assert.equal((await chain.ended(id)).state, 'succeeded');
    // Its answer is recorded after the receipts that had been waiting for it.
    const view = await chain.until(id, ({ legs }) => legs[0]!.messages[0]!.ref === 'early-1');
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
  });

  test('several parked receipts of one reference are all applied', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [slow.answering], provider: BY_REF } });
    const id = await chain.trigger(DELIVERY);
    const url = bare(await chain.handover('a'));
    for (const status of ['read', 'sent', 'delivered']) await chain.reportTo(url, { id: 'early-2', status });
    await slow.give(acceptAs('early-2'));
    assert.equal((await chain.ended(id)).state, 'succeeded');
    const view = await settled(chain, id, 3);
    assert.equal(view.legs[0]!.state, 'read');
    assert.ok(view.legs[0]!.messages[0]!.deliveredAt);
  });

  test('a receipt for an unknown reference is taken, and nothing happens', async (t) => {
    const chain = await openChain(t, carom, { a: { answers: [acceptAs('known')], provider: BY_REF } });
    const id = await chain.trigger(DELIVERY);
    const url = bare(await chain.handover('a'));
    await chain.reportTo(url, { id: 'stranger', status: 'delivered' });
    await chain.untilLeg(id, 0, 'accepted');
    await chain.reportTo(url, { id: 'known', status: 'delivered' });
    assert.equal((await chain.ended(id)).state, 'succeeded');
  });

  test('twice: recorded, applied once; the first time stands', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    await chain.report(handover, 'delivered');
    const first = await chain.ended(id);
    await chain.report(handover, 'delivered');
    const second = await chain.until(id, (view) => told(view, /receipt\.ignored/).length > 0);
    assert.equal(second.legs[0]!.messages[0]!.deliveredAt, first.legs[0]!.messages[0]!.deliveredAt);
    assert.equal(second.endedAt, first.endedAt);
    assert.deepEqual(told(second, /receipt\.delivered/), ['receipt.delivered 0']);
  });

  test('46 times at once: one effect', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {}, c: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    await Promise.all(Array.from({ length: 46 }, () => chain.report(handover, 'undelivered')));
    await chain.report(await chain.handover('b'), 'delivered');
    const view = await chain.ended(id);
    assert.equal(states(view), 'undelivered delivered skipped:chain_succeeded');
    assert.equal(chain.called, 'a b');
    assert.deepEqual(told(view, /receipt\.undelivered/), ['receipt.undelivered 0']);
  });

  test('out of order: a receipt never moves a message backwards; what it says is recorded', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    for (const status of ['read', 'delivered', 'undelivered', 'sent', 'accepted']) await chain.report(handover, status);
    const view = await chain.until(id, (one) => told(one, /receipt\./).length === 5);
    assert.equal(view.state, 'succeeded');
    assert.equal(states(view), 'read skipped:chain_succeeded');
    const { deliveredAt, failedAt, readAt } = view.legs[0]!.messages[0]!;
    assert.ok(deliveredAt && failedAt && readAt);
    assert.equal(chain.called, 'a');
  });

  test('a delivery after a failure counts', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    await chain.report(handover, 'undelivered');
    assert.equal((await chain.ended(id)).state, 'failed');
    await chain.report(handover, 'delivered');
    const view = await chain.untilLeg(id, 0, 'delivered');
    assert.equal(view.state, 'succeeded');
    assert.equal(view.late, true);
  });

  test('a receipt for a leg that was never handed over is ignored', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    // The message id of the second leg: the same but for the ordinal (docs/semantics.md says nothing of it, vendors guess).
    const other = handover.messageId.slice(0, 28) + '0002' + handover.messageId.slice(32);
    const url = handover.receiptUrl.replace(/message=.*/, `message=${other}`);
    await chain.reportTo(url, { status: 'delivered' });
    await chain.until(id, (view) => told(view, /receipt\.ignored/).length > 0);
    assert.equal((await chain.until(id, () => true)).state, 'running');
    await chain.report(handover, 'delivered');
    assert.equal(states(await chain.ended(id)), 'delivered skipped:chain_succeeded');
  });

  test('after a lost answer a receipt settles the message and calls the retry off', async (t) => {
    const chain = await openChain(t, carom, {
      a: {
        answers: [ignore, accept],
        request: { timeout: '100ms' },
        campaign: { retry: { attempts: 2, backoff: '30s' } },
      },
    });
    const id = await chain.trigger(DELIVERY);
    await chain.untilLeg(id, 0, 'unknown');
    await chain.report(await chain.handover('a'), 'delivered');
    const view = await chain.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(chain.called, 'a');
  });
});

describe('semantics §1, what a receipt says', { concurrency: true }, () => {
  test('read implies delivered: it ends a chain alone', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const id = await chain.trigger(DELIVERY);
    await chain.report(await chain.handover('a'), 'read');
    const view = await chain.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(states(view), 'read skipped:chain_succeeded');
  });

  for (const [status, stamp] of [
    ['clicked', 'clickedAt'],
    ['opened', 'openedAt'],
  ] as const) {
    test(`${status} is a timestamp, not a state; it implies read`, async (t) => {
      const chain = await openChain(t, carom, { a: {}, b: {} });
      const id = await chain.trigger(DELIVERY);
      await chain.report(await chain.handover('a'), status);
      const view = await chain.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(view.legs[0]!.state, 'read');
      const message = view.legs[0]!.messages[0]!;
      assert.ok(message[stamp]);
      assert.ok(message.readAt);
    });
  }

  test('clicked after read adds its timestamp', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    for (const status of ['delivered', 'read', 'opened', 'clicked']) await chain.report(handover, status);
    const { legs } = await settled(chain, id, 4);
    const { readAt, openedAt, clickedAt } = legs[0]!.messages[0]!;
    assert.ok(readAt && openedAt && clickedAt);
    assert.equal(legs[0]!.state, 'read');
  });

  test('the vendor’s own words are translated; words that are not listed report nothing', async (t) => {
    const receipt = {
      status: 'body.s',
      reason: 'body.why',
      statuses: { DELIVRD: 'delivered', UNDELIV: 'undelivered' },
    };
    const chain = await openChain(t, carom, { a: { provider: { receipt } } });
    const id = await chain.trigger(DELIVERY);
    const { receiptUrl } = await chain.handover('a');
    for (const s of ['ENROUTE', 'delivered']) await chain.reportTo(receiptUrl, { s });
    await chain.reportTo(receiptUrl, { s: 'UNDELIV', why: 'absent' });
    const view = await chain.ended(id);
    assert.equal(view.legs[0]!.reason, 'absent');
    assert.deepEqual(told(view, /receipt\./), ['receipt.undelivered 0']);
  });
});

describe('docs/providers/http.md, receipt: how a message is named', { concurrency: true }, () => {
  test('by ?message= of the address it was given', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    assert.equal(new URL(handover.receiptUrl).searchParams.get('message'), handover.messageId);
    await chain.report(handover, 'delivered');
    assert.equal((await chain.ended(id)).state, 'succeeded');
  });

  test('by our id in the body, at the bare address', async (t) => {
    const receipt = { message: 'body.messageId', status: 'body.status' };
    const chain = await openChain(t, carom, { a: { provider: { receipt } } });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    await chain.reportTo(bare(handover), { messageId: handover.messageId.toUpperCase(), status: 'delivered' });
    assert.equal((await chain.ended(id)).state, 'succeeded');
  });

  for (const ref of ['ref 7/ü', 4711]) {
    test(`by the vendor’s reference ${JSON.stringify(ref)}, at the bare address`, async (t) => {
      const chain = await openChain(t, carom, { a: { answers: [acceptAs(ref)], provider: BY_REF } });
      const id = await chain.trigger(DELIVERY);
      const url = bare(await chain.handover('a'));
      await chain.untilLeg(id, 0, 'accepted');
      await chain.reportTo(url, { id: ref, status: 'delivered' });
      assert.equal((await chain.ended(id)).state, 'succeeded');
    });
  }

  test('form-encoded, and as a query of a GET', async (t) => {
    const query = { message: 'query.id', status: 'query.status' };
    const chain = await openChain(t, carom, { a: {}, b: { provider: { receipt: query } } });
    const id = await chain.trigger(ALL);
    await chain.reportTo(
      (await chain.handover('a')).receiptUrl,
      'status=delivered&x=1',
      'application/x-www-form-urlencoded',
    );
    await chain.untilLeg(id, 0, 'delivered');
    const b = await chain.handover('b');
    assert.equal((await fetch(`${bare(b)}?id=${b.messageId}&status=delivered`)).status, 200);
    await chain.untilLeg(id, 1, 'delivered');
  });

  test('JSON under a wrong content type, or none', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const id = await chain.trigger(ALL);
    await chain.reportTo((await chain.handover('a')).receiptUrl, { status: 'delivered' }, 'text/plain');
    const body = new Blob([JSON.stringify({ status: 'delivered' })]);
    const answer = await fetch((await chain.handover('b')).receiptUrl, { method: 'POST', body });
    assert.equal(answer.status, 200);
    await chain.until(id, (view) => states(view) === 'delivered delivered');
  });

  test('a list reports on many messages at once', async (t) => {
    const provider = { receipt: { message: 'body.m', status: 'body.s' } };
    const chain = await openChain(t, carom, { a: { provider } });
    const ids = await Promise.all(Array.from({ length: 20 }, () => chain.trigger(DELIVERY)));
    await chain.handover('a', ids.length - 1);
    const list = chain.handovers.map(({ messageId }) => ({ m: messageId, s: 'delivered' }));
    await chain.reportTo(bare(chain.handovers[0]!), list);
    for (const id of ids) assert.equal((await chain.ended(id)).state, 'succeeded');
  });

  test('expressions that select several values report as many messages', async (t) => {
    const provider = { receipt: { message: 'body.entries.m', status: 'body.entries.s' } };
    const chain = await openChain(t, carom, { a: { provider } });
    const ids = [await chain.trigger(DELIVERY), await chain.trigger(DELIVERY)];
    await chain.handover('a', 1);
    const entries = chain.handovers.map(({ messageId }) => ({ m: messageId, s: 'delivered' }));
    await chain.reportTo(bare(chain.handovers[0]!), { entries });
    for (const id of ids) assert.equal((await chain.ended(id)).state, 'succeeded');
  });
});
