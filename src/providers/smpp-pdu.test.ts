import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import {
  COMMAND,
  TLV,
  cstring,
  deliverBody,
  readSubmission,
  tlv,
  wire,
  wireReader,
} from '../../tests/support/smsc-wire.ts';
import type { WirePdu } from '../../tests/support/smsc-wire.ts';
import { FrameError, bytesOf, decodePdu, encodePdu, frameReader, numberOf, textOf } from './smpp-pdu.ts';
import { readDelivered } from './smpp-receipts.ts';

const HEADER_BYTES = 16;

/** As the other side reads it. */
function read(bytes: Buffer): WirePdu {
  const pdus: WirePdu[] = [];
  wireReader((pdu) => pdus.push(pdu))(bytes);
  assert.equal(pdus.length, 1);
  return pdus[0]!;
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const commands = [...Object.values(COMMAND), 0x21, 0x111, 0x112, 0xffff].flatMap((id) => [id, (id | 0x80000000) >>> 0]);

describe('PDUs', () => {
  test('are written as the specification has it', () => {
    const fields = { source_addr: 'SHOP', destination_addr: '91', data_coding: 0, short_message: Buffer.from('\0Hi') };
    const pdu = read(
      encodePdu('submit_sm', 7, { ...fields, message_payload: Buffer.of(1), validity_period: '000001000000000R' }),
    );
    assert.deepEqual([pdu.command, pdu.status, pdu.sequence], [COMMAND.submit, 0, 7]);
    const { source, dest, shortMessage, validityPeriod, tlvs } = readSubmission(pdu);
    assert.deepEqual([source[2], dest[2], validityPeriod], ['SHOP', '91', '000001000000000R']);
    assert.deepEqual([...shortMessage], [0, 0x48, 0x69]);
    assert.deepEqual(tlvs.get(TLV.payload), Buffer.of(1));
    assert.deepEqual(read(encodePdu('deliver_sm_resp', 7, {}, 0x64)).body.length, 0);
  });

  test('are read as they came: no text is decoded, no field lost', () => {
    const text = Buffer.from('id:a_b [€]', 'latin1');
    const tlvs = [tlv(TLV.state, Buffer.of(2)), tlv(TLV.receiptedMessageId, cstring('a_b')), tlv(0x1400, Buffer.of(9))];
    const pdu = decodePdu(wire(COMMAND.deliver, false, 0, 9, deliverBody({ text, esmClass: 4, dataCoding: 0, tlvs })));
    assert.deepEqual([pdu.command, pdu.isResponse, pdu.status, pdu.sequence], ['deliver_sm', false, 0, 9]);
    assert.deepEqual(bytesOf(pdu, 'short_message'), text);
    assert.deepEqual([numberOf(pdu, 'message_state'), textOf(pdu, 'receipted_message_id')], [2, 'a_b']);
    assert.deepEqual([numberOf(pdu, 'nothing'), textOf(pdu, 'nothing'), bytesOf(pdu, 'nothing').length], [null, '', 0]);
  });

  test('whatever is in one, reading it ends and does not throw', () => {
    fc.assert(
      fc.property(fc.constantFrom(...commands), bytes(300), (id, body) => {
        const frame = wire(0, false, 0, 1, body);
        frame.writeUInt32BE(id, 4);
        const pdu = decodePdu(frame);
        if (pdu.fields) readDelivered(pdu, 'hex_to_decimal', true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('however the bytes come, the same PDUs are cut from them', () => {
    const pdus = fc.array(
      bytes(60).map((body) => wire(COMMAND.enquire, false, 0, 1, body)),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(pdus, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (all, sizes) => {
        const stream = Buffer.concat(all);
        const cut: Buffer[] = [];
        const take = frameReader((frame) => cut.push(Buffer.from(frame)));
        for (let offset = 0, n = 0; offset < stream.length; n++) {
          const size = sizes[n % sizes.length]!;
          take(stream.subarray(offset, offset + size));
          offset += size;
        }
        assert.deepEqual(cut, all);
      }),
    );
  });

  test('a length that cannot be is noticed before anything of it is kept', () => {
    for (const length of [0, HEADER_BYTES - 1, 16_385, 0xffffffff]) {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      assert.throws(() => frameReader(() => assert.fail('it is none'))(header), FrameError);
    }
  });
});
