/** Subscriptions as browsers make them, and messages as our service worker reads them (src/http/push). */
import { ECDH } from 'node:crypto';
import type { OutgoingMessage } from '#ports/provider.ts';

/** Bytes of a message before it is encrypted: push services take 4,096 of it after that (RFC 8030 §7.2, RFC 8291 §4). */
export const WEB_PUSH_PAYLOAD_MAX_BYTES = 3_993;
/** Characters of an endpoint. */
const ENDPOINT_LENGTH_MAX = 2_000;
const AUTH_BYTES = 16;
/** Of a public key, uncompressed. */
const POINT_BYTES = 65;

/** Where a browser takes messages, and what it decrypts them with (RFC 8291 §3.1). */
export interface BrowserSubscription {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

/** What the service worker gets: it shows the message, and reports that it did. */
export function webPushPayload({ messageId, title, body, image, url, data, report }: OutgoingMessage): object {
  const said = Object.entries({ title, body, image, url, data, report }).filter(([, value]) => value !== null);
  return { id: messageId, ...Object.fromEntries(said) };
}

/** The subscription in a device's address: what `JSON.stringify` makes of a browser's; else what is wrong with it. */
export function subscriptionIn(address: string, allowHttp: boolean): BrowserSubscription | { fault: string } {
  const { endpoint, keys } = fieldsOf(parsed(address));
  const { p256dh, auth } = fieldsOf(keys);
  if (typeof endpoint !== 'string' || typeof p256dh !== 'string' || typeof auth !== 'string')
    return { fault: 'it is no subscription of a browser, with an endpoint and keys' };
  const url = endpoint.length <= ENDPOINT_LENGTH_MAX ? URL.parse(endpoint) : null;
  const isGood = url?.protocol === 'https:' || (allowHttp && url?.protocol === 'http:');
  if (!isGood || url.username !== '' || url.password !== '') return { fault: 'its endpoint is no https address' };
  if (!isPoint(p256dh) || Buffer.from(auth, 'base64url').length !== AUTH_BYTES)
    return { fault: 'its keys are not those of a browser (RFC 8291)' };
  return { endpoint, keys: { p256dh, auth } };
}

/** A point of the curve: with anything else there is no common secret to encrypt with. */
function isPoint(p256dh: string): boolean {
  try {
    ECDH.convertKey(p256dh, 'prime256v1', 'base64url');
    return Buffer.from(p256dh, 'base64url').length === POINT_BYTES;
  } catch {
    // Not on the curve.
    return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON: no subscription, as is said above.
    return null;
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
