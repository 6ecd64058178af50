/** The parts of the package `smpp` that are used here; it brings no types. Only `smpp-pdu.ts` may know it. */
declare module 'smpp' {
  /** How a field is read and written. */
  interface FieldType {
    read(buffer: Buffer, offset: number, length?: number): unknown;
  }
  /** A field; `filter` turns its bytes into something else. */
  interface Field {
    type: FieldType;
    filter?: unknown;
  }
  interface Codec {
    PDU: {
      new (command: string, fields: Record<string, unknown>): { toBuffer(): Buffer };
      new (frame: Buffer): Record<string, unknown>;
    };
    commands: Record<string, { id: number; params?: Record<string, Field> }>;
    tlvs: Record<string, Field>;
    types: { tlv: { string: FieldType } };
    encodings: { ASCII: { match(text: string): boolean; encode(text: string): Buffer } };
  }
  const codec: Codec;
  export default codec;
}
