/** Push and web push through their vendors' own protocols: devices that are gone are forgotten, and browsers report. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startApns } from '../support/apns-server.ts';
import type { ApnsServer } from '../support/apns-server.ts';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor, VendorCall } from '../support/http-vendor.ts';
import { browserAt, ecKey, serviceAccount, vapidKeys } from '../support/push-keys.ts';
import type { Browser } from '../support/push-keys.ts';
import { CERTIFICATE } from '../support/certificate.ts';
import { decrypt } from '../support/web-push-decryption.ts';

const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
const VAPID = vapidKeys();
const UNREGISTERED = json(404, {
  error: {
    code: 404,
    message: 'Requested entity was not found.',
    status: 'NOT_FOUND',
    details: [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: 'UNREGISTERED' }],
  },
});

/** What the service worker reads. */
interface Payload {
  id: string;
  title: string;
  url: string;
  report: { url: string; clicks: boolean };
}

let carom: Carom;
let fcm: HttpVendor;
let pushService: HttpVendor;
let apns: ApnsServer;

before(async () => {
  [carom, fcm, pushService, apns] = await Promise.all([startCarom(), startVendor(), startVendor(), startApns()]);
  fcm.answering = (response, call) => {
    if (call.url === '/token') return json(200, { access_token: 'ya29', expires_in: 3_599 })(response, call);
    (call.body.includes('"dead') ? UNREGISTERED : json(200, { name: 'projects/shop-1/messages/1' }))(response, call);
  };
  pushService.answering = (response, { url }) => response.writeHead(url.startsWith('/dead') ? 410 : 201).end();
  const campaign = (id: string, channel: string, provider: string, texts: object = {}) => ({
    id,
    state: 'running',
    channel,
    provider,
    body: 'It is on its way',
    ...texts,
  });
  await carom.apply({
    account: 'shop',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read', 'admin'] }],
    providers: [
      { id: 'apps', channel: 'push', type: 'fcm', serviceAccount: serviceAccount(`${fcm.url}/token`).file, baseUrl: fcm.url },
      { id: 'browsers', channel: 'web_push', type: 'web-push', ...VAPID, subject: 'mailto:push@shop.example', privateNetwork: 'allow' },
      { id: 'ios', channel: 'push', type: 'apns', teamId: 'T', keyId: 'K', key: ecKey().pem, topic: 'com.example.shop', baseUrl: apns.url, ca: CERTIFICATE },
      { id: 'sms', channel: 'sms', type: 'sandbox' },
    ],
    campaigns: [
      campaign('~push', 'push', 'apps', { title: 'Order' }),
      { ...campaign('~apps', 'push', ''), provider: undefined, providers: ['ios', 'apps'] },
      campaign('~web', 'web_push', 'browsers', { title: 'Order', url: 'https://shop.example/orders/1' }),
      campaign('~sms', 'sms', 'sms'),
    ],
  }); // prettier-ignore
});
after(() => Promise.all([carom.stop(), fcm.close(), pushService.close(), apns.close()]));

let made = 0;

async function userWith(devices: object[]): Promise<string> {
  const userId = `user-${made++}`;
  const body = { firstName: 'Ana', phone: '+919876543210', devices };
  assert.equal((await carom.call('PATCH', `/v1/profiles/${userId}`, { key: 'shop-key', body })).status, 200);
  return userId;
}

async function devicesOf(userId: string): Promise<object[]> {
  const { body } = await carom.call('GET', `/v1/profiles/${userId}`, { key: 'shop-key' });
  assert.equal(body.firstName, 'Ana');
  return body.devices;
}

async function trigger(userId: string, mode: string, ...campaignIds: string[]): Promise<string> {
  const { status, body } = await carom.call('POST', '/v1/transactions', {
    key: 'shop-key',
    body: { userId, mode, campaignIds },
  });
  assert.equal(status, 202, JSON.stringify(body));
  return body.id;
}

const statesOf = (view: { state: string; legs: { state: string }[] }) => [
  view.state,
  ...view.legs.map(({ state }) => state),
];

describe('a device that is gone', () => {
  test('is taken from the profile, and the next leg starts at once', async () => {
    const userId = await userWith([{ channel: 'push', token: 'dead-1', platform: 'android' }]);
    const view = await carom.ended('shop', await trigger(userId, ATTEMPT, '~push', '~sms'));
    assert.deepEqual(statesOf(view), ['succeeded', 'rejected', 'accepted']);
    assert.match(view.legs[0].messages[0].reason, /^unregistered/);
    assert.deepEqual(await devicesOf(userId), []);
    const again = await carom.ended('shop', await trigger(userId, ATTEMPT, '~push', '~sms'));
    assert.deepEqual([again.legs[0].state, again.legs[0].messages[0].reason], ['skipped', 'no_address']);
  });

  test('goes alone: the others stay, and one of them is enough', async () => {
    const devices = ['dead-1', 'alive', 'dead-2'].map((token) => ({ channel: 'push', token }));
    const userId = await userWith(devices);
    const view = await carom.ended('shop', await trigger(userId, ATTEMPT, '~push', '~sms'));
    assert.deepEqual(statesOf(view), ['succeeded', 'accepted', 'skipped']);
    assert.deepEqual(await devicesOf(userId), [devices[1]]);
  });

  test('of a browser goes too, however its subscription is written', async () => {
    const subscription = { expirationTime: null, ...browserAt(`${pushService.url}/dead`).subscription };
    const phone = { channel: 'push', token: 'alive' };
    const userId = await userWith([{ channel: 'web_push', subscription }, phone]);
    const view = await carom.ended('shop', await trigger(userId, ATTEMPT, '~web', '~push'));
    assert.deepEqual(statesOf(view), ['succeeded', 'rejected', 'accepted']);
    assert.deepEqual(await devicesOf(userId), [phone]);
  });
});

