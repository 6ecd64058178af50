import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import { COMMAND, TLV, cstring, deliverBody, tlv, wire } from '../../tests/support/smsc-wire.ts';
import { decodePdu } from './smpp-pdu.ts';
import { ID_FORMS } from './smpp-ids.ts';
import type { IdForms } from './smpp-ids.ts';
import { readDelivered } from './smpp-receipts.ts';

/** Bodies as vendors' documentation shows them. */
const RECORDED = JSON.parse(
  readFileSync(new URL('../../tests/fixtures/smpp-receipts.json', import.meta.url), 'utf8'),
) as { from: string; text: string; ref: string; status: string; reason: string | null }[];

interface Given {
  text?: string | Buffer;
  esmClass?: number;
  dataCoding?: number;
  tlvs?: Buffer[];
  ids?: IdForms;
  unmarked?: boolean;
}

function read({ text = '', esmClass = 4, dataCoding = 0, tlvs = [], ids = 'same', unmarked = false }: Given) {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
  const body = deliverBody({ text: bytes, esmClass, dataCoding, tlvs });
  return readDelivered(decodePdu(wire(COMMAND.deliver, false, 0, 1, body)), ids, unmarked);
}

/** `ref status reason`. */
function told(given: Given): string {
  const delivered = read(given);
  if (delivered.kind !== 'receipt') return delivered.kind;
  const { ref, status, reason } = delivered.receipt;
  return `${ref} ${status} ${reason}`;
}

const octet = (tag: number, value: number) => tlv(tag, Buffer.of(value));
const idField = (id: string) => tlv(TLV.receiptedMessageId, cstring(id));

describe('receipts as texts', () => {
  for (const { from, text, ref, status, reason } of RECORDED)
    test(`${from}: ${status}`, () => assert.equal(told({ text }), `${ref} ${status} ${reason}`));

  const states: [stat: string, status: string, reason: string | null][] = [
    ['SCHEDULED', 'accepted', null],
    ['ENROUTE', 'sent', null],
    ['DELIVRD', 'delivered', null],
    ['EXPIRED', 'undelivered', 'expired'],
    ['DELETED', 'undelivered', 'deleted'],
    ['UNDELIV', 'undelivered', 'undeliverable'],
    ['ACCEPTD', 'sent', null],
    ['UNKNOWN', 'undelivered', 'unknown_state'],
    ['REJECTD', 'undelivered', 'rejected'],
    ['SKIPPED', 'undelivered', 'skipped'],
    ['delivrd', 'delivered', null],
    ['DELIVERED', 'delivered', null],
    ['UNDELIVERABLE', 'undelivered', 'undeliverable'],
    ['ACCEPTED', 'sent', null],
    ['Rejected', 'undelivered', 'rejected'],
  ];
  for (const [stat, status, reason] of states)
    test(`stat:${stat} is ${status}`, () => {
      assert.equal(told({ text: `id:7 stat:${stat} err:000 text:` }), `7 ${status} ${reason}`);
    });

  const variants = [
    'id:a1_b sub:001 dlvrd:001 submit date:2605211000 done date:2605211001 stat:UNDELIV err:01B text:Hi',
    'ID:a1_b SUB:001 DLVRD:001 SUBMIT DATE:2605211000 DONE DATE:2605211001 STAT:UNDELIV ERR:01B TEXT:Hi',
    'id: a1_b sub: 001 dlvrd: 001 submit date: 2605211000 done date: 2605211001 stat: undeliv err: 01B Text: Hi',
    'id:a1_b submitdate:180122230957 donedate:000000000000 stat:UNDELIV err:01B',
    'id:a1_b submit_date:2605211000 done_date:2605211001 stat:UNDELIV err:01B',
    'id:a1_b\r\nstat:UNDELIV\r\nerr:01B\r\n',
    'id:a1_b;stat:UNDELIV;err:01B;text:',
    'err:01B stat:UNDELIV id:a1_b',
    'id:a1_b stat:UNDELIV err:01B text:id:other stat:DELIVRD err:000',
  ];
  for (const text of variants)
    test(`reads ${JSON.stringify(text)}`, () =>
      assert.equal(told({ text }), 'a1_b undelivered undeliverable: error 01B'));

  test('in any alphabet, an id stays as it is', () => {
    const text = 'id:a_b stat:DELIVRD';
    for (const dataCoding of [0, 1, 3, 4, 0xf0]) assert.equal(told({ text, dataCoding }), 'a_b delivered null');
    assert.equal(told({ text: Buffer.from(text, 'utf16le').swap16(), dataCoding: 8 }), 'a_b delivered null');
  });

  test('in an optional field', () => {
    const payload = tlv(TLV.payload, Buffer.from('id:7 stat:EXPIRED err:000'));
    assert.equal(told({ tlvs: [payload] }), '7 undelivered expired');
  });

  test('a word nobody knows, or no id, says nothing', () => {
    assert.deepEqual(read({ text: 'id:7 stat:PONDERED' }), { kind: 'foreign', state: 'PONDERED' });
    assert.equal(told({ text: 'id: sub:001 stat:DELIVRD' }), 'foreign');
    assert.equal(told({ text: 'hello' }), 'foreign');
  });

  test('a long one is read only at its beginning, at once', () => {
    const text = tlv(TLV.payload, Buffer.from(`id:7 stat:DELIVRD ${'err :'.repeat(3_000)}`));
    assert.equal(told({ tlvs: [text] }), '7 delivered null');
  });
});

