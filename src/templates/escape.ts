/** How values are escaped on their way into a text. One function per strategy, used by every way of rendering. */
import { unreachable } from '#domain/unreachable.ts';
import type { Escaping } from '#ports/templates.ts';

/** Makes a string harmless in its surroundings. */
export type Escape = (text: string) => string;

const HTML_SPECIAL = /[&<>"']/;
const HTML_SPECIALS = /[&<>"']/g;
const HTML_ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#039;' };

/** As Twig documents it, single quotes included (twing's own leaves them). */
export function escapeHtml(text: string): string {
  return HTML_SPECIAL.test(text) ? text.replace(HTML_SPECIALS, (character) => HTML_ENTITIES[character]!) : text;
}

/** RFC 3986: all but the unreserved characters. Halves of surrogate pairs, which no URL can hold, become U+FFFD. */
export function escapeUrl(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The function for a strategy. */
export function escapeFor(escaping: Escaping): Escape {
  switch (escaping) {
    case 'none':
      return (text) => text;
    case 'html':
      return escapeHtml;
    case 'url':
      return escapeUrl;
    default:
      return unreachable(escaping);
  }
}
