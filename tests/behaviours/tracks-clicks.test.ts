/** Links in messages lead to us first: who clicks, opens and unsubscribes, and what is nobody's business. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const PUBLIC_URL = 'https://go.example';
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0';
const TOKEN = '[A-Za-z0-9_-]{18}';

/** A message and a line of the timeline, as the API shows them. */
interface SeenMessage {
  state: string;
  clickedAt?: string | null;
  openedAt?: string | null;
  unsubscribedAt?: string | null;
}
type SeenTimeline = { timeline: { what: string; detail: string | null }[] };

let carom: Carom;
let vendor: HttpVendor;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom({ env: { CAROM_PUBLIC_URL: PUBLIC_URL } }), startVendor()]);
  const names = ['to', 'body', 'html', 'url', 'txn_id', 'message_id', 'unsubscribe_url', 'headers'];
  const json = Object.fromEntries(names.map((name) => [name, `{{ ${name} }}`]));
  const provider = (channel: string) => ({
    id: channel,
    channel,
    type: 'http',
    receipts: 'callback',
    request: { url: `${vendor.url}/${channel}`, json },
  });
  const campaign = (channel: string, id: string, texts: object) => ({
    id,
    state: 'running',
    channel,
    provider: channel,
    ...texts,
  });
  const off = { clicks: false, opens: false, unsubscribe: false };
  const page = '<p><a href="{{ token.url }}">x</a> <a data-track="off" href="https://a.example/off">y</a></p>';
  await carom.apply({
    account: 'shop',
    name: 'Tom & "Ann"',
    defaultRegion: 'IN',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read', 'admin'] }],
    providers: ['sms', 'email', 'push'].map(provider),
    campaigns: [
      campaign('sms', '~sms', { body: 'See {{ token.url }}.' }),
      campaign('sms', '~next', { body: 'Next' }),
      campaign('sms', '~stop', { body: 'Stop: {{ unsubscribe_url }}' }),
      campaign('sms', '~untracked', { body: '{{ token.url|untracked }} {{ token.url }}' }),
      campaign('sms', '~off', { body: '{{ token.url|untracked }} {{ token.url }}', tracking: { clicks: false } }),
      campaign('email', '~email', { subject: 'S', body: 'See {{ token.url }}', html: page }),
      campaign('email', '~off-email', { subject: 'S', body: '{{ token.url }}', html: page, tracking: off }),
      campaign('push', '~push', { title: 'T', body: 'B', url: '{{ token.url }}' }),
    ],
  });
});
after(() => Promise.all([carom.stop(), vendor.close()]));

/** What the vendor got. */
interface Sent {
  txn_id: string;
  message_id: string;
  body: string;
  html: string;
  url: string;
  unsubscribe_url?: string;
  headers?: Record<string, string>;
}

let made = 0;

/** Triggers campaigns for a user of its own; what the vendor got for the first, and the transaction's id. */
async function send(
  campaignIds: string | string[],
  changes: object = {},
): Promise<Sent & { id: string; userId: string }> {
  const userId = `user-${made++}`;
  const body = {
    campaignIds: [campaignIds].flat(),
    mode: 'fallback_on_delivery_failure',
    userId,
    txnId: `t-${userId}-${made}`,
    phone: '+919876543210',
    email: 'ana@a.example',
    token: { url: 'https://shop.example/orders/7?a=1&b=2' },
    ...changes,
  };
  const { body: answer } = await carom.call('POST', '/v1/transactions', { key: 'shop-key', body });
  const sent = () =>
    vendor.calls.map((call) => JSON.parse(call.body) as Sent).filter((call) => call.txn_id === answer.txnId);
  const [first] = await eventually(
    async () => sent(),
    (all) => all.length > 0,
  );
  return { ...first!, id: answer.id, userId };
}

/** Where a link to us leads when this Carom is asked. */
function follow(link: string, headers: Record<string, string> = {}, options: RequestInit = {}): Promise<Response> {
  assert.ok(link.startsWith(`${PUBLIC_URL}/`), link);
  const address = carom.url + link.slice(PUBLIC_URL.length);
  return fetch(address, { redirect: 'manual', headers: { 'user-agent': BROWSER, ...headers }, ...options });
}

