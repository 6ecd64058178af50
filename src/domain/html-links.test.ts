import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { rewriteHtml } from './html-links.ts';
import { UNTRACKED_MARK } from './tracked-links.ts';

/** The HTML with `→` and the address in the place of each link. */
function shown(html: string): string {
  return rewriteHtml(html, (url) => `→${url}`, null);
}

describe('the links of an HTML text', () => {
  const cases: [html: string, shown: string][] = [
    ['<a href="https://a.example/x">x</a>', '<a href="→https://a.example/x">x</a>'],
    ["<a href='https://a.example/x'>x</a>", '<a href="→https://a.example/x">x</a>'],
    ['<a href=https://a.example/x>x</a>', '<a href="→https://a.example/x">x</a>'],
    ['<a href=https://a.example/>x</a>', '<a href="→https://a.example/">x</a>'],
    ['<A\nCLASS=b HREF = "https://a.example/x" id=c>', '<A\nCLASS=b HREF = "→https://a.example/x" id=c>'],
    ['<area shape="rect" href="https://a.example/"/>', '<area shape="rect" href="→https://a.example/"/>'],
    ['<a href=" https://a.example/\n">', '<a href="→https://a.example/">'],
    ['<a title="a > b" href="https://a.example/">', '<a title="a > b" href="→https://a.example/">'],
    ['<a title=">"href="https://a.example/">', '<a title=">"href="→https://a.example/">'],
    ['<a href="https://a.example/1" href="https://a.example/2">', '<a href="→https://a.example/1" href="https://a.example/2">'],
    ['<a href="https://a.example/?a=1&amp;b=2">', '<a href="→https://a.example/?a=1&amp;b=2">'],
    ['<a href="https://a.example/?a=1&b=2&copy=3">', '<a href="→https://a.example/?a=1&amp;b=2&amp;copy=3">'],
    ['<a href="https://a.example/?a&#38;b&#x26;c&#038d">', '<a href="→https://a.example/?a&amp;b&amp;c&amp;d">'],
    ['<a href="https://a.example/?a&b">', '<a href="→https://a.example/?a&amp;b">'],
    ['<a href="https://a.example/?q=&quot;x&apos;">', '<a href="→https://a.example/?q=%22x%27">'],
    ['2 < 3 <a href="https://a.example/">', '2 < 3 <a href="→https://a.example/">'],
    ['<!--[if !mso]><!--><a href="https://a.example/"><!--<![endif]-->', '<!--[if !mso]><!--><a href="→https://a.example/"><!--<![endif]-->'],
    ['<!--> <a href="https://a.example/">', '<!--> <a href="→https://a.example/">'],
    ['<!---> <a href="https://a.example/">', '<!---> <a href="→https://a.example/">'],
    ['<style>a{}</style><a href="https://a.example/">', '<style>a{}</style><a href="→https://a.example/">'],
    ['<title><a></title ><a href="https://a.example/">', '<title><a></title ><a href="→https://a.example/">'],
  ]; // prettier-ignore
  for (const [html, wanted] of cases) test(html, () => assert.equal(shown(html), wanted));

  const untouched = [
    '<a href="/x"> <a href="//a.example/x"> <a href="#x"> <a href=""> <a href> <a>',
    '<a href="mailto:a@a.example"> <a href="tel:+1"> <a href="javascript:alert(1)"> <a href="shop://x">',
    '<a href="https://user@a.example/"> <a href="https://a.exa\nmple/">',
    '<img src="https://a.example/"> <link href="https://a.example/"> <abbr href="https://a.example/">',
    '<a data-href="https://a.example/"> <a title="href=https://a.example/">',
    'https://a.example/ <b>https://a.example/</b>',
    '<!-- <a href="https://a.example/"> -->',
    '<!--[if mso]><a href="https://a.example/">x</a><![endif]-->',
    '<!doctype <a href="https://a.example/">',
    '</a href="https://a.example/">',
    '<style><a href="https://a.example/"></style>',
    '<script>"<a href=\'https://a.example/\'>"</script>',
    '<textarea><a href="https://a.example/"></textarea>',
    '<plaintext><a href="https://a.example/">',
    '<script><!--<script></script><a href="https://a.example/">--></script>',
    '<a data-track="off" href="https://a.example/"> <a href="https://a.example/" DATA-TRACK=Off>',
    // What a reference that is not known here stands for would be a guess.
    '<a href="https://a.example/?a&eacute;b"> <a href="https://a.example/?a&copy"> <a href="https://a.example/?&#0;">',
    // Tags that do not end are none.
    '<a href="https://a.example/"',
    '<a href="https://a.example/>x</a>',
    '<style><a href="https://a.example/">',
    '<!-- <a href="https://a.example/">',
  ];
  for (const html of untouched) test(`none in ${html}`, () => assert.equal(shown(html), html));

  test('those with a mark stay, and all marks go', () => {
    assert.equal(
      shown(`${UNTRACKED_MARK}a <a href="${UNTRACKED_MARK}https://a.example/1"> <a href="https://a.example/2">`),
      'a <a href="https://a.example/1"> <a href="→https://a.example/2">',
    );
  });

  test('what is put in is written so that it is read again', () => {
    assert.equal(
      rewriteHtml('<a href=https://a.example/>', () => 'x"&y', null),
      '<a href="x&quot;&amp;y">',
    );
  });
});

describe('the pixel', () => {
  const withPixel = (html: string) => rewriteHtml(html, () => null, '●');
  const cases: [html: string, wanted: string][] = [
    ['<html><body><p>x</p></body></html>', '<html><body><p>x</p>●</body></html>'],
    ['<BODY>x</BODY >', '<BODY>x●</BODY >'],
    ['<html>x</html>', '<html>x●</html>'],
    ['<p>x</p>', '<p>x</p>●'],
    ['', '●'],
    ['x<!-- </body> -->', 'x<!-- </body> -->●'],
    ['<body>x<style>', '<body>x●<style>'],
    ['<body>x<a href="', '<body>x●<a href="'],
  ];
  for (const [html, wanted] of cases) test(JSON.stringify(html), () => assert.equal(withPixel(html), wanted));
});

test('a megabyte of what never ends takes no time', () => {
  const startedAt = performance.now();
  for (const piece of [
    '<',
    '<a ',
    '<a href="',
    "<a href='",
    '<!--',
    '<!-- --!',
    '<title>',
    '<script>',
    '<a =',
    '&amp',
    '</',
  ]) {
    shown(piece.repeat(1_000_000 / piece.length));
    shown(`<a href="${piece.repeat(1_000_000 / piece.length)}">`);
  }
  assert.ok(performance.now() - startedAt < 3_000);
});
