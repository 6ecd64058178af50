/** Webhooks out: subscribing, by the API and by manifest, and who may not be called. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { startReceiver } from '../support/webhook-receiver.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { ALL, PHONE, WebhookShop } from '../support/webhook-shop.ts';

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

describe('the subscription', () => {
  test('has its secret shown once, when it was made here', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
    const made = await shop.api('POST', 'webhooks', { url: receiver.urlOf('x'), events: ['message.sent'] });
    assert.equal(made.status, 201);
    const { id, auth } = made.body;
    assert.match(auth.secret, /^whsec_[A-Za-z0-9+/=]{40,}$/);
    const body = { url: receiver.urlOf('y'), events: ['message.sent'] };
    const changed = await shop.api('PUT', `webhooks/${id}`, body);
    assert.deepEqual([changed.status, changed.body.auth], [200, { type: 'standard', secret: '(kept)' }]);
    assert.deepEqual(
      (await shop.api('PUT', `webhooks/${id}`, { ...body, auth: { type: 'standard' } })).body.auth.secret,
      '(kept)',
    );
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
    const shop = await new WebhookShop(carom, receiver).open();
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const webhook = {
      id: 'crm',
      url: receiver.urlOf('m'),
      events: ['message.sent'],
      auth: { type: 'standard', secret },
    };
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
    assert.deepEqual(
      pruned.changes.map((change: Record<string, string>) => `${change.action} ${change.kind} ${change.id}`),
      ['remove webhook crm'],
    );
    assert.equal((await shop.api('GET', 'webhooks/crm')).status, 404);
  });

  test('with faults is refused, each with its place and remedy', async () => {
    const shop = await new WebhookShop(carom, receiver).open();
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
    const shop = await new WebhookShop(carom, receiver).open({ privateNetwork: 'refuse' });
    for (const url of PRIVATE) {
      const { status, body } = await shop.api('PUT', 'webhooks/crm', { url, events: ALL });
      assert.equal(status, 400, url);
      assert.match(body.errors[0].message, /privateNetwork: allow/);
    }
  });

  test('may be allowed by the operator alone', async () => {
    const shop = await new WebhookShop(carom, receiver).open({ privateNetwork: 'refuse' });
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
