/** What vendors report, as they do it: early, twice, out of order, by their own reference, in every format, and wrongly. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { accept, held, ignore, openChain, refuse, states, told } from '../support/chain.ts';
import type { Chain, Handover, TransactionView } from '../support/chain.ts';
import { json } from '../support/http-vendor.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
/** A vendor that names messages by its own reference alone. */
const BY_REF = { receipt: { ref: 'body.id', status: 'body.status' } };

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** The provider's receipt address, without the message that it is about. */
function bare({ receiptUrl }: Handover): string {
  return receiptUrl.split('?')[0]!;
}

/** Calls back at the bare address and expects it to be taken. */
async function reportTo(chain: Chain, url: string, body: unknown, contentType?: string): Promise<void> {
  const answer = await chain.callBack(url, body, contentType);
  assert.equal(answer.status, 200, await answer.text());
}

/** An accepting vendor whose references the test chooses. */
const acceptAs = (ref: string | number) => json(200, { id: ref });

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
    await reportTo(chain, bare(await chain.handover('a')), { id: 'early-1', status: 'delivered' });
    assert.equal((await chain.until(id, () => true)).state, 'running');
    await slow.give(acceptAs('early-1'));
    const view = await chain.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(view.legs[0]!.messages[0]!.ref, 'early-1');
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
  });

  test('several parked receipts of one reference are all applied', async (t) => {
    const slow = held();
    const chain = await openChain(t, carom, { a: { answers: [slow.answering], provider: BY_REF } });
    const id = await chain.trigger(DELIVERY);
    const url = bare(await chain.handover('a'));
    for (const status of ['read', 'sent', 'delivered']) await reportTo(chain, url, { id: 'early-2', status });
    await slow.give(acceptAs('early-2'));
    await chain.ended(id);
    const view = await chain.untilLeg(id, 0, 'read');
    const { sentAt, deliveredAt, readAt } = view.legs[0]!.messages[0]!;
    assert.ok(sentAt && deliveredAt && readAt);
  });

  test('a receipt for an unknown reference is taken, and nothing happens', async (t) => {
    const chain = await openChain(t, carom, { a: { answers: [acceptAs('known')], provider: BY_REF } });
    const id = await chain.trigger(DELIVERY);
    const url = bare(await chain.handover('a'));
    await reportTo(chain, url, { id: 'stranger', status: 'delivered' });
    await chain.untilLeg(id, 0, 'accepted');
    await reportTo(chain, url, { id: 'known', status: 'delivered' });
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
    await reportTo(chain, url, { status: 'delivered' });
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
  async function settled(chain: Chain, id: string, receipts: number): Promise<TransactionView> {
    return chain.until(id, (view) => told(view, /receipt\./).length === receipts);
  }

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
    for (const s of ['ENROUTE', 'delivered']) await reportTo(chain, receiptUrl, { s });
    await reportTo(chain, receiptUrl, { s: 'UNDELIV', why: 'absent' });
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
    await reportTo(chain, bare(handover), { messageId: handover.messageId.toUpperCase(), status: 'delivered' });
    assert.equal((await chain.ended(id)).state, 'succeeded');
  });

  for (const ref of ['ref 7/ü', 4711]) {
    test(`by the vendor’s reference ${JSON.stringify(ref)}, at the bare address`, async (t) => {
      const chain = await openChain(t, carom, { a: { answers: [acceptAs(ref)], provider: BY_REF } });
      const id = await chain.trigger(DELIVERY);
      const url = bare(await chain.handover('a'));
      await chain.untilLeg(id, 0, 'accepted');
      await reportTo(chain, url, { id: ref, status: 'delivered' });
      assert.equal((await chain.ended(id)).state, 'succeeded');
    });
  }

  test('form-encoded, and as a query of a GET', async (t) => {
    const query = { message: 'query.id', status: 'query.status' };
    const chain = await openChain(t, carom, { a: {}, b: { provider: { receipt: query } } });
    const id = await chain.trigger(ALL);
    await reportTo(
      chain,
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
    await reportTo(chain, (await chain.handover('a')).receiptUrl, { status: 'delivered' }, 'text/plain');
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
    await reportTo(chain, bare(chain.handovers[0]!), list);
    for (const id of ids) assert.equal((await chain.ended(id)).state, 'succeeded');
  });

  test('expressions that select several values report as many messages', async (t) => {
    const provider = { receipt: { message: 'body.entries.m', status: 'body.entries.s' } };
    const chain = await openChain(t, carom, { a: { provider } });
    const ids = [await chain.trigger(DELIVERY), await chain.trigger(DELIVERY)];
    await chain.handover('a', 1);
    const entries = chain.handovers.map(({ messageId }) => ({ m: messageId, s: 'delivered' }));
    await reportTo(chain, bare(chain.handovers[0]!), { entries });
    for (const id of ids) assert.equal((await chain.ended(id)).state, 'succeeded');
  });
});