test('devices of two vendors are reached through the provider of each, and nobody takes one for broken', async () => {
  const android = { channel: 'push', token: 'alive', platform: 'android' };
  const iphone = { channel: 'push', token: '00fc13adff785122b4ad28809a342098', platform: 'iOS' };
  const reachedBy = async (device: object) => {
    const id = await trigger(await userWith([device]), ATTEMPT, '~apps');
    const { legs } = await carom.ended('shop', id);
    return `${legs[0].messages[0].provider} ${legs[0].messages[0].state}`;
  };
  // More in a row than a circuit takes.
  for (let round = 0; round < 12; round++) assert.equal(await reachedBy(android), 'apps accepted');
  assert.equal(apns.calls.length, 0);
  assert.equal(await reachedBy(iphone), 'ios accepted');
  assert.equal(apns.calls.length, 1);
});

describe('a browser', () => {
  /** A user with one browser who is sent something by web push, then by SMS, and what his browser got. */
  async function sent(): Promise<{ id: string; payload: Payload }> {
    const path = `/browser-${made++}`;
    const browser = browserAt(pushService.url + path);
    const userId = await userWith([{ channel: 'web_push', subscription: browser.subscription }]);
    const id = await trigger(userId, DELIVERY, '~web', '~sms');
    await carom.transaction('shop', id, ({ legs }) => legs[0].state === 'accepted');
    const call = pushService.calls.find(({ url }) => url === path);
    return { id, payload: read(call!, browser) };
  }

  const read = ({ raw }: VendorCall, { privateKey, subscription }: Browser) =>
    JSON.parse(decrypt(raw, { privateKey, auth: subscription.keys.auth }).toString()) as Payload;
  const report = (url: string) => fetch(url, { method: 'POST', headers: { origin: 'https://shop.example' } });

  test('that reports a display ends the chain well, and a click is noted', async () => {
    const { id, payload } = await sent();
    assert.equal(payload.title, 'Order');
    assert.match(payload.url, new RegExp(`^${carom.url}/c/[\\w-]{18}$`));
    assert.match(payload.report.url, new RegExp(`^${carom.url}/r/[\\w-]{18}$`));
    assert.equal(payload.report.clicks, true);
    const delivered = await report(`${payload.report.url}/delivered`);
    assert.deepEqual([delivered.status, delivered.headers.get('access-control-allow-origin')], [204, '*']);
    const view = await carom.ended('shop', id);
    assert.deepEqual(statesOf(view), ['succeeded', 'delivered', 'skipped']);
    assert.equal(view.legs[0].messages[0].id, payload.id);
    // A second browser of his, and one that reports twice.
    assert.equal((await report(`${payload.report.url}/delivered`)).status, 204);
    assert.equal((await report(`${payload.report.url}/clicked`)).status, 204);
    const clicked = await carom.transaction('shop', id, ({ legs }) => legs[0].messages[0].clickedAt);
    assert.equal(clicked.legs[0].messages[0].state, 'read');
  });

  test('is not told the secret by which vendors report', async () => {
    const { payload } = await sent();
    const { body } = await carom.call('GET', '/v1/providers/browsers', { key: 'shop-key' });
    const secret = body.receiptUrl.split('/').at(-1);
    assert.ok(secret.length > 10);
    assert.ok(!JSON.stringify(payload).includes(secret));
    assert.deepEqual([body.receipts, body.privateKey, body.publicKey], ['callback', '(kept)', VAPID.publicKey]);
  });

  test('reports with its own token only, and in our words', async () => {
    const { payload } = await sent();
    const token = payload.report.url.split('/').at(-1)!;
    const click = payload.url.split('/').at(-1)!;
    const wrong = [
      `${click}/delivered`,
      `${token}/unsubscribed`,
      `${token}/undelivered`,
      `x/delivered`,
      `${token}x/delivered`,
    ];
    for (const path of wrong) {
      const answer = await report(`${carom.url}/r/${path}`);
      assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [404, '*'], path);
    }
    assert.equal((await fetch(`${carom.url}/c/${token}`, { redirect: 'manual' })).status, 404);
  });

  test('loads the service worker from any site, and asks later whether it has changed', async () => {
    const answer = await fetch(`${carom.url}/push/sw.js`);
    const { headers } = answer;
    assert.equal(answer.status, 200);
    assert.equal(headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin');
    assert.match(headers.get('cache-control')!, /^public, max-age=\d+$/);
    assert.match(await answer.text(), /addEventListener\('push'/);
    const again = await fetch(`${carom.url}/push/sw.js`, { headers: { 'if-none-match': headers.get('etag')! } });
    assert.equal(again.status, 304);
  });
});
