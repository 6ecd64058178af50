/**
 * Access tokens of a Google service account (OAuth 2.0, RFC 7523): signed with its key, good for an hour, asked for once
 * however many messages wait for it. https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { connectVendor, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** How long what we sign is good for, in seconds; the most that Google takes. */
const ASSERTION_S = 3_600;
/** A token is not used in its last minutes, in ms. */
const SPARE_MS = 300_000;
/** What a token is good for that does not say it, in seconds. */
const LIFETIME_DEFAULT_S = 3_600;

/** A service account, read from its JSON file. */
export interface ServiceAccount {
  projectId: string | null;
  email: string;
  keyId: string | null;
  key: KeyObject;
  /** Where its tokens are given out. */
  tokenUrl: string;
}

/** Gives tokens. */
export interface AccessTokens {
  /** The one in use, or a new one; an outcome when there is none to be had. */
  get(): Promise<string | SendOutcome>;
  /** It was refused: the next `get` asks for another. */
  drop(token: string): void;
  close(): Promise<void>;
}

/** No token yet; the first is asked for with the first message. */
export function accessTokens(account: ServiceAccount, timeoutMs: number, clock: Clock): AccessTokens {
  const { origin, pathname, search } = new URL(account.tokenUrl);
  const connections = connectVendor(origin, { connections: 1, timeoutMs }, clock);
  let current: { token: string; until: Instant } | null = null;
  let asking: Promise<string | SendOutcome> | null = null;

  async function ask(): Promise<string | SendOutcome> {
    const askedAt = clock.now();
    const body = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await assertion(account, askedAt) });
    const call = await connections.call({
      method: 'POST',
      path: `${pathname}${search}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
    });
    // The message itself has not gone out: it may be tried again, however the question ended.
    if (call.kind === 'lost')
      return { kind: 'rejected', reason: 'connection_failed', detail: `no token: ${call.loss}`, retryable: true };
    let token: string | null = null;
    const outcome = outcomeOfCall(
      call,
      (answer) => {
        const { access_token: given, expires_in: seconds = LIFETIME_DEFAULT_S } = fieldsOf(answer);
        if (answer.status !== 200 || typeof given !== 'string') return refusal(answer);
        token = given;
        current = { token, until: askedAt + Number(seconds) * 1_000 - SPARE_MS };
        return { kind: 'accepted', ref: null };
      },
      clock,
    );
    if (outcome.kind === 'unknown')
      return { kind: 'rejected', reason: 'connection_failed', detail: `no token: ${outcome.reason}`, retryable: true };
    return token ?? outcome;
  }

  return {
    get: async () => {
      if (current && clock.now() < current.until) return current.token;
      asking ??= ask().finally(() => (asking = null));
      return asking;
    },
    drop: (token) => {
      if (current?.token === token) current = null;
    },
    close: () => connections.close(),
  };
}

function assertion({ email, key, keyId, tokenUrl }: ServiceAccount, now: Instant): Promise<string> {
  const issuedAt = Math.floor(now / 1_000);
  return new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(keyId !== null && { kid: keyId }) })
    .setIssuer(email)
    .setAudience(tokenUrl)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ASSERTION_S)
    .sign(key);
}

/** RFC 6749 §5.2: `invalid_grant`, `invalid_client` …: the account's fault, not the message's. */
function refusal(answer: VendorAnswer): SendOutcome {
  const { error, error_description: description } = fieldsOf(answer);
  const words = [error, description].filter((one) => typeof one === 'string').join(': ');
  const detail = `no token: ${words === '' ? `status ${answer.status}` : words}`;
  if (answer.status >= 500) return { kind: 'rejected', reason: 'provider_error', detail, retryable: true };
  return { kind: 'rejected', reason: 'unauthorized', detail, retryable: false, tryElsewhere: true };
}

function fieldsOf({ json }: VendorAnswer): Record<string, unknown> {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
}
