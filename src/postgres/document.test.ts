import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { documentOf, storableText } from './document.ts';

test('what PostgreSQL can hold is left as it is', () => {
  for (const value of [
    null,
    'plain',
    '\\u0000',
    '\\\\ud800',
    '👩‍👩‍👧',
    '\u0001\u001f',
    { 'ünï "quoted"': ['\n', 1e21, -0.5] },
  ]) {
    assert.equal(documentOf(value), JSON.stringify(value));
  }
});

test('U+0000 and half surrogate pairs are replaced, in keys and behind backslashes too', () => {
  assert.equal(
    documentOf({ '\0a': '\\\0', b: '\ud83d', c: '\udc69\ud83d' }),
    '{"\ufffda":"\\\\\ufffd","b":"\ufffd","c":"\ufffd\ufffd"}',
  );
  assert.equal(storableText('a\0b\ud800c👩'), 'a\ufffdb\ufffdc👩');
});

test('whatever is said comes back, but for those characters', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 20 });
  const halves = fc.array(fc.constantFrom('\0', '\ud83d', '\udc69', '\\', 'u', '0000', 'd83d', '"'), { maxLength: 12 });
  const text = fc.oneof(
    anyText,
    halves.map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(fc.array(text), (texts) => {
      assert.deepEqual(JSON.parse(documentOf(texts)), texts.map(storableText));
    }),
  );
});
