import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import {
  LINK_LENGTH_MAX,
  UNTRACKED_MARK,
  markUntracked,
  rewriteText,
  trackableUrl,
  withoutMarks,
} from './tracked-links.ts';

const MARK = UNTRACKED_MARK;

/** The text with its links in brackets of their own: ⟦https://…⟧. */
function shown(text: string): string {
  return rewriteText(text, (url) => `⟦${url}⟧`);
}

describe('the links of a plain text', () => {
  const cases: [text: string, shown: string][] = [
    ['See https://a.example/x now', 'See ⟦https://a.example/x⟧ now'],
    ['https://a.example', '⟦https://a.example/⟧'],
    ['http://a.example/?q=1&r=2#top', '⟦http://a.example/?q=1&r=2#top⟧'],
    ['HTTPS://A.Example/X', '⟦https://a.example/X⟧'],
    ['Go to https://a.example/x.', 'Go to ⟦https://a.example/x⟧.'],
    ['Really https://a.example/x?!', 'Really ⟦https://a.example/x⟧?!'],
    ['(https://a.example/x).', '(⟦https://a.example/x⟧).'],
    ['https://a.example/wiki/Foo_(bar)', '⟦https://a.example/wiki/Foo_(bar)⟧'],
    ['(see https://a.example/wiki/Foo_(bar), or not)', '(see ⟦https://a.example/wiki/Foo_(bar)⟧, or not)'],
    ['[x](https://a.example/x)', '[x](⟦https://a.example/x⟧)'],
    ['<https://a.example/x>', '<⟦https://a.example/x⟧>'],
    ['"https://a.example/x"', '"⟦https://a.example/x⟧"'],
    ['„https://a.example/x“', '„⟦https://a.example/x⟧“'],
    ["'https://a.example/x'", "'⟦https://a.example/x⟧'"],
    ['*https://a.example/x*', '*⟦https://a.example/x⟧*'],
    ['_https://a.example/x_', '_⟦https://a.example/x⟧_'],
    ['https://a.example/reset/abc_', '⟦https://a.example/reset/abc_⟧'],
    ['https://a.example/x,https', '⟦https://a.example/x,https⟧'],
    ['one https://a.example/1\ntwo https://a.example/2', 'one ⟦https://a.example/1⟧\ntwo ⟦https://a.example/2⟧'],
    ['请点击https://a.example/x。谢谢', '请点击⟦https://a.example/x⟧。谢谢'],
    ['https://bücher.example/straße', '⟦https://xn--bcher-kva.example/stra%C3%9Fe⟧'],
    ['https://a.example/?to=https://b.example/', '⟦https://a.example/?to=https://b.example/⟧'],
    // Not links, or not ones to be sure of.
    ['www.a.example/x', 'www.a.example/x'],
    ['a.example/x', 'a.example/x'],
    ['xhttps://a.example', 'xhttps://a.example'],
    ['https:// a.example', 'https:// a.example'],
    ['https:///a.example', 'https:///a.example'],
    ['https://?', 'https://?'],
    ['ftp://a.example mailto:a@a.example tel:+1', 'ftp://a.example mailto:a@a.example tel:+1'],
    ['https://user@a.example https://user:pass@a.example', 'https://user@a.example https://user:pass@a.example'],
    ['https://@a.example/', 'https://@a.example/'],
    ['https://a.example/\u202egro', 'https://a.example/\u202egro'],
    ['https://a.example:99999/', 'https://a.example:99999/'],
    ['https://[::1', 'https://[::1'],
  ];
  for (const [text, wanted] of cases) {
    test(JSON.stringify(text), () => assert.equal(shown(text), wanted));
  }

  test('one of 2,000 characters is tracked, a longer one is not', () => {
    const link = `https://a.example/${'x'.repeat(LINK_LENGTH_MAX)}`;
    assert.equal(shown(link.slice(0, LINK_LENGTH_MAX)), `⟦${link.slice(0, LINK_LENGTH_MAX)}⟧`);
    assert.equal(shown(link.slice(0, LINK_LENGTH_MAX + 1)), link.slice(0, LINK_LENGTH_MAX + 1));
    // Short as it is written, long as it would be stored.
    const wide = `https://a.example/${'ü'.repeat(1_000)}`;
    assert.equal(shown(wide), wide);
  });

  test('what replace leaves alone stays as it was written', () => {
    assert.equal(
      rewriteText('HTTPS://A.example.', () => null),
      'HTTPS://A.example.',
    );
  });

  test('a megabyte of what nearly is a link takes no time', () => {
    const startedAt = performance.now();
    for (const piece of [')', '(', '.', 'https://', 'https://a.example)', '*https://a.example*', "'"]) {
      shown(`https://a.example/${piece.repeat(1_000_000 / piece.length)}`);
    }
    assert.ok(performance.now() - startedAt < 2_000);
  });
});

