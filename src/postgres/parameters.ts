/**
 * Lists as parameters in PostgreSQL's binary form (`array_send` of its sources): nothing is quoted here and unquoted there,
 * which for documents full of quotation marks costs more than the rest of a batch.
 */

/** What an array's elements are, by PostgreSQL's ids of its types. */
const OID = { bytea: 17, int4: 23, text: 25, json: 114, timestamptz: 1184, uuid: 2950, jsonb: 3802 };
/** Dimensions, whether there are nulls, type; then length and lower bound of the one dimension. */
const HEAD_BYTES = 20;
const EMPTY_HEAD_BYTES = 12;
const LENGTH_BYTES = 4;
/** PostgreSQL counts microseconds from 2000-01-01T00:00:00Z. */
const EPOCH_MS = 946_684_800_000;
/** The only version of jsonb's binary form there is. */
const JSONB_VERSION = 1;

/** `text[]` */
export function texts(values: readonly (string | null)[]): Buffer {
  return written(values, OID.text, null);
}

/** `json[]` */
export function jsons(values: readonly (string | null)[]): Buffer {
  return written(values, OID.json, null);
}

/** `jsonb[]` */
export function jsonbs(values: readonly string[]): Buffer {
  return written(values, OID.jsonb, JSONB_VERSION);
}

/** `bytea[]` */
export function byteas(values: readonly Buffer[]): Buffer {
  const size = values.reduce((sum, value) => sum + LENGTH_BYTES + value.length, 0);
  const buffer = headed(values.length, OID.bytea, size);
  let at = HEAD_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(value.length, at);
    at += value.copy(buffer, at);
  }
  return buffer;
}

/** `int[]` */
export function integers(values: readonly (number | null)[]): Buffer {
  return fixed(values, OID.int4, 4, (buffer, value, at) => void buffer.writeInt32BE(value, at));
}

/** `timestamptz[]` of instants */
export function instants(values: readonly (number | null)[]): Buffer {
  return fixed(values, OID.timestamptz, 8, (buffer, value, at) => {
    const sinceMs = value - EPOCH_MS;
    // As two halves: a BigInt for each would be garbage.
    const high = Math.floor((sinceMs * 1_000) / 0x1_0000_0000);
    buffer.writeInt32BE(high, at);
    buffer.writeUInt32BE(sinceMs * 1_000 - high * 0x1_0000_0000, at + 4);
  });
}

/** `uuid[]` */
export function uuids(values: readonly (string | null)[]): Buffer {
  return fixed(values, OID.uuid, 16, (buffer, value, at) => {
    // Bytes that are not written would be whatever was in the memory before.
    if (buffer.write(value.replaceAll('-', ''), at, 'hex') !== 16) throw new TypeError(`"${value}" is no UUID`);
  });
}

function headed(length: number, oid: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(length === 0 ? EMPTY_HEAD_BYTES : HEAD_BYTES + bytes);
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(1, 4);
  buffer.writeInt32BE(oid, 8);
  if (length === 0) return buffer;
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

function fixed<Value>(
  values: readonly (Value | null)[],
  oid: number,
  bytes: number,
  write: (buffer: Buffer, value: Value, at: number) => void,
): Buffer {
  let size = 0;
  for (const value of values) size += LENGTH_BYTES + (value === null ? 0 : bytes);
  const buffer = headed(values.length, oid, size);
  let at = HEAD_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : bytes, at);
    if (value === null) continue;
    write(buffer, value, at);
    at += bytes;
  }
  return buffer;
}

function written(values: readonly (string | null)[], oid: number, prefix: number | null): Buffer {
  const before = prefix === null ? 0 : 1;
  let size = 0;
  for (const value of values) size += LENGTH_BYTES + (value === null ? 0 : before + Buffer.byteLength(value));
  const buffer = headed(values.length, oid, size);
  let at = HEAD_BYTES;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    const start = at + LENGTH_BYTES;
    if (prefix !== null) buffer[start] = prefix;
    const bytes = before + buffer.write(value, start + before);
    buffer.writeInt32BE(bytes, at);
    at = start + bytes;
  }
  return buffer;
}
