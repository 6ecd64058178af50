/** What people see at our links: few words, no script, nothing from elsewhere. Readable in light and dark, by ear and by keyboard. */
import { hash } from 'node:crypto';
import type { Channel } from '#domain/campaign.ts';
import { unreachable } from '#domain/unreachable.ts';
import type { Refusal } from '../refusal.ts';

const STYLE = `:root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1.5rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem;line-height:1.25}button{font:inherit;padding:.6rem 1.4rem;border:2px solid #14532d;border-radius:.5rem;background:#14532d;color:#fff;cursor:pointer}
button.quiet{background:transparent;color:inherit;border-color:currentcolor}button:focus-visible{outline:3px solid #2563eb;outline-offset:3px}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}button{border-color:#86efac;background:#86efac;color:#10210f}button:focus-visible{outline-color:#93c5fd}}`;

/** Of everything at our links: not kept, not listed, not told on, and able to load nothing and send only back here. */
export const PAGE_HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex, nofollow',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
};

export const PAGE_TYPE = 'text/html; charset=utf-8';

/** What the button of the page says to us: one-click programs say the same (RFC 8058). */
export const UNSUBSCRIBE_FIELD = { name: 'List-Unsubscribe', value: 'One-Click' };
export const RESUBSCRIBE_FIELD = { name: 'resubscribe', value: 'yes' };

/** The page of somebody who gets messages and may not want them. */
export function subscribedPage(sender: string, channel: Channel): string {
  const what = wordFor(channel);
  return page(
    'Unsubscribe',
    `<h1>Unsubscribe?</h1><p>You will get no more ${what} from ${escaped(sender)}.</p>${button(UNSUBSCRIBE_FIELD, 'Unsubscribe', '')}`,
  );
}

/** The page of somebody who has unsubscribed. */
export function unsubscribedPage(sender: string, channel: Channel): string {
  const what = wordFor(channel);
  return page(
    'Unsubscribed',
    `<h1>You are unsubscribed</h1><p role="status">You will get no more ${what} from ${escaped(sender)}.</p><p>Was that a mistake?</p>${button(RESUBSCRIBE_FIELD, 'Subscribe again', 'quiet')}`,
  );
}

/** The page of somebody who has changed his mind. */
export function resubscribedPage(sender: string, channel: Channel): string {
  const what = wordFor(channel);
  return page(
    'Subscribed',
    `<h1>You are subscribed again</h1><p role="status">You will get ${what} from ${escaped(sender)}.</p>${button(UNSUBSCRIBE_FIELD, 'Unsubscribe', 'quiet')}`,
  );
}

/** What is said when there is no page. */
export function refusalPage(refusal: Refusal): { body: string; type: string } {
  const { kind } = refusal;
  const isAway = kind === 'unavailable' || kind === 'internal';
  const body =
    kind === 'not_found'
      ? page(
          'Not found',
          '<h1>This link leads nowhere</h1><p>It is incomplete, or too old. Please copy it from the message once more.</p>',
        )
      : isAway
        ? page(
            'Please try again',
            '<h1>Please try again</h1><p>Something is being repaired here. Try the link again in a minute.</p>',
          )
        : page(
            'Not understood',
            '<h1>That was not understood</h1><p>Please open the link in the message once more.</p>',
          );
  return { body, type: PAGE_TYPE };
}

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex,nofollow"><title>${title}</title><style>${STYLE}</style></head><body><main>${content}</main></body></html>`;
}

/** A form without an address goes to where the page is. */
function button(field: { name: string; value: string }, label: string, look: '' | 'quiet'): string {
  const quiet = look === '' ? '' : ` class="${look}"`;
  return `<form method="post"><button${quiet} name="${field.name}" value="${field.value}">${label}</button></form>`;
}

function wordFor(channel: Channel): string {
  switch (channel) {
    case 'sms':
      return 'text messages';
    case 'email':
      return 'e-mails';
    case 'whatsapp':
      return 'WhatsApp messages';
    case 'push':
    case 'web_push':
      return 'notifications';
    case 'voice':
      return 'calls';
    case 'rcs':
    case 'webhook':
      return 'messages';
    default:
      return unreachable(channel);
  }
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}
