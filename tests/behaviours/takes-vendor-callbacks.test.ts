/** Vendors with a file of their own, through a whole Carom: what they call back starts the next leg, and nobody can call in their name. */
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { states } from '../support/chain.ts';
import type { TransactionView } from '../support/chain.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const DELIVERY = 'fallback_on_delivery_failure';
const NUMBER_ID = '106540352242922';
const APP_SECRET = 'app-s3cret';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** An account whose WhatsApp goes to Meta's API and whose SMS goes to a gateway, both played by one server. */
class Shop {
  readonly account = `account-${randomUUID()}`;
  readonly vendor: HttpVendor;

  constructor(vendor: HttpVendor) {
    this.vendor = vendor;
    vendor.answering = (response, call) =>
      call.url === '/sms'
        ? json(200, { status: 'sms_accepted' })(response, call)
        : json(200, { messaging_product: 'whatsapp', messages: [{ id: 'wamid.HBgLMTY1' }] })(response, call);
  }

  manifest(): object {
    const whatsapp = {
      phoneNumberId: NUMBER_ID,
      accessToken: 'EAAG-t0ken',
      appSecret: APP_SECRET,
      verifyToken: 'our-own-w0rd',
      baseUrl: this.vendor.url,
    };
    const running = { state: 'running', body: 'Order {{ token.order }} is on its way.' };
    return {
      account: this.account,
      defaultRegion: 'IN',
      providers: [
        { id: 'meta', channel: 'whatsapp', type: 'whatsapp-cloud', receipts: 'callback', ...whatsapp },
        {
          id: 'gateway',
          channel: 'sms',
          type: 'webengage-gateway',
          receipts: 'callback',
          url: `${this.vendor.url}/sms`,
        },
      ],
      campaigns: [
        {
          id: '~wa',
          channel: 'whatsapp',
          provider: 'meta',
          ...running,
          template: { name: 'order_sent', language: 'en', variables: ['{{ token.order }}'] },
        },
        { id: '~sms', channel: 'sms', provider: 'gateway', from: 'CAROM', ...running },
      ],
    };
  }

  async trigger(...campaignIds: string[]): Promise<string> {
    const body = { campaignIds, mode: DELIVERY, userId: 'ana', phone: '+919876543210', token: { order: '7' } };
    const answer = await carom.call('POST', `/v1/transactions?account=${this.account}`, { body });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return (answer.body as TransactionView).id;
  }

  until(id: string, condition: (view: TransactionView) => boolean): Promise<TransactionView> {
    return carom.transaction(this.account, id, condition) as Promise<TransactionView>;
  }

  /** The address that the provider's vendor is given. */
  async receiptUrl(provider: string): Promise<string> {
    const { body } = await carom.call('GET', `/v1/providers/${provider}?account=${this.account}`);
    return (body as { receiptUrl: string }).receiptUrl;
  }

  /** The token by which a gateway reports to an address that is the same for all. */
  async token(): Promise<string> {
    return (await this.receiptUrl('gateway')).split('/').at(-1)!;
  }
}

async function openShop(t: TestContext): Promise<Shop> {
  const vendor = await startVendor();
  t.after(() => vendor.close());
  const shop = new Shop(vendor);
  applied = applied.then(() => carom.apply(shop.manifest()));
  await applied;
  return shop;
}

let applied = Promise.resolve();

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** A status as Meta calls back with it, and its signature. */
function metaStatus(
  messageId: string,
  status: object,
  secret = APP_SECRET,
): [body: object, headers: Record<string, string>] {
  const metadata = { display_phone_number: '15550783881', phone_number_id: NUMBER_ID };
  const statuses = [{ id: 'wamid.HBgLMTY1', timestamp: '1750030073', biz_opaque_callback_data: messageId, ...status }];
  const value = { messaging_product: 'whatsapp', metadata, statuses };
  const entry = [{ id: '102290129340398', changes: [{ value, field: 'messages' }] }];
  const body = { object: 'whatsapp_business_account', entry };
  const digest = createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex');
  return [body, { 'x-hub-signature-256': `sha256=${digest}` }];
}

const UNDELIVERABLE = {
  status: 'failed',
  errors: [{ code: 131026, title: 'Message undeliverable', error_data: { details: 'Message Undeliverable.' } }],
};

