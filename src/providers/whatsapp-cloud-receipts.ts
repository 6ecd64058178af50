/** What Meta calls back: the question whether the address is ours, and statuses (developers.facebook.com, "Webhooks"). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parseMessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback, CallbackAnswer, Receipt } from '#ports/provider.ts';
import { REASON_LENGTH_MAX } from './http-answer.ts';
import { isObject } from './settings.ts';
import { asGraphError, detailOfError, meaningOfError } from './whatsapp-cloud-errors.ts';

/** Statuses in one callback. Meta sends 1,000 at most; more is somebody else's. */
const STATUSES_MAX = 10_000;
/** Characters of a challenge that are given back. */
const CHALLENGE = /^[\w.-]{1,200}$/;

/** `deleted` and `warning` say nothing about delivery. */
const STATUSES: Record<string, ReceiptStatus> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  played: 'read',
  failed: 'undelivered',
};

/**
 * The answer to `GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`; null for any other callback.
 * @throws {ForgedCallbackError} when the token is not ours.
 */
export function challengeIn({ method, query }: Callback, verifyToken: string): CallbackAnswer | null {
  if (method !== 'GET' || query['hub.mode'] !== 'subscribe') return null;
  if (!isSame(query['hub.verify_token'] ?? '', verifyToken))
    throw new ForgedCallbackError('hub.verify_token is not the provider’s verifyToken');
  const challenge = query['hub.challenge'] ?? '';
  if (!CHALLENGE.test(challenge)) throw new CallbackError('hub.challenge must be there, and be short');
  return { contentType: 'text/plain', body: challenge };
}

/** @throws {ForgedCallbackError} unless `X-Hub-Signature-256` is the app secret's HMAC of the body's bytes. */
export function assertSigned({ headers, raw }: Callback, appSecret: string): void {
  const signature = headers['x-hub-signature-256'];
  if (signature === undefined) throw new ForgedCallbackError('it has no X-Hub-Signature-256');
  const expected = `sha256=${createHmac('sha256', appSecret).update(raw).digest('hex')}`;
  if (!isSame(signature, expected)) throw new ForgedCallbackError('X-Hub-Signature-256 is not made with the appSecret');
}

/**
 * The statuses of our messages from this number. Those of other numbers of the app, of messages that others sent, what users
 * write and everything else that Meta tells are left alone.
 * @throws {CallbackError} when it is no notification at all.
 */
export function receiptsIn({ body }: Callback, phoneNumberId: string): Receipt[] {
  if (!isObject(body) || !Array.isArray(body['entry']))
    throw new CallbackError('the body must be a notification of Meta: {"object": …, "entry": […]}');
  const changes = objectsIn(body['entry']).flatMap((entry) => objectsIn(entry['changes']));
  const values = changes.flatMap(({ field, value }) => (field === 'messages' && isObject(value) ? [value] : []));
  const own = values.filter(({ metadata }) => isObject(metadata) && metadata['phone_number_id'] === phoneNumberId);
  const statuses = own.flatMap((value) => objectsIn(value['statuses']));
  if (statuses.length > STATUSES_MAX) throw new CallbackError(`it has more than ${STATUSES_MAX} statuses`);
  return statuses.flatMap(receiptOf);
}

function receiptOf({ status, biz_opaque_callback_data: ours, errors }: JsonObject): Receipt[] {
  const known = typeof status === 'string' && Object.hasOwn(STATUSES, status) ? STATUSES[status]! : null;
  if (known === null || typeof ours !== 'string' || !parseMessageId(ours)) return [];
  const reason = known === 'undelivered' ? reasonIn(errors) : null;
  return [{ messageId: ours.toLowerCase(), ref: null, status: known, reason }];
}

function reasonIn(errors: Json | undefined): string {
  const error = objectsIn(errors).flatMap((one) => asGraphError(one) ?? [])[0];
  if (!error) return 'failed';
  return `${meaningOfError(error, null).reason}: ${detailOfError(error)}`.slice(0, REASON_LENGTH_MAX);
}

function objectsIn(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
