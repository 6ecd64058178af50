/**
 * Which links of a message are tracked, and putting others in their place; those of HTML are found by `html-links.ts`.
 * Only what is certainly a link to a web page is touched: whatever is in doubt stays as it was written.
 */

/** Marks a link that is not to be tracked. A noncharacter (Unicode §23.7), set aside for a program's own use: no text has it. */
export const UNTRACKED_MARK = '\ufdd0';
/** Different links of one message; further ones stay as they are. */
export const LINKS_MAX = 200;
/** Characters of a link; a longer one stays as it is. */
export const LINK_LENGTH_MAX = 2_000;

/** What stands in a link's place; null: the link stays. Called with the address as a browser would call it. */
export type Replace = (url: string) => string | null;

/** The text with a mark on each link in it, or, where it has none, on whatever link it becomes part of. */
export function markUntracked(text: string): string {
  const marked = text.replace(/https?:\/\//gi, `${UNTRACKED_MARK}$&`);
  return marked === text ? UNTRACKED_MARK + text : marked;
}

/** The text as the recipient is to see it. */
export function withoutMarks(text: string): string {
  return text.includes(UNTRACKED_MARK) ? text.replaceAll(UNTRACKED_MARK, '') : text;
}

/** Blanks, control characters, those that turn the direction of writing, halves of surrogate pairs, and the mark. */
const NOT_IN_A_LINK = /[\s\p{Cc}\p{Bidi_Control}\p{Cs}\\\ufdd0]/u;
const WEB_ADDRESS = /^https?:\/\/([^/?#]+)/i;

/**
 * Where a browser goes that is given this link: what is stored and redirected to, so that what was looked at here is what
 * will be called. Null for what is not tracked: what is no web page, has a user name (by which a link can look like
 * another's), characters that hide something, a mark, or too many characters.
 */
export function trackableUrl(link: string): string | null {
  if (link.length > LINK_LENGTH_MAX || NOT_IN_A_LINK.test(link)) return null;
  const authority = WEB_ADDRESS.exec(link)?.[1];
  if (authority === undefined || authority.includes('@')) return null;
  const href = URL.parse(link)?.href ?? null;
  return href !== null && href.length <= LINK_LENGTH_MAX ? href : null;
}

/** A link in a plain text: from its scheme, not in the middle of a word, to a blank, a quotation mark or a wide bracket. */
const LINK =
  /(?<![A-Za-z0-9])https?:\/\/[^\s\p{Cc}<>"`\\\u2018-\u201f\u00ab\u00bb\u3000-\u3003\u3008-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]+/giu;
/** What ends a sentence, not a link. */
const AFTER_A_LINK = ".,;:!?'\u2026";
/** What stands on both sides of an emphasised link. */
const EMPHASIS = '*_~';
const BRACKETS = [
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
] as const;

/** The plain text with its links replaced, and without marks. Everything else stays to the character. */
export function rewriteText(text: string, replace: Replace): string {
  if (!/:\/\//.test(text)) return withoutMarks(text);
  const rewritten = text.replace(LINK, (found: string, at: number) => {
    const before = text[at - 1] ?? '';
    if (before === UNTRACKED_MARK) return found;
    const link = found.slice(0, lengthOfLink(found, before));
    const url = trackableUrl(link);
    const replacement = url === null ? null : replace(url);
    return replacement === null ? found : replacement + found.slice(link.length);
  });
  return withoutMarks(rewritten);
}

/** The same for a text that is one address as a whole. */
export function rewriteAddress(text: string, replace: Replace): string {
  const url = trackableUrl(text.trim());
  return (url === null ? null : replace(url)) ?? withoutMarks(text);
}

/** How much of what looks like a link is one: not the full stop after it, nor the bracket it stands in. */
function lengthOfLink(found: string, before: string): number {
  const surplus = new Map<string, number>();
  for (const [opening, closing] of BRACKETS) {
    if (found.includes(closing)) surplus.set(closing, count(found, closing) - count(found, opening));
  }
  let end = found.length;
  for (; end > 0; end--) {
    const last = found[end - 1]!;
    const unopened = surplus.get(last) ?? 0;
    const isOutside = AFTER_A_LINK.includes(last) || unopened > 0 || (last === before && EMPHASIS.includes(last));
    if (!isOutside) break;
    if (unopened > 0) surplus.set(last, unopened - 1);
  }
  return end;
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