function linkIn(text: string, kind: 'c' | 'o' | 'u'): string {
  const found = new RegExp(`${RegExp.escape(PUBLIC_URL)}/${kind}/${TOKEN}`).exec(text);
  assert.ok(found, `no /${kind}/ in ${text}`);
  return found[0];
}

/** The transaction's first message, once it is as wanted. */
async function message(id: string, until: (message: SeenMessage) => boolean): Promise<SeenMessage> {
  const view = await carom.transaction('shop', id, ({ legs }) => until(legs[0].messages[0]));
  return view.legs[0].messages[0];
}

describe('a click', () => {
  test('in an SMS is sent on, and ends the chain: who clicks has read', async () => {
    const { body, id } = await send(['~sms', '~next']);
    assert.match(body, new RegExp(`^See ${RegExp.escape(PUBLIC_URL)}/c/${TOKEN}\\.$`));
    const answer = await follow(linkIn(body, 'c'));
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.get('location'), 'https://shop.example/orders/7?a=1&b=2');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    const view = await carom.ended('shop', id);
    assert.equal(view.state, 'succeeded');
    const [clicked] = view.legs[0].messages;
    assert.equal(clicked.state, 'read');
    assert.ok(clicked.clickedAt && clicked.readAt);
    assert.equal(view.legs[1].reason, 'chain_succeeded');
  });

  test('in an e-mail, in either text, and on a push message', async () => {
    const email = await send('~email');
    for (const link of [linkIn(email.body, 'c'), linkIn(email.html, 'c')])
      assert.equal((await follow(link)).headers.get('location'), 'https://shop.example/orders/7?a=1&b=2');
    assert.match(email.html, /<a data-track="off" href="https:\/\/a.example\/off">/);
    const device = { devices: [{ channel: 'push', token: 'device-1' }] };
    await carom.call('PUT', '/v1/profiles/with-device', { key: 'shop-key', body: device });
    const push = await send('~push', { userId: 'with-device' });
    assert.equal((await follow(push.url)).headers.get('location'), 'https://shop.example/orders/7?a=1&b=2');
  });

  test('by software is sent on too, is told apart, and counts for nothing', async () => {
    const { body, id } = await send(['~sms', '~next']);
    const link = linkIn(body, 'c');
    const visits = [
      follow(link, {}, { method: 'HEAD' }),
      follow(link, { 'user-agent': 'Slackbot-LinkExpanding 1.0' }),
      follow(link, { 'sec-purpose': 'prefetch' }),
    ];
    for (const answer of await Promise.all(visits)) assert.equal(answer.status, 302);
    const entries = ({ timeline }: SeenTimeline) => timeline.filter(({ what }) => what === 'machine.clicked');
    const view = await carom.transaction('shop', id, (seen) => entries(seen).length === 3);
    assert.deepEqual(new Set(entries(view).map(({ detail }) => detail)), new Set(['bot', 'head_request', 'prefetch']));
    assert.equal(view.state, 'running');
    assert.ok(!view.legs[0].messages[0].clickedAt);
    await follow(link);
    assert.equal((await carom.ended('shop', id)).state, 'succeeded');
  });

  test('on a link that nobody made leads nowhere', async () => {
    const { body } = await send('~sms');
    const link = linkIn(body, 'c');
    const last = link.at(-1)!;
    const forged = [
      link.slice(0, -1),
      `${link}A`,
      link.slice(0, -1) + (last === 'A' ? 'Q' : 'A'),
      link.replace('/c/', '/u/'),
      link.replace('/c/', '/o/'),
      `${PUBLIC_URL}/c/${'A'.repeat(18)}`,
      `${PUBLIC_URL}/c/https%3A%2F%2Fevil.example`,
      `${PUBLIC_URL}/c/x?url=https://evil.example`,
      `${PUBLIC_URL}/c/%zz`,
      `${PUBLIC_URL}/c/${'x'.repeat(2_000)}`,
      `${PUBLIC_URL}/c/x/y`,
    ];
    for (const one of forged) {
      const answer = await follow(one);
      assert.ok(answer.status === 404 || answer.status === 400, `${one}: ${answer.status}`);
      assert.equal(answer.headers.get('location'), null);
      assert.match(answer.headers.get('content-type')!, /^text\/html/);
    }
  });

  test('nobody wants to hear of is not heard of', async () => {
    const url = 'https://shop.example/orders/7?a=1&b=2';
    const one = await send('~untracked');
    assert.match(one.body, new RegExp(`^${RegExp.escape(url)} ${RegExp.escape(PUBLIC_URL)}/c/${TOKEN}$`));
    assert.equal((await send('~off')).body, `${url} ${url}`);
    const email = await send('~off-email');
    assert.equal(email.body, url);
    assert.ok(!email.html.includes(PUBLIC_URL));
    assert.deepEqual([email.headers, email.unsubscribe_url], [undefined, undefined]);
  });
});

