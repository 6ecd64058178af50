/** Bodies in pieces: the contents of files are taken out, and the rest is what it was. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { Refusal } from '../refusal.ts';
import { HeldBytes, SiftedBody } from './sifted-body.ts';

const LIMITS = { restMaxBytes: 10_000, filesMaxBytes: 10_000 };

/** The body read in pieces of this size: what is left, and the files by their marks. */
function sift(body: string | Buffer, size = 7, limits = LIMITS) {
  const held = new HeldBytes();
  const sifted = new SiftedBody('attach', limits, held);
  const bytes = Buffer.from(body);
  try {
    for (let at = 0; at < bytes.length; at += size) sifted.write(bytes.subarray(at, at + size));
    const { rest, kind } = sifted.end();
    return { rest: rest.toString(), kind, files: sifted.files };
  } finally {
    held.giveBack();
  }
}

/** The contents that were taken out, in their order. */
function contentsOf({ files }: ReturnType<typeof sift>): (Buffer | string)[] {
  return [...files.values()].map(({ pieces, fault }) => fault ?? Buffer.concat(pieces));
}

const SIZES = [1, 2, 3, 5, 64, 100_000];
const content = randomBytes(300);
const base64 = content.toString('base64');

describe('JSON', () => {
  test('contents are taken out of the list of files, and marks stand in their place', () => {
    const body = {
      token: 'a "b" \\',
      attach: [{ name: 'a.pdf', data: base64 }, { data: `data:a/b;base64,${base64}` }],
      id: 8,
    };
    for (const size of SIZES) {
      const sifted = sift(JSON.stringify(body, null, size % 2), size);
      assert.deepEqual(contentsOf(sifted), [content, content]);
      const [first, second] = [...sifted.files.keys()];
      const rest = { ...body, attach: [{ name: 'a.pdf', data: first }, { data: second }] };
      assert.deepEqual(JSON.parse(sifted.rest), rest);
      assert.equal(sifted.kind, 'json');
    }
  });

  test('escapes in a content are read', () => {
    const escaped = JSON.stringify(base64.replace(/.{40}/, '$&\r\n'))
      .slice(1, -1)
      .replaceAll('/', '\\/')
      .replaceAll('+', '\\u002b');
    for (const size of SIZES) {
      assert.deepEqual(contentsOf(sift(`{"attach":[{"data":"${escaped}"}]}`, size)), [content]);
    }
  });

  test('what stands elsewhere is left as it is, however much it looks like a file', () => {
    const others = [
      { data: [{ data: base64 }], content: { attach: [{ data: base64 }] } },
      { attach: { data: base64 } },
      { attach: [[{ data: base64 }]] },
      { attach: [{ file: { data: base64 } }] },
      { attach: [{ header: 'data' }, 'data', base64] },
      [{ attach: [{ data: base64 }] }],
      { attach: [{ data: [base64] }] },
      { 'at"tach': [{ data: base64 }] },
    ];
    for (const body of others) {
      for (const size of SIZES) {
        const sifted = sift(JSON.stringify(body), size);
        assert.equal(sifted.files.size, 0);
        assert.deepEqual(JSON.parse(sifted.rest), body);
      }
    }
  });

  test('any JSON is what it was, but for the contents', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.integer({ min: 1, max: 40 }), (one, other, size) => {
        const body = { one, attach: [{ one, data: base64, other }], other };
        const sifted = sift(JSON.stringify(body), size, { ...LIMITS, restMaxBytes: 1_000_000 });
        const [mark] = [...sifted.files.keys()];
        const rest = JSON.parse(JSON.stringify({ ...body, attach: [{ one, data: mark, other }] }));
        assert.deepEqual(JSON.parse(sifted.rest), rest);
        assert.deepEqual(contentsOf(sifted), [content]);
      }),
    );
  });

  test('what is wrong with a content is told, and the rest can be read all the same', () => {
    for (const size of SIZES) {
      const sifted = sift(`{"attach":[{"data":"a\\"b*"},{"data":"${base64}"}],"id":8}`, size);
      assert.deepEqual(contentsOf(sifted), ['is not base64: "\\"" cannot stand at character 2', content]);
      assert.equal(JSON.parse(sifted.rest).id, 8);
    }
  });

  test('what is cut off or is no JSON does no harm', () => {
    const whole = JSON.stringify({ attach: [{ data: base64 }] });
    for (let length = 0; length < whole.length; length++) assert.ok(sift(whole.slice(0, length)).files.size <= 1);
    for (const body of ['', '   ', ']]]]{{{{', '"', '{"attach":[{"data"', ':::,,,"a"]}']) sift(body);
    fc.assert(fc.property(fc.string(), (body) => void sift(body)));
  });
});

describe('XML', () => {
  const xml = (data: string) =>
    `\ufeff<?xml version="1.0"?>\n<xml><!-- <attach><data>a</data></attach> --><token x="a>b">t</token>` +
    `<attach><name>a.pdf</name><data >\n ${data}</data></attach><data><email>a@b.c</email></data><attach/><attach><data/></attach></xml>`;

  test('contents are taken out of the files, and marks stand in their place', () => {
    for (const size of SIZES) {
      const sifted = sift(xml(base64), size);
      assert.deepEqual(contentsOf(sifted), [content]);
      assert.equal(sifted.rest, xml([...sifted.files.keys()][0]!));
      assert.equal(sifted.kind, 'xml');
    }
  });

  test('references in a content are read', () => {
    const escaped = base64
      .replace(/.{40}/, '$&\r\n')
      .replaceAll('+', '&#43;')
      .replaceAll('/', '&#x2F;')
      .replaceAll('\r', '&#13;');
    for (const size of SIZES) assert.deepEqual(contentsOf(sift(xml(escaped), size)), [content]);
  });

  test('a CDATA section, comments and other elements are left as they are', () => {
    const bodies = [
      xml(`<![CDATA[${base64}]]>`),
      `<xml><a><attach><data>${base64}</data></attach></a></xml>`,
      `<attach><data>${base64}</data></attach>`,
      `<xml><!--><attach><data>--><attach><x><data>${base64}</data></x></attach></xml>`,
      `<xml><data><attach>${base64}</attach></data></xml>`,
    ];
    for (const body of bodies) {
      for (const size of SIZES) {
        const sifted = sift(body, size);
        assert.equal(sifted.files.size, 0);
        assert.equal(sifted.rest, body);
      }
    }
  });

  test('what is wrong with a content is told', () => {
    for (const size of SIZES) assert.match(String(contentsOf(sift(xml('a&lt;b'), size))[0]), /^is not base64: "&"/);
    fc.assert(fc.property(fc.string(), (body) => void sift(`<${body}`)));
  });
});

describe('limits', () => {
  const tooLarge = (error: unknown) => error instanceof Refusal && error.kind === 'too_large';

  test('the rest and the files have one each', () => {
    const body = (rest: number, file: number) => {
      const filler = JSON.stringify({ a: '', attach: [{ data: '' }] }).length + 'file--0'.length + 36;
      const data = Buffer.alloc(file).toString('base64');
      return JSON.stringify({ a: 'x'.repeat(rest - filler), attach: [{ data }] });
    };
    sift(body(10_000, 10_000), 1_000);
    assert.throws(() => sift(body(10_001, 10_000), 1_000), tooLarge);
    assert.throws(() => sift(body(10_000, 10_001), 1_000), tooLarge);
  });

  test('a content of blanks is no way around them', () => {
    assert.throws(() => sift(`{"attach":[{"data":"${' '.repeat(50_000)}"}]}`, 1_000), tooLarge);
  });
});
