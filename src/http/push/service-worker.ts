/**
 * What runs in the user's browser (docs/providers/web-push.md). A page's own service worker imports it, as service workers
 * have to come from the page's own address. It holds no secrets and nothing of an account, so it is one for all of them.
 */
import { hash } from 'node:crypto';

/** In the words that every browser with push messages knows: ES2020, nothing imported. */
export const SERVICE_WORKER = `/* Carom: shows push messages and reports that it did. In your own service worker: importScripts('…/push/sw.js') */
'use strict';
(() => {
  /** Times that a report is tried, and the first pause between, in ms. */
  const TRIES = 3;
  const PAUSE_MS = 1000;

  /** A message of Carom's; null: somebody else's, whose listener will see to it. */
  function messageIn(data) {
    try {
      const message = data.json();
      return typeof message.id === 'string' ? message : null;
    } catch {
      return null;
    }
  }

  function show(message) {
    const { icon, badge, tag } = message.data || {};
    const options = { body: message.body || '', tag: tag || message.id, data: { carom: message } };
    if (message.image) options.image = message.image;
    if (icon) options.icon = icon;
    if (badge) options.badge = badge;
    return self.registration.showNotification(message.title || self.location.hostname, options);
  }

  /** Never rejects: a report that is lost must not look like a message that is. */
  async function report(message, what) {
    const to = message.report;
    if (!to || (what === 'clicked' && !to.clicks)) return;
    for (let tries = 1; tries <= TRIES; tries++) {
      try {
        const answer = await fetch(to.url + '/' + what, { method: 'POST', credentials: 'omit', keepalive: true });
        if (answer.status < 500 && answer.status !== 429) return;
      } catch {
        // Offline, or an address that is blocked.
      }
      if (tries < TRIES) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (tries - 1)));
    }
  }

  /** Where the message leads; one that leads nowhere brings the page back, in a window that shows it already if there is one. */
  async function open(message) {
    if (message.url) return self.clients.openWindow(message.url);
    const windows = await self.clients.matchAll({ type: 'window' });
    return windows.length > 0 ? windows[0].focus() : self.clients.openWindow(self.registration.scope);
  }

  self.addEventListener('push', (event) => {
    const message = event.data ? messageIn(event.data) : null;
    if (message) event.waitUntil(show(message).then(() => report(message, 'delivered')));
  });

  self.addEventListener('notificationclick', (event) => {
    const message = (event.notification.data || {}).carom;
    if (!message) return;
    event.notification.close();
    event.waitUntil(Promise.all([open(message), report(message, 'clicked')]));
  });
})();
`;

/** Pages of any site may load it, and browsers keep it for an hour: after that they ask whether it has changed. */
export const SERVICE_WORKER_HEADERS = {
  'content-type': 'text/javascript; charset=utf-8',
  'cache-control': 'public, max-age=3600',
  etag: `"${hash('sha256', SERVICE_WORKER, 'base64url')}"`,
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'x-content-type-options': 'nosniff',
};
