/** SMPP 3.4 as bytes, written from the specification and not with the package that the product uses: a test's second opinion. */

/** Command ids (§5.1.2.1); an answer has the highest bit as well. */
export const COMMAND = {
  nack: 0,
  bindReceiver: 1,
  bindTransmitter: 2,
  submit: 4,
  deliver: 5,
  unbind: 6,
  bindTransceiver: 9,
  enquire: 0x15,
  alert: 0x102,
  data: 0x103,
} as const;
const ANSWER = 0x80000000;
const HEADER_BYTES = 16;
const NOTHING = Buffer.alloc(0);

/** Optional fields (§5.3.2). */
export const TLV = {
  receiptedMessageId: 0x1e,
  userMessageReference: 0x204,
  sarReference: 0x20c,
  sarCount: 0x20e,
  sarNumber: 0x20f,
  version: 0x210,
  networkErrorCode: 0x423,
  payload: 0x424,
  state: 0x427,
} as const;

/** A PDU, its body as it is. */
export interface WirePdu {
  command: number;
  isAnswer: boolean;
  status: number;
  sequence: number;
  body: Buffer;
}

/** A submission, read. */
export interface Submission {
  sequence: number;
  serviceType: string;
  source: [ton: number, npi: number, address: string];
  dest: [ton: number, npi: number, address: string];
  esmClass: number;
  validityPeriod: string;
  registeredDelivery: number;
  dataCoding: number;
  shortMessage: Buffer;
  tlvs: Map<number, Buffer>;
}

/** The bytes of a PDU. */
export function wire(
  command: number,
  isAnswer: boolean,
  status: number,
  sequence: number,
  body: Buffer = NOTHING,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(HEADER_BYTES + body.length, 0);
  header.writeUInt32BE(isAnswer ? (command | ANSWER) >>> 0 : command, 4);
  header.writeUInt32BE(status, 8);
  header.writeUInt32BE(sequence, 12);
  return Buffer.concat([header, body]);
}

/** A text that ends in a zero. */
export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

/** One optional field. */
export function tlv(tag: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(tag, 0);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

/** The PDUs in what comes. */
export function wireReader(onPdu: (pdu: WirePdu) => void): (chunk: Buffer) => void {
  let rest: Buffer = NOTHING;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES && rest.length >= rest.readUInt32BE(0)) {
      const length = rest.readUInt32BE(0);
      const id = rest.readUInt32BE(4);
      onPdu({
        command: (id & ~ANSWER) >>> 0,
        isAnswer: id >= ANSWER,
        status: rest.readUInt32BE(8),
        sequence: rest.readUInt32BE(12),
        body: rest.subarray(HEADER_BYTES, length),
      });
      rest = rest.subarray(length);
    }
  };
}

/** Reads bodies field by field. */
export function fieldReader(body: Buffer) {
  let offset = 0;
  const octet = () => body.readUInt8(offset++);
  const text = () => {
    const end = body.indexOf(0, offset);
    const value = body.toString('latin1', offset, end);
    offset = end + 1;
    return value;
  };
  const bytes = (length: number) => body.subarray(offset, (offset += length));
  return {
    octet,
    text,
    bytes,
    address: () => [octet(), octet(), text()] as [number, number, string],
    left: () => body.length - offset,
  };
}

/** The body of submit_sm (§4.4.1). */
export function readSubmission({ sequence, body }: WirePdu): Submission {
  const read = fieldReader(body);
  const [serviceType, source, dest] = [read.text(), read.address(), read.address()];
  const [esmClass] = [read.octet(), read.octet(), read.octet()];
  read.text(); // schedule_delivery_time
  const [validityPeriod, registeredDelivery] = [read.text(), read.octet()];
  read.octet(); // replace_if_present_flag
  const dataCoding = read.octet();
  read.octet(); // sm_default_msg_id
  const shortMessage = read.bytes(read.octet());
  const tlvs = new Map<number, Buffer>();
  while (read.left() > 0) tlvs.set(read.bytes(2).readUInt16BE(), read.bytes(read.bytes(2).readUInt16BE()));
  return {
    sequence,
    serviceType,
    source,
    dest,
    esmClass,
    validityPeriod,
    registeredDelivery,
    dataCoding,
    shortMessage,
    tlvs,
  };
}

/** The body of deliver_sm (§4.6.1), from a phone to us. */
export function deliverBody(given: { text: Buffer; esmClass: number; dataCoding: number; tlvs: Buffer[] }): Buffer {
  return Buffer.concat([
    cstring(''),
    Buffer.of(1, 1),
    cstring('919999999999'),
    Buffer.of(5, 0),
    cstring('CAROM'),
    Buffer.of(given.esmClass, 0, 0),
    cstring(''),
    cstring(''),
    Buffer.of(0, 0, given.dataCoding, 0, given.text.length),
    given.text,
    ...given.tlvs,
  ]);
}

/** The body of data_sm (§4.7.1). */
export function dataBody(given: { esmClass: number; tlvs: Buffer[] }): Buffer {
  return Buffer.concat([
    cstring(''),
    Buffer.of(1, 1),
    cstring('919999999999'),
    Buffer.of(5, 0),
    cstring('CAROM'),
    Buffer.of(given.esmClass, 0, 0),
    ...given.tlvs,
  ]);
}

/** GSM 03.38, in its order; and its extension by the septet after 0x1B. */
const DEFAULT_ALPHABET =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const EXTENSION: Record<number, string> = {
  0x0a: '\f',
  0x14: '^',
  0x28: '{',
  0x29: '}',
  0x2f: '\\',
  0x3c: '[',
  0x3d: '~',
  0x3e: ']',
  0x40: '|',
  0x65: '€',
};

/** Septets, one in a byte, as text. */
export function fromGsm7(septets: Iterable<number>): string {
  let text = '';
  let isEscaped = false;
  for (const septet of septets) {
    if (isEscaped) text += EXTENSION[septet] ?? '?';
    else if (septet !== 0x1b) text += DEFAULT_ALPHABET[septet];
    isEscaped = !isEscaped && septet === 0x1b;
  }
  return text;
}

/** The septets of packed bytes, after the bits that fill up a header. */
export function unpack(bytes: Buffer, fillBits = 0): number[] {
  const bits = [...bytes]
    .map((byte) => byte.toString(2).padStart(8, '0').split('').toReversed())
    .flat()
    .slice(fillBits);
  const septets: number[] = [];
  for (let bit = 0; bit + 7 <= bits.length; bit += 7) {
    septets.push(
      Number.parseInt(
        bits
          .slice(bit, bit + 7)
          .toReversed()
          .join(''),
        2,
      ),
    );
  }
  return septets;
}

/** UTF-16, the high byte first. */
export function fromUcs2(bytes: Buffer): string {
  return Buffer.from(bytes).swap16().toString('utf16le');
}
