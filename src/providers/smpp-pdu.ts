/**
 * PDUs of SMPP 3.4 as bytes and as fields (specification §3.2, §5): the only file that knows the codec. The package is used for
 * the layout of fields alone; what it would guess about texts and times is taken out, so that bytes come out as they came in.
 */
import codec from 'smpp';

/** Bytes of a PDU, its header included; the codec's own bound. No longer one is read, or written. */
const PDU_BYTES_MAX = 16_384;
const HEADER_BYTES = 16;
const RESPONSE_BIT = 0x80000000;

for (const { params = {} } of Object.values(codec.commands)) {
  for (const field of Object.values(params)) delete field.filter;
}
for (const field of Object.values(codec.tlvs)) delete field.filter;
// Read to its own length: some peers leave out the zero at its end, and the codec would read on into the next field.
codec.tlvs['receipted_message_id']!.type = codec.types.tlv.string;

/** What a body that breaks off does not have. */
const LAST_FIELD: Record<string, string> = { deliver_sm: 'short_message', data_sm: 'data_coding' };

const NAMES = new Map(Object.entries(codec.commands).map(([name, { id }]) => [id, name]));

/** Fields by the names of the specification, optional ones too. */
export type Fields = Record<string, string | number | Buffer>;

/** A PDU that came. */
export interface Pdu {
  /** `deliver_sm`, …; `unknown` where there is no such command. */
  command: string;
  isResponse: boolean;
  status: number;
  sequence: number;
  /** Null: the body cannot be read. */
  fields: Record<string, unknown> | null;
}

/** Bytes that are no PDU: where the next one begins cannot be known. */
export class FrameError extends Error {
  override name = 'FrameError';
}

/** The bytes of a PDU. Texts in fields must be Latin-1 without zeros, and as short as the specification says. */
export function encodePdu(command: string, sequence: number, fields: Fields = {}, status = 0): Buffer {
  return new codec.PDU(command, { ...fields, sequence_number: sequence, command_status: status }).toBuffer();
}

/** @param frame a whole PDU. */
export function decodePdu(frame: Buffer): Pdu {
  const id = frame.readUInt32BE(4);
  return {
    command: NAMES.get(id) ?? 'unknown',
    isResponse: id >= RESPONSE_BIT,
    status: frame.readUInt32BE(8),
    sequence: frame.readUInt32BE(12),
    fields: fieldsOf(frame),
  };
}

function fieldsOf(frame: Buffer): Record<string, unknown> | null {
  try {
    const fields = { ...new codec.PDU(frame) };
    const last = LAST_FIELD[String(fields['command'])];
    return last === undefined || last in fields ? fields : null;
  } catch {
    // It reads beyond the end: lengths in the body that are not true. The caller says what that means.
    return null;
  }
}

/** The text of a field; empty when it is absent. */
export function textOf({ fields }: Pdu, name: string): string {
  const value = fields?.[name];
  const text = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('latin1') : '';
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** The number of a field; null when it is absent. */
export function numberOf({ fields }: Pdu, name: string): number | null {
  const value = fields?.[name];
  return typeof value === 'number' ? value : null;
}

/** The bytes of a field; empty when it is absent. */
export function bytesOf({ fields }: Pdu, name: string): Buffer {
  const value = fields?.[name];
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/**
 * Cuts a stream into PDUs. Holds at most one PDU that is not whole yet.
 * @returns takes the next bytes. Throws {@link FrameError} at a length that cannot be, before its bytes are kept.
 */
export function frameReader(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer | null = null;
  return (chunk) => {
    const bytes: Buffer = rest ? Buffer.concat([rest, chunk]) : chunk;
    let offset = 0;
    while (bytes.length - offset >= 4) {
      const length = bytes.readUInt32BE(offset);
      if (length < HEADER_BYTES || length > PDU_BYTES_MAX)
        throw new FrameError(`it sent a PDU of ${length} bytes; ${HEADER_BYTES} to ${PDU_BYTES_MAX} can be`);
      if (bytes.length - offset < length) break;
      onFrame(bytes.subarray(offset, offset + length));
      offset += length;
    }
    rest = offset < bytes.length ? Buffer.from(bytes.subarray(offset)) : null;
  };
}

/** True where the text has only characters of GSM 03.38's default alphabet and its extension. */
export function isGsm7(text: string): boolean {
  return !text.includes('\x1b') && codec.encodings.ASCII.match(text);
}

/** The text in GSM 03.38's default alphabet, a septet in each byte; those of the extension are two, the first 0x1B. */
export function gsm7(text: string): Buffer {
  return codec.encodings.ASCII.encode(text);
}
