import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { fromGsm7, fromUcs2, unpack } from '../../tests/support/smsc-wire.ts';
import { writeText } from './smpp-text.ts';

const DEFAULT = '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà';
const EXTENSION = '\f^{}\\[~]|€';
const EMOJI = ['😀', '🇮🇳', '👩‍👩‍👧', '안', 'ह', 'a'];

const gsmText = fc
  .array(fc.constantFrom(...(DEFAULT + EXTENSION).split('')), { minLength: 1, maxLength: 700 })
  .map((all) => all.join(''));
const ucsText = fc.array(fc.constantFrom(...EMOJI), { minLength: 1, maxLength: 300 }).map((all) => `ह${all.join('')}`);

/** `[octets of the longest part, parts]` of a text that repeats one character. */
const sizes = (text: string, alphabet: 'gsm7' | 'gsm7_packed' | 'latin1' | 'ucs2', header: number) => {
  const { parts } = writeText(text, alphabet, header, null);
  return [Math.max(...parts.map(({ length }) => length)), parts.length];
};

describe('a text as short messages', () => {
  test('the whole alphabet is written in it, character by character', () => {
    const { alphabet, dataCoding, parts } = writeText(DEFAULT + EXTENSION, 'gsm7', 6, null);
    assert.deepEqual([alphabet, dataCoding, parts.length], ['gsm7', 0, 1]);
    assert.equal(fromGsm7(parts[0]!), DEFAULT + EXTENSION);
  });

  test('what is not in the alphabet makes it UCS-2', () => {
    for (const text of ['नमस्ते', 'ê', '`', '😀', 'a\x1bb', '\t', '“quoted”'])
      assert.deepEqual(writeText(text, 'gsm7', 6, null).dataCoding, 8, text);
    assert.equal(writeText('ê', 'latin1', 6, null).dataCoding, 3);
    assert.equal(writeText('€', 'latin1', 6, null).dataCoding, 8);
    assert.equal(writeText('Hi', 'ucs2', 6, null).dataCoding, 8);
  });

  test('the data coding of an alphabet may be another one; that of UCS-2 stays', () => {
    assert.equal(writeText('Hi', 'gsm7', 6, 1).dataCoding, 1);
    assert.equal(writeText('😀', 'gsm7', 6, 1).dataCoding, 8);
  });

  const table: [text: string, alphabet: Parameters<typeof sizes>[1], header: number, octets: number, parts: number][] =
    [
      ['a'.repeat(160), 'gsm7', 6, 160, 1],
      ['a'.repeat(161), 'gsm7', 6, 153, 2],
      ['a'.repeat(161), 'gsm7', 7, 152, 2],
      ['a'.repeat(160), 'gsm7_packed', 6, 140, 1],
      ['a'.repeat(161), 'gsm7_packed', 6, 134, 2],
      ['a'.repeat(161), 'gsm7_packed', 7, 133, 2],
      ['€'.repeat(80), 'gsm7', 6, 160, 1],
      ['€'.repeat(81), 'gsm7', 6, 152, 2],
      ['ह'.repeat(70), 'gsm7', 6, 140, 1],
      ['ह'.repeat(71), 'gsm7', 6, 134, 2],
      ['ह'.repeat(71), 'gsm7', 7, 132, 2],
      ['ê'.repeat(140), 'latin1', 6, 140, 1],
      ['ê'.repeat(141), 'latin1', 6, 134, 2],
      ['ê'.repeat(141), 'latin1', 7, 133, 2],
    ];
  for (const [text, alphabet, header, octets, parts] of table)
    test(`${text.length} × ${text[0]} in ${alphabet} behind ${header} octets: ${parts} of at most ${octets}`, () => {
      assert.deepEqual(sizes(text, alphabet, header), [octets, parts]);
    });

  test('a character of the extension is never cut', () => {
    const { parts } = writeText(`${'a'.repeat(152)}€${'b'.repeat(20)}`, 'gsm7', 6, null);
    assert.deepEqual(parts.map(fromGsm7), ['a'.repeat(152), `€${'b'.repeat(20)}`]);
  });

  test('a pair of surrogates is never cut', () => {
    const { parts } = writeText(`${'ह'.repeat(66)}😀${'ह'.repeat(10)}`, 'gsm7', 6, null);
    assert.deepEqual(parts.map(fromUcs2), ['ह'.repeat(66), `😀${'ह'.repeat(10)}`]);
  });
});

describe('whatever the text, its parts make it up again', () => {
  for (const header of [6, 7]) {
    test(`GSM, a septet in a byte, behind ${header} octets`, () => {
      fc.assert(
        fc.property(gsmText, (text) => {
          const { parts } = writeText(text, 'gsm7', header, null);
          assert.equal(parts.map(fromGsm7).join(''), text);
        }),
      );
    });

    test(`GSM, packed, behind ${header} octets`, () => {
      fc.assert(
        fc.property(gsmText, (text) => {
          const { parts } = writeText(text, 'gsm7_packed', header, null);
          const fill = parts.length > 1 && header === 6 ? 1 : 0;
          const read = parts.map((part) => fromGsm7(unpack(part, fill)));
          // Seven bits to spare at the very end are a carriage return.
          const last = read.at(-1)!;
          const isPadded = last.endsWith('\r') && read.join('') !== text;
          assert.equal(read.join('').slice(0, isPadded ? -1 : undefined), text);
        }),
      );
    });

    test(`UCS-2, behind ${header} octets`, () => {
      fc.assert(
        fc.property(ucsText, (text) => {
          const { parts } = writeText(text, 'gsm7', header, null);
          assert.equal(parts.map(fromUcs2).join(''), text);
          for (const part of parts) assert(fromUcs2(part).isWellFormed());
        }),
      );
    });
  }
});