describe('receipts as optional fields', () => {
  const states = [
    'accepted',
    'sent',
    'delivered',
    ...Array(3).fill('undelivered'),
    'sent',
    ...Array(3).fill('undelivered'),
  ];
  for (const [number, status] of states.entries())
    test(`message_state ${number} is ${status}`, () => {
      const delivered = read({ tlvs: [idField('7'), octet(TLV.state, number)] });
      assert(delivered.kind === 'receipt' && delivered.receipt.ref === '7');
      assert.equal(delivered.receipt.status, status);
    });

  test('a state nobody knows says nothing', () => {
    assert.equal(told({ tlvs: [idField('7'), octet(TLV.state, 77)] }), 'foreign');
  });

  test('the code of the network is part of the reason', () => {
    const code = tlv(TLV.networkErrorCode, Buffer.of(3, 0, 27));
    assert.equal(told({ tlvs: [idField('7'), octet(TLV.state, 5), code] }), '7 undelivered undeliverable: error 27');
  });

  test('an id without the zero at its end is read to its end', () => {
    const tlvs = [tlv(TLV.receiptedMessageId, Buffer.from('7f')), octet(TLV.state, 2)];
    assert.equal(told({ tlvs }), '7f delivered null');
  });

  test('they make it a receipt, whatever esm_class says', () => {
    assert.equal(told({ esmClass: 0, tlvs: [idField('7'), octet(TLV.state, 2)] }), '7 delivered null');
  });
});

describe('docs/providers/smpp.md', () => {
  const page = readFileSync(new URL('../../docs/providers/smpp.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z]{7,9})` \| (\d) \| (\w+)(?:: `(\w+)`)?/gm)];

  test('has the ten states', () => assert.deepEqual(rows.map(([, , number]) => number).join(''), '0123456789'));

  for (const [, stat, number, status, reason = null] of rows)
    test(`says what ${stat} becomes`, () => {
      assert.equal(told({ text: `id:7 stat:${stat}` }), `7 ${status} ${reason}`);
      assert.equal(told({ tlvs: [idField('7'), octet(TLV.state, Number(number))] }), `7 ${status} ${reason}`);
    });
});

describe('what is no receipt', () => {
  const forged = 'id:7 sub:001 dlvrd:001 stat:UNDELIV err:000 text:';

  test('a message from a phone, even one that looks like a receipt', () => {
    assert.equal(told({ esmClass: 0, text: 'STOP' }), 'message');
    assert.equal(told({ esmClass: 0, text: forged }), 'message');
    assert.equal(told({ esmClass: 0x40, text: forged }), 'message');
  });

  test('unless the settings say that receipts are not marked', () => {
    assert.equal(told({ esmClass: 0, text: forged, unmarked: true }), '7 undelivered undeliverable');
    assert.equal(told({ esmClass: 0, text: 'my id: 7', unmarked: true }), 'message');
  });

  test('acknowledgements of a phone', () => {
    assert.equal(told({ esmClass: 0x08, text: forged }), 'message');
    assert.equal(told({ esmClass: 0x10, text: forged }), 'message');
  });

  test('an intermediate notification is one', () => {
    assert.equal(told({ esmClass: 0x20, text: 'id:7 stat:ENROUTE' }), '7 sent null');
  });
});

describe('references in two ways of writing', () => {
  const table: [ids: IdForms, text: string | null, field: string | null, ref: string][] = [
    ['same', '0A', null, '0A'],
    ['same', '10', '0A', '0A'],
    ['hex_to_decimal', '0010', null, '10'],
    ['hex_to_decimal', '10', '0A', '10'],
    ['hex_to_decimal', null, '0A', '10'],
    ['decimal_to_hex', '0x0a', null, '10'],
    ['decimal_to_hex', null, '10', '10'],
    ['hex', '0A', null, '10'],
    ['decimal', '0010', null, '10'],
    ['hex_to_decimal', 'not-a-number', null, 'not-a-number'],
    ['hex_to_decimal', '340282366920938463463374607431768211455', null, '340282366920938463463374607431768211455'],
  ];
  for (const [ids, text, field, ref] of table)
    test(`${ids}: ${text ?? 'no id'} in the text, ${field ?? 'none'} in the field: ${ref}`, () => {
      const given = { ids, text: text === null ? '' : `id:${text} stat:DELIVRD`, tlvs: [octet(TLV.state, 2)] };
      if (field !== null) given.tlvs.push(idField(field));
      assert.equal(told(given), `${ref} delivered null`);
    });

  test('each of them is tried', () => assert.equal(new Set(table.map(([ids]) => ids)).size, ID_FORMS.length));
});
