/**
 * Twilio's status callbacks: signed forms (https://www.twilio.com/docs/usage/security#validating-requests) that report on one message each
 * (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseMessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback, Receipt } from '#ports/provider.ts';
import { meaningOfCode } from './twilio-errors.ts';

/** `receiving` and `received` are about messages to us, and report nothing. */
const STATUSES: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['accepted', 'accepted'],
  ['scheduled', 'accepted'],
  ['queued', 'accepted'],
  ['sending', 'accepted'],
  ['sent', 'sent'],
  ['partially_delivered', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['undelivered', 'undelivered'],
  ['failed', 'undelivered'],
  ['canceled', 'undelivered'],
]);
/** `SM…` or `MM…`, and 32 hexadecimal digits. */
const SID = /^(SM|MM)[0-9a-f]{32}$/i;
/** A callback of the recipient who wrote STOP. */
const OPTED_OUT = 'opted_out';

/** The receipt in a signed callback; none where it is about another account, or says nothing of ours. @throws {CallbackError} */
export function twilioReceipts({ raw, query }: Callback, accountSid: string): Receipt[] {
  const fields = new URLSearchParams(raw.toString());
  const [sid, word] = [fields.get('MessageSid') ?? fields.get('SmsSid'), fields.get('MessageStatus')];
  if (sid === null || !SID.test(sid) || word === null)
    throw new CallbackError('it is no status callback: MessageSid and MessageStatus are missing');
  const status = STATUSES.get(word);
  if (!status || (fields.get('AccountSid') ?? accountSid) !== accountSid) return [];
  const { message } = query;
  const messageId = message !== undefined && parseMessageId(message) ? message.toLowerCase() : null;
  const code = Number(fields.get('ErrorCode') ?? '');
  const reason = code > 0 ? meaningOfCode(code).reason : status === 'undelivered' ? word : null;
  return [
    { messageId, ref: sid, status, reason, ...(reason === OPTED_OUT && { suppress: { reason: 'unsubscribed' } }) },
  ];
}

/** @throws {ForgedCallbackError} unless it is signed with the account's auth token. */
export function assertSignedByTwilio({ method, url, headers, raw }: Callback, authToken: string): void {
  const signature = Buffer.from(headers['x-twilio-signature'] ?? '', 'base64');
  const fields = method === 'POST' ? fieldsToSign(raw) : '';
  const isSigned = asTwilioMayWriteIt(url).some((one) => {
    const expected = createHmac('sha1', authToken)
      .update(one + fields)
      .digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
  if (!isSigned)
    throw new ForgedCallbackError(
      'X-Twilio-Signature does not fit; authToken and the public URL must be what Twilio has',
    );
}

/** Names and values without anything between them, in the order of the names; of several values each one once, in order. */
function fieldsToSign(raw: Buffer): string {
  const fields = new URLSearchParams(raw.toString());
  return [...new Set(fields.keys())]
    .toSorted()
    .flatMap((name) => [...new Set(fields.getAll(name))].toSorted().map((value) => name + value))
    .join('');
}

/** With and without the usual port: Twilio's own libraries take either, for its servers are not of one mind. */
function asTwilioMayWriteIt(url: string): string[] {
  const [, scheme, authority, rest] = /^(https?):\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  if (scheme === undefined || authority === undefined || rest === undefined) return [url];
  const bare = authority.replace(/:\d+$/, '');
  const usual = `${bare}:${scheme === 'https' ? 443 : 80}`;
  const authorities = authority === bare ? [bare, usual] : [authority, bare];
  return authorities.map((one) => `${scheme}://${one}${rest}`);
}