describe('WhatsApp Cloud', { concurrency: true }, () => {
  test('a failed status starts the SMS, and the gateway’s notification ends the chain', async (t) => {
    const shop = await openShop(t);
    const id = await shop.trigger('~wa', '~sms');
    const sent = JSON.parse((await shop.vendor.call(0)).body) as { biz_opaque_callback_data: string; to: string };
    assert.equal(sent.to, '+919876543210');
    await shop.until(id, ({ legs }) => legs[0]!.state === 'accepted');
    const failed = metaStatus(sent.biz_opaque_callback_data, UNDELIVERABLE);
    assert.equal((await post(await shop.receiptUrl('meta'), ...failed)).status, 200);

    const sms = JSON.parse((await shop.vendor.call(1)).body) as { metadata: { messageId: string }; smsData: object };
    assert.deepEqual(sms.smsData, { toNumber: '919876543210', fromNumber: 'CAROM', body: 'Order 7 is on its way.' });
    const { messageId } = sms.metadata;
    const report = {
      version: '1.0',
      messageId,
      toNumber: '919876543210',
      status: 'sms_sent',
      statusCode: 0,
      smsCount: 1,
    };
    assert.equal((await post(await shop.receiptUrl('gateway'), report)).status, 200);
    const view = await shop.until(id, ({ endedAt }) => endedAt !== null);
    assert.equal(view.state, 'succeeded');
    assert.equal(states(view), 'undelivered delivered');
    assert.equal(view.legs[0]!.reason, 'not_reachable: 131026 Message Undeliverable.');
  });

  test('a forged status is a 403 and changes nothing', async (t) => {
    const shop = await openShop(t);
    const id = await shop.trigger('~wa', '~sms');
    const { biz_opaque_callback_data: messageId } = JSON.parse((await shop.vendor.call(0)).body) as Record<
      string,
      string
    >;
    const url = await shop.receiptUrl('meta');
    assert.equal((await post(url, ...metaStatus(messageId!, UNDELIVERABLE, 'guessed'))).status, 403);
    const [body] = metaStatus(messageId!, UNDELIVERABLE);
    assert.equal((await post(url, body)).status, 403);
    const view = await shop.until(id, ({ legs }) => legs[0]!.state === 'accepted');
    assert.equal(view.legs[1]!.state, 'pending');
    assert.equal((await post(url, ...metaStatus(messageId!, { status: 'delivered' }))).status, 200);
    assert.equal((await shop.until(id, ({ endedAt }) => endedAt !== null)).state, 'succeeded');
  });

  test('the verification of the address is answered with the challenge as it stands', async (t) => {
    const url = await (await openShop(t)).receiptUrl('meta');
    const ask = (token: string) =>
      fetch(`${url}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1158201444`);
    const answer = await ask('our-own-w0rd');
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type')!, /^text\/plain/);
    assert.equal(await answer.text(), '1158201444');
    assert.equal((await ask('guess')).status, 403);
  });

  test('no credential can be read back', async (t) => {
    const shop = await openShop(t);
    const { body } = await carom.call('GET', `/v1/providers/meta?account=${shop.account}`);
    const shown = JSON.stringify(body);
    for (const secret of ['EAAG-t0ken', APP_SECRET, 'our-own-w0rd']) assert(!shown.includes(secret));
    assert(shown.includes(NUMBER_ID));
  });
});

describe('a gateway made for WebEngage', { concurrency: true }, () => {
  for (const path of ['/tracking/events', '/tracking/privatessp-events']) {
    test(`reports to ${path} with its token: only the host has changed for it`, async (t) => {
      const shop = await openShop(t);
      const id = await shop.trigger('~sms');
      const { metadata } = JSON.parse((await shop.vendor.call(0)).body) as { metadata: { messageId: string } };
      const report = { version: '1.0', messageId: metadata.messageId, status: 'sms_failed', statusCode: 2009 };
      for (const authorization of ['Bearer guess', `Bearer ${carom.adminKey}`, 'Bearer ']) {
        assert.equal((await post(carom.url + path, report, { authorization })).status, 401);
      }
      const authorization = `Bearer ${await shop.token()}`;
      assert.equal((await post(carom.url + path, report, { authorization })).status, 200);
      const view = await shop.until(id, ({ endedAt }) => endedAt !== null);
      assert.equal(states(view), 'undelivered');
      assert.equal(view.legs[0]!.reason, 'not_delivered: 2009');
    });
  }

  test('may have the token in the address, as private e-mail gateways do', async (t) => {
    const shop = await openShop(t);
    const id = await shop.trigger('~sms');
    const { metadata } = JSON.parse((await shop.vendor.call(0)).body) as { metadata: { messageId: string } };
    const url = `${carom.url}/tracking/${await shop.token()}/private-esp-events`;
    const report = { messageId: metadata.messageId, status: 'sms_sent' };
    assert.equal((await post(`${carom.url}/tracking/guess/private-esp-events`, report)).status, 401);
    assert.equal((await post(url, report)).status, 200);
    assert.equal((await shop.until(id, ({ endedAt }) => endedAt !== null)).state, 'succeeded');
  });

  test('cannot report on the messages of another account, or of none', async (t) => {
    const [mine, theirs] = [await openShop(t), await openShop(t)];
    const id = await theirs.trigger('~sms');
    const { metadata } = JSON.parse((await theirs.vendor.call(0)).body) as { metadata: { messageId: string } };
    const authorization = `Bearer ${await mine.token()}`;
    for (const messageId of [metadata.messageId, randomUUID(), 'webengage-message-id']) {
      const report = { version: '1.0', messageId, status: 'sms_failed', statusCode: 2009 };
      assert.equal((await post(`${carom.url}/tracking/events`, report, { authorization })).status, 200);
    }
    assert.equal((await theirs.until(id, ({ legs }) => legs[0]!.state === 'accepted')).state, 'running');
  });

  test('garbage from it is a 400', async (t) => {
    const authorization = `Bearer ${await (await openShop(t)).token()}`;
    for (const body of ['x', null, [], [{}], { status: 'sms_sent' }]) {
      const answer = await post(`${carom.url}/tracking/events`, body, { authorization });
      assert.equal(answer.status, Array.isArray(body) && body.length === 0 ? 200 : 400, JSON.stringify(body));
    }
  });
});
