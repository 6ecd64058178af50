/**
 * The links of an HTML text: the `href` of its `<a>` and `<area>` tags, found as the tokenizer of the HTML standard (§13.2.5)
 * finds them, so that nothing in a comment, script, style or another attribute is taken for one. `tests/html-links.test.ts`
 * compares with a parser of the whole standard. Where the standard gets subtle, the rest stays as it was written.
 */
import { trackableUrl, withoutMarks } from './tracked-links.ts';
import type { Replace } from './tracked-links.ts';

/** A piece of the text to be put in the place of another. */
interface Splice {
  from: number;
  to: number;
  text: string;
}

/** An attribute with its value as written, and where that is, quotation marks included. */
interface Attribute {
  name: string;
  value: string;
  from: number;
  to: number;
}

interface Tag {
  /** In small letters. */
  name: string;
  isEnd: boolean;
  attributes: Attribute[];
  from: number;
  to: number;
}

/** The HTML with its links replaced and without marks. `pixel`: put at the end of its body; null: nothing is. */
export function rewriteHtml(html: string, replace: Replace, pixel: string | null): string {
  const splices: Splice[] = [];
  let end = -1;
  const scan = scanTags(html, (tag) => {
    if (tag.isEnd && (tag.name === 'body' || (tag.name === 'html' && end < 0))) end = tag.from;
    const href = tag.isEnd || !isLink(tag.name) ? null : hrefOf(tag);
    if (!href) return;
    const link = decoded(href.value);
    const url = link === null ? null : trackableUrl(link);
    const replacement = url === null ? null : replace(url);
    if (replacement !== null) splices.push({ from: href.from, to: href.to, text: `"${encoded(replacement)}"` });
  });
  if (pixel !== null) splices.push({ from: end < 0 ? scan.to : end, to: end < 0 ? scan.to : end, text: pixel });
  return withoutMarks(spliced(html, splices));
}

function isLink(name: string): boolean {
  return name === 'a' || name === 'area';
}

/** Of two attributes of a name the first counts. A tag with `data-track="off"` has none for us. */
function hrefOf({ attributes }: Tag): Attribute | null {
  const named = (name: string) => attributes.find((attribute) => attribute.name === name);
  return named('data-track')?.value.toLowerCase() === 'off' ? null : (named('href') ?? null);
}

function spliced(html: string, splices: Splice[]): string {
  let output = '';
  let at = 0;
  for (const { from, to, text } of splices.toSorted((a, b) => a.from - b.from)) {
    output += html.slice(at, from) + text;
    at = to;
  }
  return output + html.slice(at);
}

/** Elements whose content is text up to their end tag, whatever it looks like. */
const TEXT_ELEMENTS = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes']);

/** Calls back for each tag; `to`: where the text ends, or where what follows is better left alone. */
function scanTags(html: string, each: (tag: Tag) => void): { to: number } {
  let at = 0;
  for (;;) {
    const open = html.indexOf('<', at);
    if (open < 0) return { to: html.length };
    const next = html[open + 1] ?? '';
    const isEnd = next === '/';
    if (isLetter(html.charCodeAt(isEnd ? open + 2 : open + 1))) {
      const tag = readTag(html, open, isEnd);
      if (!tag) return { to: open };
      each(tag);
      at = isEnd ? tag.to : contentFrom(html, tag);
    } else at = isEnd || next === '!' || next === '?' ? afterMarkup(html, open) : open + 1;
    if (at < 0) return { to: open };
  }
}

/** Where to go on after a start tag: behind the text of an element that has nothing else. Below zero: nowhere. */
function contentFrom(html: string, { name, to }: Tag): number {
  if (name === 'plaintext') return -1;
  if (!TEXT_ELEMENTS.has(name)) return to;
  const closing = new RegExp(`</${name}[\\t\\n\\f\\r />]`, 'gi');
  closing.lastIndex = to;
  const end = closing.exec(html)?.index ?? -1;
  // A script with a comment in it may go on after what looks like its end.
  return name === 'script' && html.slice(to, end < 0 ? html.length : end).includes('<!--') ? -1 : end;
}

