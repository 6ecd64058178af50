/** Private keys in settings, as vendors hand them out (PEM, PKCS #8). */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SettingsFault } from './settings.ts';

/** The key of a PEM text; line breaks may be written as `\n`, which is how they survive an environment variable. */
export function signingKey(pem: string, path: string, kind: 'rsa' | 'ec'): KeyObject {
  const key = parsed(pem.replaceAll('\\n', '\n'));
  const isP256 = key?.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  if (key?.asymmetricKeyType === kind && (kind === 'rsa' || isP256)) return key;
  const what = kind === 'rsa' ? 'an RSA key' : 'a key of the curve P-256';
  throw new SettingsFault(path, `must hold ${what} in PEM, from "-----BEGIN PRIVATE KEY-----" to its end`);
}

function parsed(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    // Its message may quote the key; what is wrong is said without it.
    return null;
  }
}
