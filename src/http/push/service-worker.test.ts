import assert from 'node:assert/strict';
import test, { beforeEach, describe } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { SERVICE_WORKER } from './service-worker.ts';

interface Shown {
  title: string;
  options: Record<string, unknown>;
}
type Listener = (event: object) => void;

/** What a browser has around a service worker, as far as ours touches it. */
let listeners: Map<string, Listener>;
let shown: Shown[];
let reported: string[];
let opened: string[];
let answers: (number | Error)[];
let isAllowed: boolean;
let windows: { focus(): void }[];

beforeEach(() => {
  [listeners, shown, reported, opened, answers, isAllowed, windows] = [new Map(), [], [], [], [], true, []];
  const self = {
    addEventListener: (name: string, listener: Listener) => listeners.set(name, listener),
    location: { hostname: 'shop.example' },
    registration: {
      scope: 'https://shop.example/',
      showNotification: async (title: string, options: Record<string, unknown>) => {
        if (!isAllowed) throw new TypeError('No notification permission has been granted');
        shown.push({ title, options });
      },
    },
    clients: {
      openWindow: async (url: string) => void opened.push(url),
      matchAll: async () => windows,
    },
  };
  const fetch = async (url: string, options: { method: string; credentials: string }) => {
    reported.push(`${options.method} ${url}`);
    assert.equal(options.credentials, 'omit');
    const answer = answers.shift() ?? 204;
    if (answer instanceof Error) throw answer;
    return { status: answer };
  };
  const context = createContext({ self, fetch, setTimeout: (work: () => void) => setImmediate(work) });
  runInContext(SERVICE_WORKER, context);
});

/** Lets the event happen, and waits as the browser does. */
async function happen(name: string, event: object): Promise<void> {
  const until: Promise<unknown>[] = [];
  listeners.get(name)!({ ...event, waitUntil: (work: Promise<unknown>) => until.push(work) });
  await Promise.all(until);
}

const push = (message: unknown) => happen('push', { data: { json: () => structuredClone(message) } });
let closed = 0;
const click = (data: unknown) => happen('notificationclick', { notification: { data, close: () => closed++ } });

const report = { url: 'https://carom.example/r/token', clicks: true };
const MESSAGE = { id: 'm-1', title: 'Order', body: 'It is on its way', report };

describe('a message', () => {
  test('is shown, and then reported', async () => {
    await push({ ...MESSAGE, image: '/i.png', data: { icon: '/icon.png', badge: '/badge.png' } });
    assert.equal(shown.length, 1);
    const [{ title, options }] = shown as [Shown];
    assert.equal(title, 'Order');
    const { data, ...rest } = options;
    assert.deepEqual(rest, {
      body: 'It is on its way',
      tag: 'm-1',
      image: '/i.png',
      icon: '/icon.png',
      badge: '/badge.png',
    });
    assert.equal((data as { carom: { id: string } }).carom.id, 'm-1');
    assert.deepEqual(reported, ['POST https://carom.example/r/token/delivered']);
  });

  test('that may not be shown is not reported', async () => {
    isAllowed = false;
    await assert.rejects(push(MESSAGE));
    assert.deepEqual(reported, []);
  });

  test('without a title has the name of the site, and one without anywhere to report reports nothing', async () => {
    await push({ id: 'm-2', body: 'Hi' });
    assert.equal(shown[0]!.title, 'shop.example');
    assert.deepEqual(reported, []);
  });

  test("of somebody else's is left to his own listener", async () => {
    await push({ notification: {} });
    await push(null);
    await happen('push', { data: null });
    await happen('push', { data: { json: () => JSON.parse('no JSON') as unknown } });
    assert.deepEqual([shown, reported], [[], []]);
  });
});

describe('a report', () => {
  test('is tried again while it may pass, and never ends badly', async () => {
    answers = [new TypeError('Failed to fetch'), 503];
    await push(MESSAGE);
    assert.equal(reported.length, 3);
    answers = [503, 429, 500];
    await push(MESSAGE);
    assert.equal(reported.length, 6);
    answers = [404];
    await push(MESSAGE);
    assert.equal(reported.length, 7);
  });
});

describe('a click', () => {
  test('opens where the message leads, and is reported', async () => {
    await click({ carom: { ...MESSAGE, url: 'https://shop.example/o/1' } });
    assert.deepEqual(opened, ['https://shop.example/o/1']);
    assert.deepEqual(reported, ['POST https://carom.example/r/token/clicked']);
    assert.equal(closed, 1);
  });

  test('on a message that leads nowhere brings the page back, or opens it', async () => {
    let focused = 0;
    windows = [{ focus: () => focused++ }];
    await click({ carom: MESSAGE });
    assert.deepEqual([focused, opened], [1, []]);
    windows = [];
    await click({ carom: MESSAGE });
    assert.deepEqual(opened, ['https://shop.example/']);
  });

  test('that nobody wants to know of is not reported', async () => {
    await click({ carom: { ...MESSAGE, report: { ...report, clicks: false } } });
    assert.deepEqual(reported, []);
  });

  test("on somebody else's notification is left to his own listener", async () => {
    const before = closed;
    await click(null);
    await click({ other: 1 });
    assert.deepEqual([opened, reported, closed - before], [[], [], 0]);
  });
});
