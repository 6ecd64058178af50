/** How values are escaped on their way into a text. One function per strategy, used by every way of rendering. */
import { unreachable } from '#domain/unreachable.ts';
import type { Escaping } from '#ports/templates.ts';
import { OUTPUT_LENGTH_MAX } from './budget.ts';
import type { Budget } from './budget.ts';

/** Makes a string harmless in its surroundings. */
export type Escape = (text: string) => string;

/** Characters that are percent-encoded at once: no address is longer. */
const URL_LENGTH_MAX = 100_000;

const HTML_SPECIAL = /[&<>"']/;
const HTML_SPECIALS = /[&<>"']/g;
const HTML_ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#039;' };

/** As Twig documents it, single quotes included. @throws when the result is longer than any output may be. */
export function escapeHtml(text: string): string {
  if (!HTML_SPECIAL.test(text)) return text;
  let [escaped, from] = ['', 0];
  HTML_SPECIALS.lastIndex = 0;
  for (let match = HTML_SPECIALS.exec(text); match; match = HTML_SPECIALS.exec(text)) {
    escaped += text.slice(from, match.index) + HTML_ENTITIES[match[0]]!;
    from = match.index + 1;
    if (escaped.length > OUTPUT_LENGTH_MAX) throw tooLong();
  }
  return escaped + text.slice(from);
}

/** RFC 3986: all but the unreserved characters. Halves of surrogate pairs, which no URL can hold, become U+FFFD. */
export function escapeUrl(text: string): string {
  if (text.length > URL_LENGTH_MAX) throw new Error(`an address holds at most ${URL_LENGTH_MAX} characters; use fewer`);
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The function for the way in which a whole template is escaped. */
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

/** What each strategy leaves as it is beside letters and digits, and what it makes of the rest, a code point at a time. */
const STRATEGIES: Record<string, { kept: string; write(code: number): string }> = {
  js: { kept: ',._', write: inScript },
  css: { kept: '', write: (code) => `\\${hex(code)} ` },
  html_attr: { kept: ',.-_', write: inAttribute },
};
const STEPS_PER_ESCAPE = 8;

/** The filter `escape`. @throws when there is no such strategy. */
export function escapeWith(strategy: string, text: string, budget: Budget): string {
  budget.takeText(text.length);
  if (strategy === 'html') return escapeHtml(text);
  if (strategy === 'url') return escapeUrl(text);
  if (!Object.hasOwn(STRATEGIES, strategy))
    throw new Error(`there is no escaping "${strategy.slice(0, 40)}"; use html, html_attr, js, css or url`);
  const { kept, write } = STRATEGIES[strategy]!;
  let [escaped, from] = ['', 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at)!;
    if (isAlphanumeric(code) || kept.includes(text[at]!)) continue;
    budget.take(STEPS_PER_ESCAPE);
    escaped += text.slice(from, at) + write(code);
    if (code > 0xffff) at++;
    from = at + 1;
  }
  return escaped + text.slice(from);
}

function isAlphanumeric(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57);
}

function hex(code: number): string {
  return code.toString(16).toUpperCase();
}

const IN_SCRIPT: Record<string, string> = {
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function inScript(code: number): string {
  const character = String.fromCodePoint(code);
  const short = IN_SCRIPT[character];
  if (short !== undefined) return short;
  return Array.from({ length: character.length }, (_, index) => {
    return `\\u${hex(character.charCodeAt(index)).padStart(4, '0')}`;
  }).join('');
}

function inAttribute(code: number): string {
  const isControl = (code < 32 && ![9, 10, 13].includes(code)) || (code > 126 && code < 160);
  if (isControl) return '&#xFFFD;';
  const entity = code === 39 ? undefined : HTML_ENTITIES[String.fromCodePoint(code)];
  return entity ?? `&#x${hex(code).padStart(2, '0')};`;
}

function tooLong(): Error {
  return new Error(`a text in it grows beyond ${OUTPUT_LENGTH_MAX} characters; keep texts shorter`);
}