describe('an open', () => {
  test('of an e-mail is told by a picture', async () => {
    const { html, id } = await send('~email');
    const answer = await follow(linkIn(html, 'o'));
    assert.equal(answer.headers.get('content-type'), 'image/gif');
    assert.ok((await answer.arrayBuffer()).byteLength < 50);
    const { state, openedAt, clickedAt } = await message(id, (seen) => seen.state === 'read');
    assert.deepEqual([state, clickedAt ?? null], ['read', null]);
    assert.ok(openedAt);
  });
});

describe('who does not want more', () => {
  const oneClick = { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) };

  async function consents(userId: string): Promise<object> {
    const { body } = await carom.call('GET', `/v1/profiles/${userId}`, { key: 'shop-key' });
    return body.consents ?? {};
  }

  test('is shown a page, which by itself changes nothing', async () => {
    const { unsubscribe_url: url, userId } = await send('~email');
    const answer = await follow(url!);
    assert.equal(answer.status, 200);
    const html = await answer.text();
    assert.match(html, /Tom &amp; &quot;Ann&quot;/);
    assert.match(html, /<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe<\/button>/);
    assert.match(answer.headers.get('content-security-policy')!, /^default-src 'none'; style-src 'sha256-/);
    assert.equal(answer.headers.get('x-robots-tag'), 'noindex, nofollow');
    await follow(url!, {}, { method: 'HEAD' });
    assert.deepEqual(await consents(userId), {});
  });

  test('says so with one click of the mail program, and gets no more on that channel', async () => {
    const { headers, userId, id } = await send('~email');
    const url = /^<(.*)>$/.exec(headers!['List-Unsubscribe']!)![1]!;
    assert.equal(headers!['List-Unsubscribe-Post'], 'List-Unsubscribe=One-Click');
    const answer = await follow(url, { 'user-agent': 'a mail provider' }, oneClick);
    assert.equal(answer.status, 200);
    assert.deepEqual(await consents(userId), { email: false });
    const { unsubscribedAt } = await message(id, (seen) => seen.state === 'read');
    assert.ok(unsubscribedAt);
    const body = {
      campaignIds: ['~email', '~sms'],
      mode: 'all',
      userId,
      email: 'ana@a.example',
      phone: '+919876543210',
    };
    const { body: next } = await carom.call('POST', '/v1/transactions', { key: 'shop-key', body });
    const { legs } = await carom.ended('shop', next.id);
    assert.deepEqual([legs[0].state, legs[0].reason], ['skipped', 'opted_out']);
    assert.notEqual(legs[1].state, 'skipped');
  });

  test('may do so from any channel, by a link in the text, and may think again', async () => {
    const { body, userId } = await send('~stop');
    const url = linkIn(body, 'u');
    const form = new FormData();
    form.set('List-Unsubscribe', 'One-Click');
    assert.match(await (await follow(url, {}, { method: 'POST', body: form })).text(), /You are unsubscribed/);
    assert.deepEqual(await consents(userId), { sms: false });
    const page = await (await follow(url)).text();
    assert.match(page, /name="resubscribe" value="yes"/);
    const again = { method: 'POST', body: new URLSearchParams({ resubscribe: 'yes' }) };
    assert.match(await (await follow(url, {}, again)).text(), /You are subscribed again/);
    assert.deepEqual(await consents(userId), { sms: true });
    assert.match(await (await follow(url)).text(), /Unsubscribe\?/);
  });

  test('is not anybody who only sends something', async () => {
    const { unsubscribe_url: url, userId } = await send('~email');
    for (const body of ['', 'x=y', '{"List-Unsubscribe":"no"}', 'List-Unsubscribe=No', 'List-Unsubscribe']) {
      assert.equal((await follow(url!, {}, { method: 'POST', body })).status, 400, body);
    }
    assert.equal((await follow(`${url}x`, {}, oneClick)).status, 404);
    assert.deepEqual(await consents(userId), {});
  });
});
