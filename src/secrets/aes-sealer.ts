/**
 * Seals with AES-256-GCM, under keys that are made from whatever texts an operator gives. The first one seals, all of them
 * open: so a key is changed. What was sealed is bound to what it is about, so that no row's credentials work in another one.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { SealError } from '#ports/sealer.ts';
import type { Sealer } from '#ports/sealer.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** NIST SP 800-38D §8.2: 96 bits, never the same twice with one key; random ones are good for 2^32 sealings. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Hex digits by which keys are told apart. */
const KEY_ID_LENGTH = 8;
/** scrypt: 16 MiB and some 50 ms for each guess of somebody who has the database alone. */
const COST = { N: 16_384, r: 8, p: 1 };
/** In front of what is sealed so. */
const VERSION = 'v1';

const derive = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt);

interface Key {
  id: string;
  bytes: Buffer;
}

/**
 * A sealer with these keys.
 * @param texts at least one; the first seals. @param salt the database's own.
 */
export async function aesSealer(texts: readonly string[], salt: Buffer): Promise<Sealer> {
  const keys = await Promise.all(texts.map((text) => keyOf(text, salt)));
  const [current] = keys as [Key];
  const byId = new Map(keys.toReversed().map((key) => [key.id, key]));
  const keyNamed = (id: string, about: string): Key => {
    const key = byId.get(id);
    if (!key) throw new SealError(`${about} is sealed with another key (${id}); add that one to CAROM_SECRET_KEY`);
    return key;
  };
  return {
    keyId: current.id,
    seal: (text, about, id) => [VERSION, id, sealed(text, about, keyNamed(id, about))].join('.'),
    open: (text, about) => {
      const [version, id = '', content = ''] = text.split('.');
      return opened(Buffer.from(content, 'base64url'), about, keyNamed(version === VERSION ? id : '', about));
    },
    isCurrent: (text) => text.startsWith(`${VERSION}.${current.id}.`),
    knows: (id) => byId.has(id),
  };
}

async function keyOf(text: string, salt: Buffer): Promise<Key> {
  const bytes = await derive(text, salt, KEY_BYTES, COST);
  return { id: hash('sha256', bytes, 'hex').slice(0, KEY_ID_LENGTH), bytes };
}

function sealed(text: string, about: string, { bytes }: Key): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, bytes, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(about));
  const content = [cipher.update(text, 'utf8'), cipher.final()];
  return Buffer.concat([nonce, ...content, cipher.getAuthTag()]).toString('base64url');
}

function opened(content: Buffer, about: string, { bytes }: Key): string {
  try {
    const nonce = content.subarray(0, NONCE_BYTES);
    const cipher = createDecipheriv(CIPHER, bytes, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(about));
    cipher.setAuthTag(content.subarray(-TAG_BYTES));
    const text = content.subarray(NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([cipher.update(text), cipher.final()]).toString('utf8');
  } catch (error) {
    throw new SealError(`${about} is not what was sealed; give its credentials again`, { cause: error });
  }
}
