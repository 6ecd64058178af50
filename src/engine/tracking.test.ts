import assert from 'node:assert/strict';
import test, { beforeEach, describe } from 'node:test';
import { LINKS_MAX, UNTRACKED_MARK } from '#domain/tracked-links.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';
import { testClock } from '../../tests/support/clock.ts';
import { SILENT } from '../../tests/support/database.ts';
import { memoryTrackingStore } from '../../tests/support/memory-tracking-store.ts';
import type { MemoryTrackingStore } from '../../tests/support/memory-tracking-store.ts';
import { freshMessageId } from '../../tests/support/provider-tools.ts';
import type { Rendered } from './render.ts';
import { createTracking } from './tracking.ts';
import type { Trackable, Tracked, Tracking } from './tracking.ts';
import { OPEN, REPORT, UNSUBSCRIBE, trackingTokens } from './tracking-token.ts';

const PUBLIC_URL = 'https://carom.example';
const NO_TEXTS: Rendered = {
  from: null, body: null, html: null, subject: null, replyTo: null, title: null, image: null, url: null, data: null, template: null,
}; // prettier-ignore
const tokens = trackingTokens(Buffer.alloc(32, 1));
const clock = testClock();

let tracked: MemoryTrackingStore;
let tracking: Tracking;
let messageId: string;
beforeEach(() => {
  tracked = memoryTrackingStore();
  tracking = createTracking({
    tracked,
    tokens,
    clock,
    log: SILENT,
    signal: new AbortController().signal,
    publicUrl: PUBLIC_URL,
  });
  messageId = freshMessageId();
});

function track(texts: Partial<Rendered>, more: Partial<Trackable> = {}): Promise<Tracked> {
  return tracking.track({
    accountId: 'demo', userId: 'ana', messageId, channel: 'sms', texts: { ...NO_TEXTS, ...texts }, ...more,
  }); // prettier-ignore
}

const link = (number: number) => `${PUBLIC_URL}/c/${tokens.of(messageId).token(number)}`;
const pixel = () => `${PUBLIC_URL}/o/${tokens.of(messageId).token(OPEN)}`;
const unsubscribe = () => `${PUBLIC_URL}/u/${tokens.of(messageId).token(UNSUBSCRIBE)}`;

describe('the links of a message', () => {
  test('lead to us, once where they lead is stored', async () => {
    const { body, unsubscribeUrl, headers } = await track({ body: 'See https://a.example/x, or https://b.example.' });
    assert.equal(body, `See ${link(0)}, or ${link(1)}.`);
    assert.deepEqual([unsubscribeUrl, headers], [null, null]);
    const { key } = tokens.of(messageId);
    const urls = ['https://a.example/x', 'https://b.example/'];
    const row = { key, accountId: 'demo', messageId, userId: 'ana', channel: 'sms', urls, at: clock.now() };
    assert.deepEqual(tracked.kept, [row]);
  });

  test('are one where they lead to one address, in both texts of an e-mail', async () => {
    const { body, html } = await track(
      {
        body: 'https://a.example https://b.example',
        html: '<a href="https://b.example/">b</a><a href="HTTPS://A.example">a</a>',
      },
      { channel: 'email', tracking: { opens: false, unsubscribe: false } },
    );
    assert.equal(html, `<a href="${link(0)}">b</a><a href="${link(1)}">a</a>`);
    assert.equal(body, `${link(1)} ${link(0)}`);
  });

  for (const channel of ['sms', 'email', 'whatsapp', 'rcs', 'push', 'web_push'] as const) {
    test(`are tracked in ${channel}`, async () => {
      assert.equal((await track({ body: 'https://a.example' }, { channel })).body, link(0));
    });
  }
  for (const channel of ['voice', 'webhook'] as const) {
    test(`are not tracked in ${channel}`, async () => {
      assert.equal((await track({ body: 'https://a.example' }, { channel })).body, 'https://a.example');
      assert.deepEqual(tracked.kept, []);
    });
  }

  test('where a push message leads when it is tapped is one; an address in an app is not', async () => {
    assert.equal((await track({ url: 'https://a.example/x.' }, { channel: 'push' })).url, link(0));
    assert.deepEqual(tracked.kept[0]!.urls, ['https://a.example/x.']);
    assert.equal((await track({ url: 'shop://x' }, { channel: 'push' })).url, 'shop://x');
    assert.equal((await track({ url: 'https://a.example' }, { channel: 'sms' })).url, 'https://a.example');
  });

  test('are at most 200, the others stay', async () => {
    const urls = Array.from({ length: LINKS_MAX + 1 }, (_, n) => `https://a.example/${n}`);
    const { body } = await track({ body: `${urls.join(' ')} ${urls[0]}` });
    const words = body!.split(' ');
    assert.equal(words[LINKS_MAX - 1], link(LINKS_MAX - 1));
    assert.equal(words[LINKS_MAX], urls[LINKS_MAX]);
    assert.equal(words.at(-1), link(0));
    assert.equal(tracked.kept[0]!.urls.length, LINKS_MAX);
  });

  test('to us stay as they are', async () => {
    const body = `${link(5)} ${unsubscribe()} ${PUBLIC_URL}/c/x ${PUBLIC_URL.toUpperCase()}/o/x`;
    assert.equal((await track({ body })).body, body);
    assert.equal((await track({ body: `${PUBLIC_URL}/console` })).body, link(0));
  });
});