describe('receipts that are not what they seem', { concurrency: true }, () => {
  test('a wrong secret is a 404, and touches nothing', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    const { receiptUrl } = handover;
    const secret = new URL(receiptUrl).pathname.split('/').at(-1)!;
    const forged = [
      receiptUrl.replace(secret, 'wrong'),
      receiptUrl.replace(secret, `${secret}x`),
      receiptUrl.replace('/receipts/a/', '/receipts/b/'),
    ];
    for (const url of forged) assert.equal((await chain.callBack(url, { status: 'delivered' })).status, 404, url);
    await chain.untilLeg(id, 0, 'accepted');
    await chain.report(handover, 'undelivered');
    assert.deepEqual(told(await chain.ended(id), /receipt\./), ['receipt.undelivered 0']);
  });

  test('another provider’s message is not touched', async (t) => {
    const chain = await openChain(t, carom, { a: {}, b: {} });
    const id = await chain.trigger(ALL);
    await chain.ended(id);
    const [a, b] = [await chain.handover('a'), await chain.handover('b')];
    const crossed = `${bare(a)}?message=${b.messageId}`;
    assert.ok((await chain.callBack(crossed, { status: 'delivered' })).status < 500);
    await chain.report(a, 'delivered');
    assert.equal(states(await chain.untilLeg(id, 0, 'delivered')), 'delivered accepted');
  });

  test('another provider’s reference is not touched', async (t) => {
    const leg = { answers: [acceptAs('same')], provider: BY_REF };
    const chain = await openChain(t, carom, { a: leg, b: leg });
    const id = await chain.trigger(ALL);
    await chain.ended(id);
    await reportTo(chain, bare(await chain.handover('b')), { id: 'same', status: 'delivered' });
    assert.equal(states(await chain.untilLeg(id, 1, 'delivered')), 'accepted delivered');
  });

  test('another account’s message is not touched', async (t) => {
    const mine = await openChain(t, carom, { a: {} });
    const theirs = await openChain(t, carom, { a: {} });
    const [id, other] = [await mine.trigger(DELIVERY), await theirs.trigger(DELIVERY)];
    const [a, b] = [await mine.handover('a'), await theirs.handover('a')];
    assert.ok((await mine.callBack(`${bare(a)}?message=${b.messageId}`, { status: 'delivered' })).status < 500);
    await mine.report(a, 'delivered');
    await mine.ended(id);
    assert.equal((await theirs.untilLeg(other, 0, 'accepted')).state, 'running');
  });

  test('a message id that was never made is taken and ignored', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    await chain.trigger(DELIVERY);
    const url = `${bare(await chain.handover('a'))}?message=${randomUUID()}`;
    assert.equal((await chain.callBack(url, { status: 'delivered' })).status, 200);
  });

  test('garbage is a 400, and an unlisted word is taken: neither touches the message', async (t) => {
    const chain = await openChain(t, carom, { a: {} });
    const id = await chain.trigger(DELIVERY);
    const handover = await chain.handover('a');
    const cases: [body: string, status: number, url?: string][] = [
      ['{"status": "delivered"', 200],
      ['', 200],
      ['[1, null, "x"]', 200],
      ['{"status": {"deep": true}}', 200],
      ['{"status": "exploded"}', 200],
      ['{"status": "delivered"}', 400, bare(handover)],
      ['{"status": "delivered"}', 400, `${bare(handover)}?message=not-an-id`],
      [JSON.stringify(Array.from({ length: 1_001 }, () => ({ status: 'sent' }))), 400],
      ['x'.repeat(300_000), 413],
    ];
    for (const [body, status, url = handover.receiptUrl] of cases) {
      const answer = await chain.callBack(url, body);
      assert.equal(answer.status, status, `${body.slice(0, 40)}: ${await answer.text()}`);
    }
    await chain.untilLeg(id, 0, 'accepted');
    await chain.report(handover, 'delivered');
    assert.deepEqual(told(await chain.ended(id), /receipt\./), ['receipt.delivered 0']);
  });

  test('a provider without "receipt" in its settings refuses callbacks with what to do', async (t) => {
    const chain = await openChain(t, carom, { a: { provider: { receipt: undefined } } });
    await chain.trigger(ATTEMPT);
    const answer = await chain.callBack((await chain.handover('a')).receiptUrl, { status: 'delivered' });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /receipt/);
  });

  test('the sandbox takes callbacks by hand', async (t) => {
    const sandbox = { type: 'sandbox', behave: 'silent', request: undefined, response: undefined, receipt: undefined };
    const chain = await openChain(t, carom, { a: { provider: sandbox } });
    const id = await chain.trigger(DELIVERY);
    const view = await chain.untilLeg(id, 0, 'accepted');
    const provider = await carom.call('GET', `/v1/providers/a?account=${chain.account}`);
    const messageId = view.legs[0]!.messages[0]!.id;
    await reportTo(chain, provider.body.receiptUrl, { messageId, status: 'undelivered', reason: 'absent subscriber' });
    const after = await chain.ended(id);
    assert.equal(after.state, 'failed');
    assert.equal(after.legs[0]!.reason, 'absent subscriber');
  });
});
