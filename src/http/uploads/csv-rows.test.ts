import assert from 'node:assert/strict';
import test from 'node:test';
import type { FileRow } from '#engine/batch-upload.ts';
import { openCsv } from './csv-rows.ts';
import { ndjsonRows } from './ndjson-rows.ts';

/** The bytes in pieces of this size. */
async function* cut(text: string, size: number): AsyncGenerator<{ bytes: Buffer; text: string }> {
  const bytes = Buffer.from(text);
  const decoder = new TextDecoder();
  for (let from = 0; from < bytes.length; from += size) {
    const piece = bytes.subarray(from, from + size);
    yield { bytes: piece, text: decoder.decode(piece, { stream: true }) };
  }
}

async function csv(text: string, size = 65_536): Promise<FileRow[]> {
  const { rows } = await openCsv(cut(text, size), null);
  return (await Array.fromAsync(rows())).flat();
}

const CSV =
  '\ufeffuser_id;name;"a;b"\r\nana;"Zoë ""Z""\r\nRao";1\r\n\r\nbob;5" x;2\ncy;a\rdora;"x"y";3\n  \neve;"";4\r\n"fay";Å;"🙂"';

test('the rows of a CSV file are the same however it is cut into pieces', async () => {
  const whole = await csv(CSV);
  assert.deepEqual(whole, [
    { line: 3, recipient: { target: 'ana', params: { name: 'Zoë "Z"\r\nRao', 'a;b': '1' } } },
    { line: 5, target: '', fault: 'a quote stands within a cell: put the cell in quotes, and double those in it' },
    { line: 6, target: 'cy', fault: 'it has 2 cells, the header has 3 columns' },
    {
      line: 7,
      target: '',
      fault:
        'a quote stands within a quoted cell: double it. What follows up to the next closing quote was read as part of the cell',
    },
    { line: 9, recipient: { target: 'eve', params: { 'a;b': '4' } } },
    { line: 10, recipient: { target: 'fay', params: { name: 'Å', 'a;b': '🙂' } } },
  ]);
  for (const size of [1, 2, 3, 5, 7, 11, 64]) assert.deepEqual(await csv(CSV, size), whole, `in pieces of ${size}`);
});

test('the delimiter is that which the header has most of, outside of quotes', async () => {
  const targets = async (text: string) =>
    (await csv(text)).map((row) => (row.fault === undefined ? row.recipient : row));
  const expected = [{ target: 'ana', params: { x: '1,5', y: '2' } }];
  assert.deepEqual(await targets('userId;x;y\nana;1,5;2\n'), expected);
  assert.deepEqual(await targets('userId\tx\ty\nana\t1,5\t2\n'), expected);
  assert.deepEqual(await targets('userId,x,y\nana,"1,5",2\n'), expected);
  assert.deepEqual(await targets('userId,"x;;;"\nana,1\n'), [{ target: 'ana', params: { 'x;;;': '1' } }]);
  assert.deepEqual(await targets('userId\rana\rbob\r'), [{ target: 'ana' }, { target: 'bob' }]);
});

test('a file of quotes is given up soon', async () => {
  const start = performance.now();
  await assert.rejects(csv(`userId,x\nana,${'a"'.repeat(32_000)}\n`), /line 2 has quotes where there should be none/);
  await assert.rejects(csv(`userId,x\n${'ana,a"\n'.repeat(40_000)}`), /line 10002 has quotes/);
  assert(performance.now() - start < 10_000);
});

test('the lines of an NDJSON file are the same however it is cut into pieces', async () => {
  const text = '\n{"userId":"Zoë"}\r\n\n{"userId":"🙂","params":{"a":1}}\nnot JSON\n{"userId":"last"}';
  const read = async (size: number) => {
    const reading = { request: { targetKind: 'user_id', unknownUsers: 'send' }, parseJson: JSON.parse } as const;
    return (await Array.fromAsync(ndjsonRows(cut(text, size), reading))).flat();
  };
  const whole = await read(65_536);
  assert.deepEqual(
    whole.map((row) => [row.line, row.fault === undefined ? row.recipient.target : 'bad']),
    [
      [2, 'Zoë'],
      [4, '🙂'],
      [5, 'bad'],
      [6, 'last'],
    ],
  );
  for (const size of [1, 2, 3, 5, 7, 11]) assert.deepEqual(await read(size), whole, `in pieces of ${size}`);
});

test('a line that is too long is reported, also when it comes in many pieces, and what follows is read', async () => {
  const reading = { request: { targetKind: 'user_id', unknownUsers: 'send' }, parseJson: JSON.parse } as const;
  const long = `{"userId":"${'x'.repeat(200_000)}"}`;
  const found = (await Array.fromAsync(ndjsonRows(cut(`${long}\n{"userId":"ana"}\n${long}`, 10_000), reading))).flat();
  assert.deepEqual(
    found.map((row) => [row.line, row.fault ?? row.recipient.target]),
    [
      [1, 'it has more than 65536 characters'],
      [2, 'ana'],
      [3, 'it has more than 65536 characters'],
    ],
  );
});
