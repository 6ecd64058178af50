/** A file in base64, in pieces of any length. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { Base64File, fileOfText } from './base64-file.ts';

/** The file of a text that comes in pieces of this length. */
function fileInPieces(text: string, length: number) {
  const file = new Base64File();
  let bytes = 0;
  for (let at = 0; at < text.length; at += length) bytes += file.add(text.slice(at, at + length));
  return { ...file.end(), counted: bytes };
}

test('what was written is read, however it is cut, broken into lines or introduced', () => {
  const ways = [
    (text: string) => text,
    (text: string) => text.replaceAll(/.{76}/g, '$&\r\n'),
    (text: string) => `data:application/pdf;base64,${text}`,
    (text: string) => ` \nDATA:text/plain;charset=utf-8;BASE64,${text}`,
  ];
  const way = fc.constantFrom(...ways);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), way, fc.integer({ min: 1, max: 100 }), (bytes, write, length) => {
      const content = Buffer.from(bytes);
      const file = fileInPieces(write(content.toString('base64')), length);
      assert.equal(file.fault, null);
      assert.deepEqual(Buffer.concat(file.pieces), content);
      assert.equal(file.sizeBytes, content.length);
      assert.equal(file.sha256, createHash('sha256').update(content).digest('hex'));
    }),
  );
});

test('a data URL says the type', () => {
  const typeOf = (head: string) => fileOfText(`data:${head},QUJD`).type;
  assert.equal(typeOf('application/pdf;base64'), 'application/pdf');
  assert.equal(typeOf('text/plain;charset=utf-8;base64'), 'text/plain;charset=utf-8');
  assert.equal(typeOf(';base64'), null);
  assert.equal(fileOfText('QUJD').type, null);
});

test('what is no base64 is told, with its place, however it is cut', () => {
  const faults = {
    'QUJ*': 'is not base64: "*" cannot stand at character 4',
    QUJDé: 'is not base64: "é" cannot stand at character 5',
    'Q\nUJ-': 'is not base64: "-" cannot stand at character 4',
    'QQ==QQ==': 'is not base64: "Q" cannot stand at character 5',
    'QU=J': 'is not base64: "J" cannot stand at character 4',
    'QUJDQ===': 'is not base64: it ends with more than two "="',
    QUJDQ: 'is not base64: characters are missing at its end',
    QUI: 'is not base64: characters are missing at its end',
    'QUI==': 'is not base64: characters are missing at its end',
    '=': 'is not base64: characters are missing at its end',
    'data:text/plain,hello': 'is a data URL whose content is not base64; write "data:<type>;base64,…"',
    [`data:${'x'.repeat(600)}`]: 'is a data URL without a comma in its first 500 characters',
  };
  for (const [text, fault] of Object.entries(faults)) {
    for (const length of [1, 2, 3, 1_000]) {
      const file = fileInPieces(text, length);
      assert.equal(file.fault, fault, text);
      assert.deepEqual(file.pieces, []);
    }
  }
});

test('the bytes are counted while they come in', () => {
  const content = Buffer.alloc(3_000_000, 1);
  const { counted, sizeBytes } = fileInPieces(content.toString('base64'), 65_536);
  assert.deepEqual([counted, sizeBytes], [content.length, content.length]);
});
