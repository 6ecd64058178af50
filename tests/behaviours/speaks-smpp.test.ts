/** SMS over SMPP through a whole Carom: the bind is there before the first message, and receipts over it decide the chain. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { states } from '../support/chain.ts';
import type { TransactionView } from '../support/chain.ts';
import { receiptText, refuseWith, startSmsc, takeAs } from '../support/smsc.ts';
import type { Smsc } from '../support/smsc.ts';
import { fromGsm7 } from '../support/smsc-wire.ts';

const DELIVERY = 'fallback_on_delivery_failure';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** An account whose SMS goes to a message centre, and whose WhatsApp to the sandbox. */
class Shop {
  readonly account = `account-${randomUUID()}`;
  readonly smsc: Smsc;

  constructor(smsc: Smsc) {
    this.smsc = smsc;
  }

  apply(changes: object = {}, more: object = {}): Promise<void> {
    const campaign = { state: 'running', body: 'Order {{ token.order }} is on its way.' };
    const smpp = { host: '127.0.0.1', port: this.smsc.port, systemId: 'carom', password: 's3cret', from: 'SHOP' };
    return carom.apply({
      account: this.account,
      defaultRegion: 'IN',
      providers: [
        { id: 'operator', channel: 'sms', type: 'smpp', receipts: 'callback', ...smpp, ...changes },
        { id: 'whatsapp', channel: 'whatsapp', type: 'sandbox' },
      ],
      campaigns: [
        { id: '~sms', channel: 'sms', provider: 'operator', ...campaign },
        { id: '~whatsapp', channel: 'whatsapp', provider: 'whatsapp', ...campaign },
      ],
      ...more,
    });
  }

  async trigger(campaignIds = ['~sms', '~whatsapp']): Promise<string> {
    const body = { campaignIds, mode: DELIVERY, userId: 'ana', phone: '98765 43210', token: { order: 'OD-7' } };
    const answer = await carom.call('POST', `/v1/transactions?account=${this.account}`, { body });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return (answer.body as TransactionView).id;
  }

  ended(id: string): Promise<TransactionView> {
    return carom.ended(this.account, id) as Promise<TransactionView>;
  }
}

async function openShop(scope: TestContext): Promise<Shop> {
  const smsc = await startSmsc();
  scope.after(() => smsc.close());
  const shop = new Shop(smsc);
  await shop.apply();
  return shop;
}

describe('an smpp provider', { concurrency: true }, () => {
  test('is bound as soon as it is configured, and made anew when that changes', async (t) => {
    const shop = await openShop(t);
    const first = await shop.smsc.bound(0);
    assert.equal(first.bind!.systemType, '');
    await shop.apply({ systemType: 'OTP' });
    assert.equal((await shop.smsc.bound(1)).bind!.systemType, 'OTP');
    await first.gone;
    assert.equal(shop.smsc.unbinds, 1);
  });

  test('is unbound when it is configured no more', async (t) => {
    const shop = await openShop(t);
    const link = await shop.smsc.bound(0);
    const gone = await carom.call('PUT', '/v1/manifest?prune=true', {
      body: { account: shop.account, providers: [], campaigns: [] },
    });
    assert.equal(gone.status, 200, JSON.stringify(gone.body));
    await link.gone;
    assert.equal(shop.smsc.unbinds, 1);
  });

  test('delivers: a receipt over the connection ends the chain', async (t) => {
    const shop = await openShop(t);
    const id = await shop.trigger();
    const { source, dest, shortMessage } = await shop.smsc.submission(0);
    assert.deepEqual(
      [source[2], dest[2], fromGsm7(shortMessage)],
      ['SHOP', '919876543210', 'Order OD-7 is on its way.'],
    );
    const link = await shop.smsc.bound(0);
    assert.equal(await link.deliver({ text: receiptText('id-0', 'DELIVRD') }), 0);
    const view = await shop.ended(id);
    assert.equal(view.state, 'succeeded');
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
    assert.equal(view.legs[0]!.messages[0]!.ref, 'id-0');
  });

  test('does not deliver: UNDELIV starts the next leg', async (t) => {
    const shop = await openShop(t);
    const id = await shop.trigger();
    await shop.smsc.submission(0);
    const link = await shop.smsc.bound(0);
    assert.equal(await link.deliver({ text: receiptText('id-0', 'UNDELIV', '001') }), 0);
    const view = await shop.ended(id);
    assert.equal(states(view), 'undelivered delivered');
    assert.equal(view.legs[0]!.messages[0]!.reason, 'undeliverable: error 001');
  });

  test('reports before it answers: the receipt is kept until the answer says whose it is', async (t) => {
    const shop = await openShop(t);
    const answers: Promise<number>[] = [];
    shop.smsc.taking = (link, submission, n) => {
      answers.push(link.deliver({ text: receiptText('early', 'DELIVRD') }));
      takeAs(() => 'early')(link, submission, n);
    };
    const view = await shop.ended(await shop.trigger());
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
    assert.deepEqual(await Promise.all(answers), [0]);
  });

  test('refuses the number: the next leg starts at once', async (t) => {
    const shop = await openShop(t);
    shop.smsc.taking = refuseWith(0x0b);
    const view = await shop.ended(await shop.trigger());
    assert.equal(states(view), 'rejected delivered');
    assert.match(view.legs[0]!.messages[0]!.reason!, /^invalid_number: ESME_RINVDSTADR/);
  });

  test('is cut off with a message under way: unknown, and the next leg', async (t) => {
    const shop = await openShop(t);
    shop.smsc.taking = (link) => link.cut();
    const view = await shop.ended(await shop.trigger());
    assert.equal(states(view), 'unknown delivered');
    assert.equal(shop.smsc.submissions.length, 1);
  });

  test('is throttled: the message waits, no attempt is used up', async (t) => {
    const shop = await openShop(t);
    shop.smsc.taking = (link, submission, n) =>
      n === 0 ? refuseWith(0x58)(link, submission, n) : takeAs(() => 'later')(link, submission, n);
    const id = await shop.trigger();
    await shop.smsc.submission(1);
    const link = await shop.smsc.bound(0);
    assert.equal(await link.deliver({ text: receiptText('later', 'DELIVRD') }), 0);
    const view = await shop.ended(id);
    assert.equal(states(view), 'delivered skipped:chain_succeeded');
  });
});

test('a node that stops unbinds', async (t) => {
  const smsc = await startSmsc();
  t.after(() => smsc.close());
  const own = await startCarom();
  const { port } = smsc;
  await own.apply({
    account: 'shop',
    providers: [
      { id: 'operator', channel: 'sms', type: 'smpp', host: '127.0.0.1', port, systemId: 'carom', password: 'x' },
    ],
  });
  const link = await smsc.bound(0);
  await own.stop();
  await link.gone;
  assert.equal(smsc.unbinds, 1);
});
