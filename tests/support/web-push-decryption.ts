/** A browser's side of push messages (RFC 8291 over RFC 8188), from `node:crypto` alone. */
import { createDecipheriv, createECDH, hkdfSync } from 'node:crypto';

const SALT_BYTES = 16;
const TAG_BYTES = 16;
/** Ends the last record (RFC 8188 §2). */
const LAST = 2;

/** What only the browser has. */
export interface Receiver {
  privateKey: Buffer;
  /** In base64url, as the subscription has it. */
  auth: string;
}

/** The message; throws when it is not for this browser, is damaged, or has more than one record (RFC 8291 §4). */
export function decrypt(body: Buffer, { privateKey, auth }: Receiver): Buffer {
  const salt = body.subarray(0, SALT_BYTES);
  const recordBytes = body.readUInt32BE(SALT_BYTES);
  const keyEnd = SALT_BYTES + 5 + body.readUInt8(SALT_BYTES + 4);
  const sender = body.subarray(SALT_BYTES + 5, keyEnd);
  const record = body.subarray(keyEnd);
  if (record.length > recordBytes) throw new Error('it has more than one record');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(privateKey);
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), curve.getPublicKey(), sender]);
  const derive = (secret: Uint8Array, saltOf: Uint8Array, info: Uint8Array | string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, saltOf, info, length));
  const shared = derive(curve.computeSecret(sender), Buffer.from(auth, 'base64url'), keyInfo, 32);
  const key = derive(shared, salt, 'Content-Encoding: aes128gcm\0', 16);
  const nonce = derive(shared, salt, 'Content-Encoding: nonce\0', 12);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(record.subarray(-TAG_BYTES));
  const padded = Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()]);
  const end = padded.lastIndexOf(LAST);
  if (end === -1 || padded.subarray(end + 1).some((byte) => byte !== 0)) throw new Error('it has no end');
  return padded.subarray(0, end);
}
