/** How push services know us (VAPID, RFC 8292): a token for each of them, signed by the key that pages subscribed with. */
import { createECDH, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Instant } from '#domain/time.ts';
import { SettingsFault } from './settings.ts';

/** How long a token is good for, in ms: a day at most (RFC 8292 §2). */
const LIFETIME_MS = 12 * 3_600_000;
/** It is not used in its last part, in ms: clocks differ. */
const SPARE_MS = 3_600_000;
/** Push services whose tokens are kept: users name them, so there may be any number. */
const ORIGINS_MAX = 256;

const PRIVATE_KEY_BYTES = 32;

/** Who we are. */
export interface VapidSigner {
  /** In base64url, uncompressed. */
  publicKey: string;
  key: KeyObject;
  subject: string;
}

/** Says who we are. */
export interface Vapid {
  /** The header for calls to this push service. */
  authorization(origin: string, now: Instant): Promise<string>;
}

/** Nothing signed yet. */
export function vapid({ publicKey, key, subject }: VapidSigner): Vapid {
  // In the order of signing: the first is the oldest.
  const signed = new Map<string, { token: Promise<string>; until: Instant }>();

  function sign(origin: string, now: Instant): Promise<string> {
    const token = new SignJWT()
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
      .setAudience(origin)
      .setExpirationTime(Math.floor((now + LIFETIME_MS) / 1_000))
      .setSubject(subject)
      .sign(key);
    signed.delete(origin);
    if (signed.size >= ORIGINS_MAX) signed.delete(signed.keys().next().value!);
    signed.set(origin, { token, until: now + LIFETIME_MS - SPARE_MS });
    return token;
  }

  return {
    authorization: async (origin, now) => {
      const known = signed.get(origin);
      return `vapid t=${await (known && now < known.until ? known.token : sign(origin, now))}, k=${publicKey}`;
    },
  };
}

/** The private key of a pair in base64url. @throws {SettingsFault} when they are none. */
export function vapidKey(publicKey: string, privateKey: string): KeyObject {
  const bytes = Buffer.from(privateKey, 'base64url');
  const found = bytes.length === PRIVATE_KEY_BYTES ? keyOf(bytes) : null;
  if (!found)
    throw new SettingsFault('privateKey', 'must be 32 bytes in base64url; "carom providers vapid" makes a pair');
  if (found.publicKey !== publicKey)
    throw new SettingsFault('publicKey', 'is not the other half of privateKey; give both of one pair');
  return found.key;
}

function keyOf(bytes: Buffer): { key: KeyObject; publicKey: string } | null {
  try {
    const curve = createECDH('prime256v1');
    curve.setPrivateKey(bytes);
    const point = curve.getPublicKey();
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
    const jwk = { kty: 'EC', crv: 'P-256', d: bytes.toString('base64url'), x: x!, y: y! };
    return { key: createPrivateKey({ key: jwk, format: 'jwk' }), publicKey: point.toString('base64url') };
  } catch {
    // Zero, or more than the curve's order: its message says nothing that helps.
    return null;
  }
}
