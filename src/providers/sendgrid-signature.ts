/**
 * Who sent a callback of SendGrid's
 * (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
 */
import { createPublicKey, createVerify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Instant } from '#domain/time.ts';
import { ForgedCallbackError } from '#ports/provider.ts';
import type { Callback } from '#ports/provider.ts';
import { SettingsFault } from './settings.ts';

/**
 * SendGrid names no limit, but tries for 24 hours after an event
 * (https://docs.sendgrid.com/for-developers/tracking-events/troubleshooting); the rest is for clocks.
 */
const AGE_MAX_MS = 25 * 3_600_000;
/** How far its clock may be ahead of ours, in ms. */
const AHEAD_MAX_MS = 15 * 60_000;

/** The key in its settings: base64 of a public key of the curve P-256, as SendGrid shows it, or the same in PEM. */
export function verificationKey(text: string, path: string): KeyObject {
  const key = parsed(text);
  if (key?.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw new SettingsFault(path, 'is not the verification key of a Signed Event Webhook; copy it from Mail Settings');
}

function parsed(text: string): KeyObject | null {
  try {
    if (text.includes('-----BEGIN')) return createPublicKey(text.replaceAll('\\n', '\n'));
    return createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
  } catch {
    // No key.
    return null;
  }
}

/** @throws {ForgedCallbackError} unless the callback is signed with this key, and lately. */
export function assertSigned({ headers, raw }: Callback, key: KeyObject, now: Instant): void {
  const signature = headers['x-twilio-email-event-webhook-signature'];
  const timestamp = headers['x-twilio-email-event-webhook-timestamp'];
  if (signature === undefined || timestamp === undefined)
    throw new ForgedCallbackError('it is not signed; turn "Signed Event Webhook" on, or take verificationKey out');
  const at = /^\d{1,10}$/.test(timestamp) ? Number(timestamp) * 1_000 : Number.NaN;
  if (!(at >= now - AGE_MAX_MS && at <= now + AHEAD_MAX_MS))
    throw new ForgedCallbackError('it is too old, or the clocks differ');
  const signed = createVerify('sha256').update(timestamp).update(raw);
  if (!signed.verify(key, signature, 'base64')) throw new ForgedCallbackError("its signature is not SendGrid's");
}
