/** Webhooks out: who is told what, in which words, signed how; what is done when nobody answers; and who may not be called. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, before, describe } from 'node:test';
import { Webhook as Oracle } from 'standardwebhooks';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { json } from '../support/http-vendor.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { ReceivedCall, Receiver } from '../support/webhook-receiver.ts';

let carom: Carom;
let receiver: Receiver;
before(async () => {
  carom = await startCarom();
  receiver = await startReceiver();
});
after(async () => {
  await carom.stop();
  await receiver.vendor.close();
});

const ALL = ['message.sent', 'message.delivered', 'message.failed', 'transaction.ended'];
const PHONE = { delivered: '+919876543210', undelivered: '+919876540003', silent: '+919876540004', rejected: '+919876540002' };

/** An account of its own. */
class Shop {
  readonly account = `shop-${randomUUID().slice(0, 8)}`;
  readonly key = `key-${randomUUID()}`;

  async open(more: object = {}): Promise<this> {
    const message = (id: string, channel: string) => ({
      id,
      state: 'running',
      channel,
      provider: `${channel}-demo`,
      body: 'Hi',
      ...(channel === 'email' && { subject: 'Hi', from: 'a@shop.example' }),
    });
    await carom.apply({
      account: this.account,
      privateNetwork: 'allow',
      defaultRegion: 'IN',
      keys: [{ key: this.key, scopes: ['trigger', 'read', 'admin'] }],
      providers: ['sms', 'email'].map((channel) => ({ id: `${channel}-demo`, channel, type: 'sandbox' })),
      campaigns: [message('~sms', 'sms'), message('~other', 'sms'), message('~mail', 'email')],
      ...more,
    });
    return this;
  }

  api(method: string, path: string, body?: unknown): Promise<Answer> {
    return carom.call(method, `/v1/${path}`, { key: this.key, body });
  }