describe('a marked link', () => {
  test('stays as it is, and the mark goes', () => {
    assert.equal(shown(`${MARK}https://a.example/x https://a.example/y`), 'https://a.example/x ⟦https://a.example/y⟧');
    assert.equal(shown(`https://${MARK}a.example/x`), 'https://a.example/x');
    assert.equal(shown(`(${MARK}https://a.example/x)`), '(https://a.example/x)');
  });

  test('is marked by itself, or as part of another text', () => {
    assert.equal(shown(markUntracked('https://a.example/x')), 'https://a.example/x');
    assert.equal(
      shown(markUntracked('a https://a.example b http://b.example')),
      'a https://a.example b http://b.example',
    );
    assert.equal(shown(`https://${markUntracked('a.example')}/x`), 'https://a.example/x');
    assert.equal(shown(`https://a.example/${markUntracked('')}`), 'https://a.example/');
  });

  test('is like any other once the mark is gone', () => {
    assert.equal(withoutMarks(markUntracked('https://a.example')), 'https://a.example');
    assert.equal(shown(withoutMarks(markUntracked('https://a.example/'))), '⟦https://a.example/⟧');
  });
});

describe('whatever the text', () => {
  const pieces = fc.constantFrom(
    'https://', 'http://', 'a.example', '/', '?', '#', '@', ':', '.', ',', '(', ')', '[', ']', '{', '}', '"', "'", '<', '>',
    ' ', '\n', '\\', '*', '_', '%', '%41', '\u0000', '\u202e', '\ud800', '。', 'ü', MARK,
  ); // prettier-ignore
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 30 }).map((all) => all.join('')),
  );

  test('replacing links by nothing changes nothing but the marks', () => {
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(
          rewriteText(text, () => null),
          withoutMarks(text),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is around the links stays, and what is replaced is a link to where it says', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const urls: string[] = [];
        const rewritten = rewriteText(text, (url) => `⟦${urls.push(url) - 1}⟧`);
        const around = rewritten.split(/⟦\d+⟧/);
        const pattern = around.map((part) => RegExp.escape(part)).join('([^\\s<>"]+)');
        const written = new RegExp(`^${pattern}$`, 'i').exec(withoutMarks(text));
        assert.ok(written, JSON.stringify([text, rewritten]));
      }),
      { numRuns: 2_000 },
    );
  });

  test('an address is the same when it is asked again, and safe in a header', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          texts,
          fc.webUrl(),
          texts.map((text) => `https://a.example/${text}`),
        ),
        (text) => {
          const url = trackableUrl(text);
          if (url === null) return;
          assert.equal(trackableUrl(url), url);
          assert.match(url, /^https?:\/\/[\x21-\x7e]+$/);
          const { username, password, protocol } = new URL(url);
          assert.deepEqual([username, password], ['', '']);
          assert.ok(['http:', 'https:'].includes(protocol));
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
