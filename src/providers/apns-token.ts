/**
 * Provider tokens: signed by us, good for an hour; one that is made anew before 20 minutes have passed is refused
 * ("Establishing a token-based connection to APNs").
 */
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Instant } from '#domain/time.ts';

/** How long a token is used, in ms. */
const USED_MS = 40 * 60_000;
/** Tokens that were refused are made anew no more often, in ms. */
const RENEW_MS = 20 * 60_000;

/** Who signs. */
export interface ApnsSigner {
  teamId: string;
  keyId: string;
  key: KeyObject;
}

/** The token that all messages carry. */
export interface ApnsToken {
  get(now: Instant): Promise<string>;
  /** This one was refused as too old: the next `get` makes another. False: there was a renewal just now, which did not help. */
  renew(refused: string, now: Instant): boolean;
}

/** No token yet. */
export function apnsToken({ teamId, keyId, key }: ApnsSigner): ApnsToken {
  let current: { token: Promise<string>; at: Instant } | null = null;
  let known = '';
  let renewedAt = -Infinity;

  function make(now: Instant): Promise<string> {
    const token = new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(teamId)
      .setIssuedAt(Math.floor(now / 1_000))
      .sign(key);
    current = { token, at: now };
    return token;
  }

  return {
    get: async (now) => {
      const isFresh = current && now < current.at + USED_MS && now >= current.at - USED_MS;
      known = await (isFresh ? current!.token : make(now));
      return known;
    },
    renew: (refused, now) => {
      // Another message has done it.
      if (refused !== known || current === null) return true;
      if (now < renewedAt + RENEW_MS) return false;
      renewedAt = now;
      current = null;
      return true;
    },
  };
}
