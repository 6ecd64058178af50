import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { SliceError, startBreathing } from './json-in-slices.ts';
import { parseXml } from './xml-in-slices.ts';

const read = (text: string, elementMax = 10_000) =>
  parseXml(text, { elementMax, lists: ['data'], breathe: startBreathing() });

async function refused(text: string, why: RegExp): Promise<void> {
  await assert.rejects(read(text), (error) => {
    assert.ok(error instanceof SliceError, String(error));
    assert.match(error.message, why);
    return true;
  });
}

describe('a document', () => {
  test('is objects, lists and texts; one element of a list is a list, and elsewhere where it says so', async () => {
    const text = `\ufeff<?xml version="1.0" encoding="UTF-8"?>
      <!-- a call -->
      <xml>
        <token>abc</token><trigger_id>085</trigger_id><empty/><none></none>
        <data><email>a@x.org</email></data>
        <content><items><name>A</name></items><items><name>B</name></items><one type="array"><n>1</n></one>
          <deep><er note='a > b'>  two  </er></deep></content>
      </xml>
      <!-- that was it -->`;
    assert.deepEqual(await read(text), {
      token: 'abc',
      trigger_id: '085',
      empty: '',
      none: '',
      data: [{ email: 'a@x.org' }],
      content: { items: [{ name: 'A' }, { name: 'B' }], one: [{ n: '1' }], deep: { er: '  two  ' } },
    });
    assert.deepEqual(await read('<xml/>'), {});
  });

  test('has characters by name and number, each resolved once; a CDATA section is as it is', async () => {
    const text =
      '<xml><a>&lt;b&gt; &amp;amp; &quot;&apos;&#233;&#xE9;&#x1F469;&nbsp;</a><b><![CDATA[<i>&amp;</i>]]></b></xml>';
    assert.deepEqual(await read(text), { a: `<b> &amp; "'éé👩\u00a0`, b: '<i>&amp;</i>' });
  });

  test('of many elements is put together from slices, in order', async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => `<data><email>user-${n}@x.org</email></data>`);
    const { data, content } = await read(`<xml>${rows.join('\n')}<content><a>1</a></content></xml>`);
    assert.deepEqual(
      data,
      rows.map((_, n) => ({ email: `user-${n}@x.org` })),
    );
    assert.deepEqual(content, { a: '1' });
  });
});

describe('what is no XML, or more than XML, is refused:', () => {
  const CASES: [name: string, text: string, why: RegExp][] = [
    ['a DTD', '<!DOCTYPE xml [<!ENTITY a "b">]><xml><a>&a;</a></xml>', /DOCTYPE/],
    ['a DTD from elsewhere', '<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>', /DOCTYPE/],
    ['a DTD in an element', '<xml><a><!DOCTYPE a></a></xml>', /DOCTYPE/],
    ['an entity of its own', '<xml><a>&bomb;</a></xml>', /unknown entity &bomb;/],
    ['a bare ampersand', '<xml><a>you & me</a></xml>', /write &amp;/],
    ['U+0000', '<xml><a>&#0;</a></xml>', /&#0;, which is no character/],
    ['half a surrogate pair', '<xml><a>&#xD800;</a></xml>', /no character/],
    ['a number that is no character', '<xml><a>&#x110000;</a></xml>', /no character/],
    ['a control character', '<xml><a>\u0001</a></xml>', /control character/],
    ['an instruction', '<xml><?php echo 1 ?></xml>', /processing instruction/],
    ['a late declaration', '<xml><?xml version="1.0"?></xml>', /processing instruction/],
    ['crossed tags', '<xml><a><b></a></b></xml>', /closes <b> with <\/a>/],
    ['an open end', '<xml><a>', /does not close <a>/],
    ['a close too many', '<xml></xml></xml>', /closes <nothing>/],
    ['two roots', '<xml/><xml/>', /second root/],
    ['a text outside', 'hello <xml/>', /text outside/],
    ['nothing', '   ', /no element/],
    ['an open comment', '<xml><!-- </xml>', /does not end with -->/],
    ['an open tag', '<xml><a', /does not end within/],
    ['a tag without a name', '<xml>< a></a></xml>', /proper name/],
    ['a bad attribute', '<xml><a b=c></a></xml>', /attribute of <a>/],
    ['a text beside elements', '<xml><a>x<b>1</b></a></xml>', /text beside the elements in <a>/],
    ['__proto__', '<xml><__proto__><a>1</a></__proto__></xml>', /cannot be taken/],
    ['constructor', '<xml><constructor>1</constructor></xml>', /cannot be taken/],
    ['a nesting bomb', `<xml>${'<a>'.repeat(100_000)}`, /more than 100 levels deep/],
    ['a large element', `<xml><a>${'x'.repeat(10_000)}</a></xml>`, /"a" of the body has more than 10000 characters/],
    ['a long tag', `<xml><a ${'x'.repeat(5_000)}></a></xml>`, /does not end within 1000/],
  ];
  for (const [name, text, why] of CASES) test(name, () => refused(text, why));
});
