/**
 * How a receiver knows who calls: a signature after Standard Webhooks (https://www.standardwebhooks.com) or Connectly's (vendor page
 * Register Webhooks), Basic or Bearer.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { WebhookAuth } from '#domain/webhook.ts';
import { unreachable } from '#domain/unreachable.ts';

const SECRET_PREFIX = 'whsec_';
/** Keys kept ready. */
const KEYS_MAX = 1_000;

/** The headers of one attempt. @param timestampS of the attempt: receivers refuse old ones. */
export function authHeaders(
  auth: WebhookAuth,
  { id, timestampS, body }: { id: string; timestampS: number; body: string },
): Record<string, string> {
  switch (auth.type) {
    case 'standard':
      return { 'webhook-signature': `v1,${signature(auth.secret, `${id}.${timestampS}.${body}`)}` };
    case 'connectly':
      return { 'x-connectly-hmac-sha256': createHmac('sha256', auth.secret).update(body).digest('base64') };
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` };
    case 'bearer':
      return { authorization: `Bearer ${auth.token}` };
    case 'none':
      return {};
    default:
      return unreachable(auth);
  }
}

function signature(secret: string, signed: string): string {
  return createHmac('sha256', keyOf(secret)).update(signed).digest('base64');
}

const keys = new Map<string, KeyObject>();

/** Making the key takes several times as long as signing with it. */
function keyOf(secret: string): KeyObject {
  const known = keys.get(secret);
  if (known) return known;
  if (keys.size >= KEYS_MAX) keys.delete(keys.keys().next().value!);
  const key = createSecretKey(secret.slice(SECRET_PREFIX.length), 'base64');
  keys.set(secret, key);
  return key;
}