describe('what is not wanted is not done', () => {
  test('by the campaign', async () => {
    const html = '<a href="https://a.example">x</a>';
    const body = 'https://a.example';
    const all = { clicks: false, opens: false, unsubscribe: false } as const;
    const sent = await track({ html, body }, { channel: 'email', tracking: all });
    assert.deepEqual(sent, { ...NO_TEXTS, html, body, unsubscribeUrl: null, headers: null, report: null });
    assert.deepEqual(tracked.kept, []);
  });

  test('by a mark, which nobody sees, tracked or not, in any text', async () => {
    const marked = `${UNTRACKED_MARK}https://a.example`;
    const texts = {
      from: marked, body: marked, subject: marked, replyTo: marked, title: marked, image: marked, url: marked,
      data: { key: marked }, template: { name: 'x', language: null, variables: [marked] }, html: `<a href="${marked}">`,
    }; // prettier-ignore
    const off = { clicks: false, opens: false, unsubscribe: false } as const;
    const sent = [
      await track(texts),
      await track(texts, { tracking: off }),
      await track(texts, { channel: 'push' }),
      await track(texts, { channel: 'webhook' }),
    ];
    assert.ok(!JSON.stringify(sent).includes(UNTRACKED_MARK));
    assert.ok(!JSON.stringify(sent).includes(PUBLIC_URL));
    assert.deepEqual(tracked.kept, []);
  });

  test('a message with nothing to follow is not stored', async () => {
    assert.equal(
      (await track({ body: 'Hi Ana, www.a.example', title: 'https://a.example' })).body,
      'Hi Ana, www.a.example',
    );
    assert.deepEqual(tracked.kept, []);
  });
});

describe('an e-mail', () => {
  test('has a pixel where it has HTML, a way to unsubscribe, and headers that tell of it', async () => {
    const sent = await track({ body: 'Hi', html: '<p>Hi</p>' }, { channel: 'email' });
    assert.match(sent.html!, new RegExp(`^<p>Hi</p><img src="${RegExp.escape(pixel())}" [^>]+>$`));
    assert.equal(sent.body, 'Hi');
    assert.equal(sent.unsubscribeUrl, unsubscribe());
    assert.deepEqual(sent.headers, {
      'List-Unsubscribe': `<${unsubscribe()}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    });
    assert.equal(tracked.kept.length, 1);
  });

  test('without HTML has no pixel, and is stored for its way to unsubscribe', async () => {
    assert.equal((await track({ body: 'Hi' }, { channel: 'email', tracking: { clicks: false } })).body, 'Hi');
    assert.equal(tracked.kept.length, 1);
  });
});

test('a way to unsubscribe that a template asked for is stored, in any channel, and is no link to click', async () => {
  assert.equal(tracking.unsubscribeUrlOf(messageId), unsubscribe());
  const body = `Stop: ${unsubscribe()}`;
  const sent = await track({ body }, { tracking: { unsubscribe: false } });
  assert.equal(sent.body, body);
  assert.deepEqual([sent.unsubscribeUrl, sent.headers], [unsubscribe(), null]);
  assert.deepEqual(tracked.kept[0]!.urls, []);
  await track({ data: { stop: unsubscribe() } }, { channel: 'push' });
  assert.equal(tracked.kept.length, 2);
});

test('a message waits for a store that is away', async () => {
  tracked.fault = new StoreUnavailableError('away');
  assert.equal((await track({ body: 'https://a.example' })).body, link(0));
  assert.equal(tracked.kept.length, 1);
});

test('a device is told where to report, once that is known, and whether clicks are wanted', async () => {
  const { report } = await track({ body: 'Hi' }, { channel: 'web_push', isReported: true });
  assert.deepEqual(report, { url: `${PUBLIC_URL}/r/${tokens.of(messageId).token(REPORT)}`, clicks: true });
  assert.equal(tracked.kept.length, 1);
  const quiet = await track({ body: 'Hi' }, { channel: 'push', isReported: true, tracking: { clicks: false } });
  assert.deepEqual(quiet.report, { ...report, clicks: false });
  assert.equal((await track({ body: 'Hi' }, { channel: 'push' })).report, null);
});