  /** A webhook to the receiver; the answer's body. */
  async webhook(name: string, more: object = {}): Promise<any> {
    const body = { url: receiver.urlOf(`${this.account}-${name}`), events: ALL, ...more };
    const answer = await this.api('PUT', `webhooks/${name}`, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  }

  calls(name: string): ReceivedCall[] {
    return receiver.callsOf(`${this.account}-${name}`);
  }

  untilCalls(name: string, count: number, timeoutMs?: number): Promise<ReceivedCall[]> {
    return receiver.untilCalls(`${this.account}-${name}`, count, timeoutMs);
  }

  /** The log of a webhook, once it satisfies the condition. */
  log(name: string, until: (calls: any[]) => boolean, query = ''): Promise<any[]> {
    return eventually(async () => (await this.api('GET', `webhooks/${name}/calls${query}`)).body.data, until);
  }

  /** Triggers a chain; the transaction's id. */
  async trigger(campaignIds: string[], phone: string, more: object = {}): Promise<string> {
    const body = { campaignIds, mode: 'fallback_on_delivery_failure', userId: 'ana', phone, ...more };
    const answer = await this.api('POST', 'transactions', body);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.id;
  }
}

const typesOf = (calls: ReceivedCall[]) => calls.map(({ event }) => event.type.replace('carom.', ''));

/** How the receiver answers calls to one webhook; the others get 200. */
function answerOf(shop: Shop, name: string, answering: typeof receiver.vendor.answering): void {
  const others = receiver.vendor.answering;
  const url = `/${shop.account}-${name}`;
  receiver.vendor.answering = (response, call) => (call.url === url ? answering : others)(response, call);
}

describe('what is told', () => {
  test('a chain’s events, in their order, as CloudEvents whose signature the reference implementation verifies', async () => {
    const shop = await new Shop().open();
    const { auth } = await shop.webhook('crm');
    const id = await shop.trigger(['~sms'], PHONE.delivered, { txnId: 'order-1' });
    const calls = await shop.untilCalls('crm', 3);
    assert.deepEqual(typesOf(calls), ['message.sent', 'message.delivered', 'transaction.ended']);
    const oracle = new Oracle(auth.secret);
    for (const { headers, body } of calls) {
      assert.ok(oracle.verify(body, headers as Record<string, string>));
      assert.throws(() => oracle.verify(`${body} `, headers as Record<string, string>));
      assert.equal(headers['content-type'], 'application/cloudevents+json');
      assert.match(String(headers['user-agent']), /^Carom\//);
    }
    const { event } = calls[1]!;
    const messageId = `${id.slice(0, 28)}0001${id.slice(32)}`;
    const { time, source, ...rest } = event;
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.ok(URL.canParse(source));
    assert.deepEqual(rest, {
      specversion: '1.0',
      id: calls[1]!.id,
      type: 'carom.message.delivered',
      subject: messageId,
      datacontenttype: 'application/json',
      data: {
        account: shop.account,
        transactionId: id,
        txnId: 'order-1',
        userId: 'ana',
        campaignId: '~sms',
        version: 1,
        leg: 0,
        messageId,
        channel: 'sms',
        provider: 'sms-demo',
        to: PHONE.delivered,
        state: 'delivered',
        reason: null,
        reference: null,
        batchId: null,
        at: time,
      },
    });
    assert.deepEqual(new Set(calls.map((call) => call.id)).size, 3);
  });

  test('a fallback: each leg’s failure, then the end', async () => {
    const shop = await new Shop().open();
    await shop.webhook('crm');
    await shop.trigger(['~sms', '~other'], PHONE.undelivered);
    const calls = await shop.untilCalls('crm', 5);
    const told = calls.map(({ event: { type, data } }) => [type.slice(6), data.campaignId ?? null, data.state]);
    assert.deepEqual(told, [
      ['message.sent', '~sms', 'accepted'],
      ['message.failed', '~sms', 'undelivered'],
      ['message.sent', '~other', 'accepted'],
      ['message.failed', '~other', 'undelivered'],
      ['transaction.ended', null, 'failed'],
    ]);
    assert.equal(calls[1]!.event.data.reason, 'sandbox');
  });

  test('openings, clicks and unsubscriptions, each once, however often they are reported', async () => {
    const vendorId = 'sms-http';
    const provider = {
      id: vendorId,
      channel: 'sms',
      type: 'http',
      request: { url: receiver.urlOf('vendor'), json: { callback: '{{ receipt_url }}' } },
      receipt: { status: 'body.status' },
    };
    const campaign = { id: '~http', state: 'running', channel: 'sms', provider: vendorId, body: 'Hi' };
    const shop = await new Shop().open({ providers: [provider], campaigns: [campaign] });
    const events = ['message.opened', 'message.clicked', 'message.unsubscribed', 'message.delivered'];
    await shop.webhook('crm', { events });
    const before = receiver.callsOf('vendor').length;
    await shop.trigger(['~http'], PHONE.delivered);
    const { callback } = (await receiver.untilCalls('vendor', before + 1)).at(-1)!.event;
    for (const status of ['read', 'opened', 'opened', 'clicked', 'clicked', 'unsubscribed', 'delivered']) {
      const answer = await carom.call('POST', callback.slice(carom.url.length), { key: null, body: { status } });
      assert.equal(answer.status, 200);
    }
    await shop.untilCalls('crm', 4);
    const log = await shop.log('crm', (calls) => calls.every(({ state }) => state === 'delivered'));
    assert.equal(log.length, 4);
    const wanted = ['message.delivered', 'message.opened', 'message.clicked', 'message.unsubscribed'];
    assert.deepEqual(typesOf(shop.calls('crm')), wanted);
  });

  test('the late end of a transaction that had been given up, again, and that it is late', async () => {
    const campaign = { id: '~short', state: 'running', channel: 'sms', provider: 'sms-demo', body: 'Hi', receiptTimeout: '1s' };
    const shop = await new Shop().open({ campaigns: [campaign] });
    await shop.webhook('crm', { events: ['transaction.ended', 'message.failed', 'message.delivered'] });
    await shop.trigger(['~short'], '+919876540005');
    const calls = await shop.untilCalls('crm', 4);
    const told = calls.map(({ event: { type, data } }) => [type.slice(6), data.state, data.late]);
    assert.deepEqual(told, [
      ['message.failed', 'unconfirmed', undefined],
      ['transaction.ended', 'unconfirmed', false],
      ['message.delivered', 'delivered', undefined],
      ['transaction.ended', 'succeeded', true],
    ]);
    assert.equal(new Set(calls.map(({ id }) => id)).size, 4);
  });

  test('only what a webhook asks for: by event, campaign and channel', async () => {
    const shop = await new Shop().open();
    await shop.webhook('ends', { events: ['transaction.ended'] });
    await shop.webhook('campaign', { campaigns: ['~other'] });
    await shop.webhook('channel', { channels: ['email'] });
    await shop.webhook('off', { enabled: false });
    await shop.trigger(['~sms'], PHONE.delivered);
    await shop.trigger(['~other'], PHONE.delivered);
    await shop.trigger(['~mail'], PHONE.delivered, { email: 'delivered@shop.example' });
    await shop.untilCalls('ends', 3);
    const chain = ['message.sent', 'message.delivered', 'transaction.ended'];
    for (const name of ['campaign', 'channel']) assert.deepEqual(typesOf(await shop.untilCalls(name, 3)), chain);
    assert.ok(shop.calls('campaign').every(({ event }) => (event.data.campaignId ?? '~other') === '~other'));
    assert.ok(shop.calls('channel').every(({ event }) => (event.data.channel ?? 'email') === 'email'));
    assert.deepEqual(shop.calls('off'), []);
    assert.deepEqual((await shop.api('GET', 'webhooks/off/calls')).body.data, []);
  });

  test('another account nothing', async () => {
    const [shop, other] = [await new Shop().open(), await new Shop().open()];
    await other.webhook('crm');
    await shop.webhook('crm');
    await shop.trigger(['~sms'], PHONE.delivered);
    await shop.untilCalls('crm', 3);
    assert.deepEqual(other.calls('crm'), []);
    assert.equal((await other.api('GET', 'webhooks/crm/calls')).body.data.length, 0);
  });

  test('the shape of Xtremepush, with Basic and Bearer', async () => {
    const shop = await new Shop().open();
    const events = ['message.sent', 'message.delivered'];
    const format = 'xtremepush';
    await shop.webhook('basic', { events, format, auth: { type: 'basic', username: 'ana', password: 'pa:ss' } });
    await shop.webhook('bearer', { events, format, auth: { type: 'bearer', token: 't0ken' } });
    const id = await shop.trigger(['~sms'], PHONE.delivered, { txnId: 'order-x' });
    const calls = await shop.untilCalls('basic', 2);
    assert.deepEqual(
      calls.map(({ event }) => event.event),
      ['message_send', 'message_delivery'],
    );
    const { headers, event } = calls[0]!;
    assert.equal(headers.authorization, `Basic ${Buffer.from('ana:pa:ss').toString('base64')}`);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['webhook-signature'], undefined);
    assert.ok(Number.isInteger(event.time) && Math.abs(event.time * 1_000 - Date.now()) < 60_000);
    const { properties } = event;
    assert.deepEqual([properties.user_id, properties.txn_id, properties.transaction_id], ['ana', 'order-x', id]);
    assert.deepEqual([properties.campaign_id, properties.message_type, properties.address], ['~sms', 'sms', PHONE.delivered]);
    const [bearer] = await shop.untilCalls('bearer', 2);
    assert.equal(bearer!.headers.authorization, 'Bearer t0ken');
  });
});

describe('a receiver that fails', () => {
  test('gets the call again under the same id, newly signed, and what comes after it waits', async () => {
    const shop = await new Shop().open();
    const { auth } = await shop.webhook('crm');
    let fails = 1;
    const answers: number[] = [];
    answerOf(shop, 'crm', (response, call) => {
      const status = fails-- > 0 ? 503 : 200;
      answers.push(status);
      json(status, {})(response, call);
    });
    await shop.trigger(['~sms'], PHONE.delivered);
    const calls = await shop.untilCalls('crm', 4);
    assert.deepEqual(answers, [503, 200, 200, 200]);
    assert.deepEqual(typesOf(calls), ['message.sent', 'message.sent', 'message.delivered', 'transaction.ended']);
    assert.equal(calls[0]!.id, calls[1]!.id);
    assert.notEqual(calls[0]!.headers['webhook-timestamp'], calls[1]!.headers['webhook-timestamp']);
    new Oracle(auth.secret).verify(calls[1]!.body, calls[1]!.headers as Record<string, string>);
    const log = await shop.log('crm', (all) => all.length === 3 && all.every(({ state }) => state === 'delivered'));
    const first = log.find(({ type }) => type === 'message.sent');
    assert.deepEqual([first.attempts, first.status, first.error], [2, 200, null]);
  });

  test('does not hold up other webhooks, nor transactions', async () => {
    const shop = await new Shop().open();
    await shop.webhook('hangs');
    await shop.webhook('crm');
    answerOf(shop, 'hangs', () => undefined);
    const ids = await Promise.all(Array.from({ length: 50 }, () => shop.trigger(['~sms'], PHONE.delivered)));
    await shop.untilCalls('crm', 150);
    for (const id of ids) assert.equal((await carom.ended(shop.account, id)).state, 'succeeded');
    assert.ok(shop.calls('hangs').length <= 8, `${shop.calls('hangs').length} calls to one that nobody knows yet`);
  });

  test('its answer stands in the log, and a redirect is not followed', async () => {
    const shop = await new Shop().open();
    await shop.webhook('crm', { events: ['message.sent'] });
    await shop.webhook('moved', { events: ['message.sent'] });
    answerOf(shop, 'crm', json(500, { message: 'out of order' }));
    answerOf(shop, 'moved', (response) => response.writeHead(302, { location: receiver.urlOf('elsewhere') }).end());
    const before = receiver.callsOf('elsewhere').length;
    await shop.trigger(['~sms'], PHONE.delivered);
    const [call] = await shop.log('crm', ([first]) => first?.attempts === 1 && first.status !== null);
    assert.deepEqual([call.state, call.status], ['waiting', 500]);
    assert.match(call.error, /^answered 500: .*out of order/);
    const dueInMs = Date.parse(call.dueAt) - Date.parse(call.triedAt);
    assert.ok(dueInMs >= 4_000 && dueInMs <= 5_000, `${dueInMs} ms`);
    const [moved] = await shop.log('moved', ([first]) => first?.status === 302);
    assert.match(moved.error, /redirects are not followed/);
    assert.equal(receiver.callsOf('elsewhere').length, before);
  });

  test('says that it is gone, and is disabled with a reason; enabled again, it gets what waits', async () => {
    const shop = await new Shop().open();
    await shop.webhook('crm', { events: ['message.sent', 'message.delivered'] });
    answerOf(shop, 'crm', json(410, {}));
    await shop.trigger(['~sms'], PHONE.delivered);
    const view = await eventually(
      async () => (await shop.api('GET', 'webhooks/crm')).body,
      ({ enabled }) => enabled === false,
    );
    assert.match(view.disabledReason, /410/);
    assert.equal((await shop.log('crm', (all) => all.some(({ state }) => state === 'failed'))).length > 0, true);
    const { webhooks } = (await shop.api('GET', 'manifest')).body;
    assert.equal(webhooks[0].enabled, false);
    assert.equal((await shop.api('POST', `webhooks/crm/replay`, { since: '2020-01-01T00:00:00Z' })).status, 409);
    const made = shop.calls('crm').length;
    answerOf(shop, 'crm', json(200, {}));
    await shop.trigger(['~sms'], PHONE.delivered);
    const again = await shop.webhook('crm', { events: ['message.sent', 'message.delivered'], enabled: true });
    assert.equal(again.disabledReason, undefined);
    const replayed = await shop.api('POST', 'webhooks/crm/replay', { since: '2020-01-01T00:00:00Z', state: 'failed' });
    assert.equal(replayed.status, 202);
    await shop.log('crm', (all) => all.every(({ state }) => state === 'delivered'));
    assert.ok(shop.calls('crm').length > made);
  });
});

describe('the log', () => {
  test('lets one call, or those of a time, be made again, under their ids', async () => {
    const shop = await new Shop().open();
    await shop.webhook('crm');
    await shop.trigger(['~sms'], PHONE.delivered);
    const calls = await shop.untilCalls('crm', 3);
    const log = await shop.log('crm', (all) => all.length === 3 && all.every(({ state }) => state === 'delivered'));
    assert.deepEqual(log.map(({ id }) => id).toSorted(), calls.map(({ id }) => id).toSorted());
    assert.deepEqual(log.find(({ id }) => id === calls[0]!.id).body, calls[0]!.event);
    assert.equal((await shop.api('POST', `webhooks/crm/calls/${calls[1]!.id}/replay`)).status, 202);
    const again = (await shop.untilCalls('crm', 4))[3]!;
    assert.deepEqual([again.id, again.body], [calls[1]!.id, calls[1]!.body]);
    await shop.log('crm', (all) => all.every(({ state }) => state === 'delivered'));
    const range = { since: '2020-01-01T00:00:00Z', until: '2100-01-01T00:00:00+05:30' };
    assert.deepEqual((await shop.api('POST', 'webhooks/crm/replay', range)).body, { replayed: 3 });
    const all = await shop.untilCalls('crm', 7);
    assert.deepEqual(
      all.slice(4).map(({ id }) => id),
      calls.map(({ id }) => id),
    );
  });

  test('is paged, and narrowed by state and time', async () => {
    const shop = await new Shop().open();
    await shop.webhook('crm');
    await shop.trigger(['~sms'], PHONE.delivered);
    await shop.log('crm', (all) => all.length === 3 && all.every(({ state }) => state === 'delivered'));
    const page = (await shop.api('GET', 'webhooks/crm/calls?limit=2')).body;
    assert.equal(page.data.length, 2);
    const rest = (await shop.api('GET', `webhooks/crm/calls?limit=2&cursor=${page.next}`)).body;
    assert.deepEqual([rest.data.length, rest.next], [1, null]);
    assert.equal((await shop.api('GET', 'webhooks/crm/calls?state=failed')).body.data.length, 0);
    assert.equal((await shop.api('GET', 'webhooks/crm/calls?since=2100-01-01T00:00:00Z')).body.data.length, 0);
    for (const bad of ['state=lost', 'cursor=x', 'since=today', 'limit=0']) {
      assert.equal((await shop.api('GET', `webhooks/crm/calls?${bad}`)).status, 400, bad);
    }
  });

  test('a test event is told at once, and is not in the log', async () => {
    const shop = await new Shop().open();
    const { auth } = await shop.webhook('crm');
    const good = await shop.api('POST', 'webhooks/crm/test');
    assert.deepEqual([good.status, good.body.delivered, good.body.status, good.body.error], [200, true, 200, null]);
    const [call] = shop.calls('crm');
    assert.deepEqual([call!.event.type, call!.id], ['carom.test', good.body.id]);
    new Oracle(auth.secret).verify(call!.body, call!.headers as Record<string, string>);
    answerOf(shop, 'crm', json(401, { message: 'who are you' }));
    const bad = (await shop.api('POST', 'webhooks/crm/test')).body;
    assert.deepEqual([bad.delivered, bad.status], [false, 401]);
    assert.match(bad.error, /who are you/);
    assert.deepEqual((await shop.api('GET', 'webhooks/crm/calls')).body.data, []);
    const { body: metrics } = await carom.call('GET', '/metrics');
    assert.match(metrics, /carom_webhook_calls_total\{result="delivered"\} [1-9]/);
    assert.match(metrics, /carom_webhook_calls_waiting \d/);
  });
});

describe('the subscription', () => {
  test('has its secret shown once, when it was made here', async () => {
    const shop = await new Shop().open();
    const made = await shop.api('POST', 'webhooks', { url: receiver.urlOf('x'), events: ['message.sent'] });
    assert.equal(made.status, 201);
    const { id, auth } = made.body;
    assert.match(auth.secret, /^whsec_[A-Za-z0-9+/=]{40,}$/);
    const body = { url: receiver.urlOf('y'), events: ['message.sent'] };
    const changed = await shop.api('PUT', `webhooks/${id}`, body);
    assert.deepEqual([changed.status, changed.body.auth], [200, { type: 'standard', secret: '(kept)' }]);
    assert.deepEqual((await shop.api('PUT', `webhooks/${id}`, { ...body, auth: { type: 'standard' } })).body.auth.secret, '(kept)');
    await shop.api('PUT', 'webhooks/b', { ...body, auth: { type: 'basic', username: 'u', password: 'hush-hush' } });
    await shop.api('PUT', 'webhooks/t', { ...body, auth: { type: 'bearer', token: 'hush-hush' } });
    const shown = ['webhooks', `webhooks/${id}`, 'webhooks/b', 'webhooks/t', 'manifest'];
    for (const path of shown) {
      const text = JSON.stringify((await shop.api('GET', path)).body);
      assert.ok(!text.includes(auth.secret.slice(6)) && !text.includes('hush-hush'), path);
    }
    assert.ok(!carom.output.includes(auth.secret.slice(6)) && !carom.output.includes('hush-hush'));
    await shop.trigger(['~sms'], PHONE.delivered);
    const [call] = await receiver.untilCalls('y', 1);
    assert.ok(call);
  });

  test('is part of the manifest: applied twice it changes nothing, left out it stays, pruned it goes', async () => {
    const shop = await new Shop().open();
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const webhook = { id: 'crm', url: receiver.urlOf('m'), events: ['message.sent'], auth: { type: 'standard', secret } };
    const put = async (manifest: object, query = '') =>
      (await carom.call('PUT', `/v1/manifest${query}`, { body: { account: shop.account, ...manifest } })).body;
    const created = await put({ webhooks: [webhook] });
    assert.deepEqual([created.changes[0].action, created.changes[0].kind], ['create', 'webhook']);
    assert.ok(!JSON.stringify(created).includes(secret));
    assert.deepEqual((await put({ webhooks: [webhook] })).changes, []);
    const shown = (await shop.api('GET', 'manifest')).body;
    assert.equal(shown.webhooks[0].auth.secret, '(kept)');
    assert.deepEqual((await put(shown)).changes, []);
    const faulty = await put({ webhooks: [{ id: 'new', url: receiver.urlOf('m'), events: ['message.sent'] }] });
    assert.deepEqual(faulty.errors[0].path, ['webhooks', 0, 'auth', 'secret']);
    assert.deepEqual((await put({})).changes, []);
    const pruned = await put({ ...shown, webhooks: [] }, '?prune=true');
    assert.deepEqual(pruned.changes.map((change: any) => `${change.action} ${change.kind} ${change.id}`), ['remove webhook crm']);
    assert.equal((await shop.api('GET', 'webhooks/crm')).status, 404);
  });

  test('with faults is refused, each with its place and remedy', async () => {
    const shop = await new Shop().open();
    const good = { url: 'https://shop.example/hook', events: ['message.sent'] };
    const refused: [change: object, path: (string | number)[], message: RegExp][] = [
      [{ url: 'ftp://shop.example' }, ['url'], /https/],
      [{ url: 'https://u:p@shop.example' }, ['url'], /basic/],
      [{ url: 7 }, ['url'], /text/],
      [{ events: [] }, ['events'], /at least one/],
      [{ events: ['message.send'] }, ['events', 0], /message.sent/],
      [{ channels: ['fax'] }, ['channels', 0], /sms/],
      [{ format: 'xml' }, ['format'], /cloudevents/],
      [{ auth: { type: 'basic', username: 'a' } }, ['auth', 'password'], /missing/],
      [{ auth: { type: 'standard', secret: 'short' } }, ['auth', 'secret'], /whsec_/],
      [{ auth: { type: 'bearer', token: 'a\nb' } }, ['auth', 'token'], /ASCII/],
      [{ enabled: 'yes' }, ['enabled'], /true or false/],
      [{ colour: 'red' }, ['colour'], /not known/],
      [{ id: 'other' }, ['id'], /as in the address/],
    ];
    for (const [change, path, message] of refused) {
      const { status, body } = await shop.api('PUT', 'webhooks/crm', { ...good, ...change });
      assert.equal(status, 400, JSON.stringify(change));
      assert.deepEqual(body.errors[0].path, path);
      assert.match(body.errors[0].message, message);
    }
    assert.equal((await shop.api('PUT', 'webhooks/crm', good)).status, 201);
    assert.equal((await shop.api('POST', 'webhooks', { id: 'crm', ...good })).status, 409);
    assert.equal((await shop.api('DELETE', 'webhooks/crm')).status, 204);
    for (const path of ['webhooks/crm', 'webhooks/crm/calls', 'webhooks/crm/calls/x']) {
      assert.equal((await shop.api('GET', path)).status, 404);
    }
  });
});

describe('private addresses', () => {
  const PRIVATE = [
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]:80/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest',
    'http://10.1.2.3/',
    'http://localhost:9/',
  ];

  test('are refused to an account that may not call them, in every writing, with the remedy', async () => {
    const shop = await new Shop().open({ privateNetwork: 'refuse' });
    for (const url of PRIVATE) {
      const { status, body } = await shop.api('PUT', 'webhooks/crm', { url, events: ALL });
      assert.equal(status, 400, url);
      assert.match(body.errors[0].message, /privateNetwork: allow/);
    }
  });

  test('may be allowed by the operator alone', async () => {
    const shop = await new Shop().open({ privateNetwork: 'refuse' });
    const put = (key: string, privateNetwork: string) =>
      carom.call('PUT', '/v1/manifest', { key, body: { account: shop.account, privateNetwork } });
    const refused = await put(shop.key, 'allow');
    assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden']);
    assert.equal((await put(shop.key, 'refuse')).status, 200);
    assert.equal((await put(carom.adminKey, 'allow')).status, 200);
    assert.equal((await put(shop.key, 'allow')).status, 200);
    assert.equal((await put(shop.key, 'refuse')).status, 403);
    await shop.webhook('crm');
    // Once it is no longer allowed, what was allowed is not called either.
    assert.equal((await put(carom.adminKey, 'refuse')).status, 200);
    const { body } = await shop.api('POST', 'webhooks/crm/test');
    assert.equal(body.delivered, false);
    assert.match(body.error, /private network/);
    assert.deepEqual(shop.calls('crm'), []);
  });
});
