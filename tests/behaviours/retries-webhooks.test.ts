/** Webhooks out: what is done when nobody answers, the log of the calls, and calling again. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { Webhook as Oracle } from 'standardwebhooks';
import { eventually, startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { json } from '../support/http-vendor.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { PHONE, WebhookShop, typesOf } from '../support/webhook-shop.ts';

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

describe('a receiver that fails', () => {
  test('gets the call again under the same id, newly signed, and what comes after it waits', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    const { auth } = await shop.webhook('crm');
    let fails = 1;
    const answers: number[] = [];
    shop.answerOf('crm', (response, call) => {
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
    const shop = await new WebhookShop(carom, receiver).open();
    await shop.webhook('hangs');
    await shop.webhook('crm');
    shop.answerOf('hangs', () => undefined);
    const ids = await Promise.all(Array.from({ length: 50 }, () => shop.trigger(['~sms'], PHONE.delivered)));
    await shop.untilCalls('crm', 150);
    for (const id of ids) assert.equal((await carom.ended(shop.account, id)).state, 'succeeded');
    assert.ok(shop.calls('hangs').length <= 8, `${shop.calls('hangs').length} calls to one that nobody knows yet`);
  });

  test('its answer stands in the log, and a redirect is not followed', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    await shop.webhook('crm', { events: ['message.sent'] });
    await shop.webhook('moved', { events: ['message.sent'] });
    shop.answerOf('crm', json(500, { message: 'out of order' }));
    shop.answerOf('moved', (response) => response.writeHead(302, { location: receiver.urlOf('elsewhere') }).end());
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
    const shop = await new WebhookShop(carom, receiver).open();
    await shop.webhook('crm', { events: ['message.sent', 'message.delivered'] });
    shop.answerOf('crm', json(410, {}));
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
    shop.answerOf('crm', json(200, {}));
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
    const shop = await new WebhookShop(carom, receiver).open();
    await shop.webhook('crm');
    await shop.trigger(['~sms'], PHONE.delivered);
    const calls = await shop.untilCalls('crm', 3);
    const log = await shop.log('crm', (all) => all.length === 3 && all.every(({ state }) => state === 'delivered'));
    assert.deepEqual(new Set(log.map(({ id }) => id)), new Set(calls.map(({ id }) => id)));
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
    const shop = await new WebhookShop(carom, receiver).open();
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
    const shop = await new WebhookShop(carom, receiver).open();
    const { auth } = await shop.webhook('crm');
    const good = await shop.api('POST', 'webhooks/crm/test');
    assert.deepEqual([good.status, good.body.delivered, good.body.status, good.body.error], [200, true, 200, null]);
    const [call] = shop.calls('crm');
    assert.deepEqual([call!.event.type, call!.id], ['carom.test', good.body.id]);
    new Oracle(auth.secret).verify(call!.body, call!.headers as Record<string, string>);
    shop.answerOf('crm', json(401, { message: 'who are you' }));
    const bad = (await shop.api('POST', 'webhooks/crm/test')).body;
    assert.deepEqual([bad.delivered, bad.status], [false, 401]);
    assert.match(bad.error, /who are you/);
    assert.deepEqual((await shop.api('GET', 'webhooks/crm/calls')).body.data, []);
    const { body: metrics } = await carom.call('GET', '/metrics');
    assert.match(metrics, /carom_webhook_calls_total\{result="delivered"\} [1-9]/);
    assert.match(metrics, /carom_webhook_calls_waiting \d/);
  });
});
