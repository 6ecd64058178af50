/** Receipts that are not what they seem: forged, misdirected or unreadable ones touch no message. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { BY_REF, acceptAs, bare, openChain, states, told } from '../support/chain.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

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
    await chain.reportTo(bare(await chain.handover('b')), { id: 'same', status: 'delivered' });
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
      ['x'.repeat(4_200_000), 413],
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
    await chain.reportTo(provider.body.receiptUrl, { messageId, status: 'undelivered', reason: 'absent subscriber' });
    const after = await chain.ended(id);
    assert.equal(after.state, 'failed');
    assert.equal(after.legs[0]!.reason, 'absent subscriber');
  });
});
