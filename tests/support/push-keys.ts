/** Keys such as vendors of push hand out, made for the tests that run. */
import { createECDH, generateKeyPairSync } from 'node:crypto';

/** A private key in PEM (PKCS #8), as `.p8` files hold it, and the public one of it. */
export function ecKey(): { pem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** A service account's file, as Google's console has it downloaded. */
export function serviceAccount(tokenUrl: string): { file: Record<string, string>; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return {
    file: {
      type: 'service_account',
      project_id: 'shop-1',
      private_key_id: 'key-1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      client_email: 'push@shop-1.iam.gserviceaccount.com',
      token_uri: tokenUrl,
    },
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** A browser's subscription (RFC 8291 §3.1), and what only the browser has of it. */
export interface Browser {
  subscription: { endpoint: string; keys: { p256dh: string; auth: string } };
  privateKey: Buffer;
}

/** A browser that has subscribed at this address. */
export function browserAt(endpoint: string): Browser {
  const curve = createECDH('prime256v1');
  const p256dh = curve.generateKeys().toString('base64url');
  const auth = Buffer.from('an auth secret 1').toString('base64url');
  return { subscription: { endpoint, keys: { p256dh, auth } }, privateKey: curve.getPrivateKey() };
}

/** Keys of an application server (RFC 8292). */
export function vapidKeys(): { publicKey: string; privateKey: string } {
  const curve = createECDH('prime256v1');
  const publicKey = curve.generateKeys().toString('base64url');
  return {
    publicKey,
    privateKey: Buffer.concat([Buffer.alloc(32), curve.getPrivateKey()])
      .subarray(-32)
      .toString('base64url'),
  };
}
