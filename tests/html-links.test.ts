/** The links of an HTML text are those that a tokenizer of the whole standard finds, whatever the text. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Tokenizer, TokenizerMode } from 'parse5';
import type { TokenHandler } from 'parse5';
import { rewriteHtml } from '#domain/html-links.ts';
import { trackableUrl, withoutMarks } from '#domain/tracked-links.ts';

/** How the tokenizer goes on after these elements, as the standard's tree construction tells it (without scripting). */
const MODES: Record<string, number> = {
  script: TokenizerMode.SCRIPT_DATA,
  style: TokenizerMode.RAWTEXT,
  xmp: TokenizerMode.RAWTEXT,
  iframe: TokenizerMode.RAWTEXT,
  noembed: TokenizerMode.RAWTEXT,
  noframes: TokenizerMode.RAWTEXT,
  textarea: TokenizerMode.RCDATA,
  title: TokenizerMode.RCDATA,
  plaintext: TokenizerMode.PLAINTEXT,
};

/** A tag as the standard reads it; `href` apart. */
interface ReadTag {
  tag: string;
  href: string | null;
}

function read(html: string): ReadTag[] {
  const tags: ReadTag[] = [];
  const ignore = () => undefined;
  const handler: TokenHandler = {
    onComment: ({ data }) => tags.push({ tag: `<!--${data}-->`, href: null }),
    onDoctype: ignore,
    onEof: ignore,
    onCharacter: ignore,
    onNullCharacter: ignore,
    onWhitespaceCharacter: ignore,
    onEndTag: ({ tagName }) => tags.push({ tag: `</${tagName}>`, href: null }),
    onStartTag: ({ tagName, attrs }) => {
      const others = attrs.filter(({ name }) => name !== 'href').map(({ name, value }) => `${name}=${value}`);
      const isOff = attrs.some(({ name, value }) => name === 'data-track' && value.toLowerCase() === 'off');
      const href = attrs.find(({ name }) => name === 'href')?.value ?? null;
      const isLink = (tagName === 'a' || tagName === 'area') && !isOff;
      const tag = JSON.stringify([tagName, others, isLink ? '' : href]);
      tags.push({ tag, href: isLink ? href : null });
      const mode = MODES[tagName];
      if (mode === undefined) return;
      tokenizer.state = mode;
      tokenizer.lastStartTagName = tagName;
    },
  };
  const tokenizer = new Tokenizer({ sourceCodeLocationInfo: false }, handler);
  tokenizer.write(html, true);
  return tags;
}

function urlOf(href: string | null): string | null {
  return href === null ? null : trackableUrl(href.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, ''));
}

const PIECES = [
  '<a ', '<A href="https://a.example/1">', "<a href='https://a.example/2'>", '<a href=https://a.example/3>', '<area href="', '</a>',
  'https://a.example/', 'href', 'href=', '=', '"', "'", '>', '/', '/>', ' ', '\n', '\t', '\f', '<', '<!', '<!--', '-->', '--!>', '-', '!',
  '<!-->', '<!--->', '<?', '</', '</>', '</ ', '<!doctype html>', '<![CDATA[', ']]>', '<style>', '</style>', '</style ', '<script>',
  '</script>', '<title>', '</title>', '<textarea>', '</textarea/', '<xmp>', '</xmp>', '<iframe>', '</iframe>', '<plaintext>', '<b>', '<img ',
  ' data-track="off"', ' data-track=on', ' title=', '&', '&amp;', '&amp', '&copy', '&copy;', '&eacute;', '&#38;', '&#x26', '&#0;', '&foo', ';', 'a=1',
  '<a href="\ufdd0https://a.example/4">', '<a title="x" href="https://a.example/?a=1&amp;b=2" >', "<area a b='c' href='https://a.example/5'/>",
  'x', 'é', '@', ':', '.', '?', '<svg>', '<body>', '</body>',
]; // prettier-ignore

const htmls = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 25 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);

test('only the href of links is replaced, each by what was asked for it, and nothing else is read differently', () => {
  fc.assert(
    fc.property(htmls, (html) => {
      const asked: string[] = [];
      const rewritten = rewriteHtml(html, (url) => `https://c.example/${asked.push(url) - 1}?x"&y`, null);
      const before = read(html);
      const after = read(rewritten);
      assert.deepEqual(
        after.map(({ tag }) => tag),
        before.map(({ tag }) => withoutMarks(tag)),
      );
      for (const [index, { href }] of after.entries()) {
        const [, number] = /^https:\/\/c\.example\/(\d+)\?x"&y$/.exec(href ?? '') ?? [];
        if (number === undefined) assert.equal(href, withMarksGone(before[index]!.href));
        else assert.equal(asked[Number(number)], urlOf(before[index]!.href));
      }
    }),
    { numRuns: 20_000 },
  );
});

function withMarksGone(href: string | null): string | null {
  return href === null ? null : withoutMarks(href);
}

/** What makes the rewriting leave links alone although they are some: see `html-links.ts`. */
const SUBTLE = /&(?!amp;|#38;|#x26)|<script/i;

test('no link is forgotten', () => {
  let links = 0;
  fc.assert(
    fc.property(
      htmls.filter((html) => !SUBTLE.test(html)),
      (html) => {
        const asked: string[] = [];
        rewriteHtml(html, (url) => String(asked.push(url)), null);
        const wanted = read(html).flatMap(({ href }) => urlOf(href) ?? []);
        links += wanted.length;
        assert.deepEqual(asked, wanted);
      },
    ),
    { numRuns: 20_000 },
  );
  assert.ok(links > 1_000, `only ${links} links were there to be found`);
});