/** Behind a comment, doctype or what is taken for one. Below zero: it does not end. */
function afterMarkup(html: string, open: number): number {
  if (!html.startsWith('<!--', open)) return behind(html, '>', open + 2);
  // `<!-->` and `<!--->` are whole comments; another ends with `-->` or `--!>`.
  if (html.startsWith('>', open + 4)) return open + 5;
  if (html.startsWith('->', open + 4)) return open + 6;
  const end = /--!?>/g;
  end.lastIndex = open + 4;
  return end.exec(html) ? end.lastIndex : -1;
}

function behind(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from);
  return at < 0 ? -1 : at + text.length;
}

/** Reads the tag that begins here; null for one that does not end. */
function readTag(html: string, open: number, isEnd: boolean): Tag | null {
  const nameFrom = open + (isEnd ? 2 : 1);
  let at = past(html, nameFrom, (code) => !isBlank(code) && code !== SLASH && code !== GREATER);
  const tag: Tag = { name: html.slice(nameFrom, at).toLowerCase(), isEnd, attributes: [], from: open, to: at };
  for (;;) {
    at = past(html, at, (code) => isBlank(code) || code === SLASH);
    if (at >= html.length) return null;
    if (html.charCodeAt(at) === GREATER) return { ...tag, to: at + 1 };
    const attribute = readAttribute(html, at);
    if (!attribute) return null;
    tag.attributes.push(attribute);
    at = attribute.to;
  }
}

function readAttribute(html: string, from: number): Attribute | null {
  // An equals sign at the very beginning is part of the name.
  const nameTo = past(
    html,
    from + 1,
    (code) => !isBlank(code) && code !== SLASH && code !== GREATER && code !== EQUALS,
  );
  const name = html.slice(from, nameTo).toLowerCase();
  const equals = past(html, nameTo, isBlank);
  if (html.charCodeAt(equals) !== EQUALS) return { name, value: '', from: nameTo, to: nameTo };
  const valueFrom = past(html, equals + 1, isBlank);
  const quote = html[valueFrom];
  if (quote === '"' || quote === "'") {
    const close = html.indexOf(quote, valueFrom + 1);
    return close < 0 ? null : { name, value: html.slice(valueFrom + 1, close), from: valueFrom, to: close + 1 };
  }
  const to = past(html, valueFrom, (code) => !isBlank(code) && code !== GREATER);
  return { name, value: html.slice(valueFrom, to), from: valueFrom, to };
}

const SLASH = 0x2f;
const EQUALS = 0x3d;
const GREATER = 0x3e;

/** The first place from here on whose character is not one of these. */
function past(html: string, from: number, isOne: (code: number) => boolean): number {
  let at = from;
  while (at < html.length && isOne(html.charCodeAt(at))) at++;
  return at;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

const REFERENCE = /&(?:#(?:x([0-9a-f]+)|([0-9]+));?|([a-z][a-z0-9]*)(;|(?=(.)?)))/gis;
const NAMED: Record<string, string> = { amp: '&', AMP: '&', lt: '<', gt: '>', quot: '"', QUOT: '"', apos: "'" };
/** Names that count without a semicolon too, unless a letter, digit or equals sign follows (HTML §13.2.5.73). */
const OLD_NAMES = new Set(
  (
    'AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave Iuml LT Ntilde ' +
    'Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute aelig agrave amp ' +
    'aring atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14 frac34 gt ' +
    'iacute icirc iexcl igrave iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm oslash ' +
    'otilde ouml para plusmn pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml uuml yacute yen yuml'
  ).split(' '),
);

/** An attribute's value with its references replaced, trimmed as links are; null when one of them is not known here. */
function decoded(value: string): string | null {
  const trimmed = value.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '');
  if (!trimmed.includes('&')) return trimmed;
  let isKnown = true;
  const text = trimmed.replace(
    REFERENCE,
    (whole, hex?: string, digits?: string, name?: string, end?: string, next?: string) => {
      if (name === undefined) {
        const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
        const isPlain = (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code <= 0xd7ff);
        isKnown &&= isPlain;
        return isPlain ? String.fromCharCode(code) : whole;
      }
      if (end !== ';' && (next === '=' || !OLD_NAMES.has(name))) return whole;
      isKnown &&= Object.hasOwn(NAMED, name);
      return NAMED[name] ?? whole;
    },
  );
  return isKnown ? text : null;
}

function encoded(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
}
