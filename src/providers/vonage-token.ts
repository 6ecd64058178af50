/** What authenticates requests to Vonage (https://developer.vonage.com/en/getting-started/concepts/authentication). */
import { randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '#ports/clock.ts';

/** How long a token is good for. */
const TOKEN_TTL_S = 900;
/** How long one is used: signing costs more than sending. */
const TOKEN_USED_S = 600;

/** An application and its key, or the account's key and secret. */
export type VonageCredentials =
  | { kind: 'application'; applicationId: string; privateKey: KeyObject }
  | { kind: 'basic'; apiKey: string; apiSecret: string };

/** The value of `Authorization` at any time. */
export function vonageAuthorization(credentials: VonageCredentials, clock: Clock): () => Promise<string> {
  if (credentials.kind === 'basic') {
    const { apiKey, apiSecret } = credentials;
    const header = Promise.resolve(`Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`);
    return () => header;
  }
  const { applicationId, privateKey } = credentials;
  let current: Promise<string> | null = null;
  let madeAt = 0;
  return () => {
    const age = clock.now() - madeAt;
    if (current === null || age < 0 || age >= TOKEN_USED_S * 1_000) {
      madeAt = clock.now();
      current = signed(applicationId, privateKey, Math.floor(madeAt / 1_000));
    }
    return current;
  };
}

async function signed(applicationId: string, privateKey: KeyObject, nowS: number): Promise<string> {
  const token = await new SignJWT({ application_id: applicationId })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + TOKEN_TTL_S)
    .setJti(randomUUID())
    .sign(privateKey);
  return `Bearer ${token}`;
}
