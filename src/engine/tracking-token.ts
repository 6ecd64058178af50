/**
 * What stands behind the last slash of a link to us: 18 characters (13 bytes in base64url, RFC 4648 §5).
 *
 *     hh nnnnnn w ssss
 *     │  │      │ └ signature of the message's id and `what`
 *     │  │      └ what it is for: the number of a link, or one of the three below
 *     │  └ name of the message: with the hash before it, the key it is kept under
 *     └ routing hash of the message's id: says the bucket
 *
 * Each link is signed by itself: who is sent one link of a message (people pass on what they were sent) cannot make the
 * others of it, nor the one that unsubscribes.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { hash16OfId } from '#domain/ids.ts';
import type { MessageId } from '#domain/ids.ts';

/** `what` of the address where the user's device reports. Links are numbered below this. */
export const REPORT = 253;
/** `what` of the picture that tells of an open. */
export const OPEN = 254;
/** `what` of the page to unsubscribe. */
export const UNSUBSCRIBE = 255;

const KEY_BYTES = 8;
const TOKEN_BYTES = 13;
/** The last character holds two bits: never a dash, which programs that look for links would leave out at an end. */
const TOKEN = /^[\w-]{17}[AQgw]$/;

/** The tokens of one message. */
export interface MessageTokens {
  /** What the message is kept under. */
  key: bigint;
  token(what: number): string;
}

/** Makes tokens and reads them. */
export interface Tokens {
  of(id: MessageId): MessageTokens;
  /** Where to look, and for what; null for what cannot be a token. Whether it is genuine only its message says. */
  read(token: string): { key: bigint; what: number } | null;
  /** Whether the token is the message's own. Takes the same time for every wrong one. */
  isGenuine(token: string, id: MessageId, what: number): boolean;
}

/** @param secret the same on all nodes. */
export function trackingTokens(secret: Uint8Array): Tokens {
  const key = createSecretKey(secret);
  const of = (id: MessageId) => tokensOf(key, id);
  return {
    of,
    read: (token) => {
      if (!TOKEN.test(token)) return null;
      const bytes = Buffer.from(token, 'base64url');
      return { key: bytes.readBigUInt64BE(), what: bytes[KEY_BYTES]! };
    },
    isGenuine: (token, id, what) => {
      const [given, own] = [Buffer.from(token), Buffer.from(of(id).token(what))];
      return given.length === own.length && timingSafeEqual(given, own);
    },
  };
}

function tokensOf(secret: KeyObject, id: MessageId): MessageTokens {
  const start = Buffer.alloc(KEY_BYTES);
  mac(secret, `name ${id}`).copy(start, 2);
  start.writeUInt16BE(hash16OfId(id));
  return {
    key: start.readBigUInt64BE(),
    token: (what) => {
      const bytes = Buffer.alloc(TOKEN_BYTES);
      start.copy(bytes);
      bytes[KEY_BYTES] = what;
      mac(secret, `${what} ${id}`).copy(bytes, KEY_BYTES + 1);
      return bytes.toString('base64url');
    },
  };
}

function mac(secret: KeyObject, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}
