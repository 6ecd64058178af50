/**
 * Vonage's status webhooks: JSON about one message each, with a signed token in `Authorization`
 * (https://developer.vonage.com/en/getting-started/concepts/webhooks#signed-webhooks).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { parseMessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { Instant } from '#domain/time.ts';
import { CallbackDeferredError, CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback, Receipt } from '#ports/provider.ts';
import { REF_LENGTH_MAX } from './http-answer.ts';
import { isObject } from './settings.ts';
import { meaningOfError } from './vonage-errors.ts';

/** How old a token may be: Vonage tries again for a day. A replay within it changes nothing, since a receipt never moves a message back. */
const TOKEN_AGE_MAX_S = 86_400;
/** How far Vonage's clock may be ahead of ours. */
const CLOCK_SKEW_MAX_S = 300;

const STATUSES: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['submitted', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['rejected', 'undelivered'],
  ['undeliverable', 'undelivered'],
]);
/** The recipient wrote STOP. */
const OPTED_OUT = 'opted_out';

/** The receipt in a signed webhook; none for a word that says nothing of ours. @throws {CallbackError} */
export function vonageReceipts({ body, query }: Callback): Receipt[] {
  const { message_uuid: ref, status: word, client_ref: reference, error } = isObject(body) ? body : {};
  if (typeof ref !== 'string' || ref === '' || ref.length > REF_LENGTH_MAX || typeof word !== 'string')
    throw new CallbackError('it is no status webhook: message_uuid and status are missing');
  const status = STATUSES.get(word);
  if (!status) return [];
  const messageId = ourId(reference) ?? ourId(query.message);
  // Some versions wrap it.
  const meaning = meaningOfError(isObject(error) && error.error !== undefined ? error.error : error);
  const reason = meaning?.reason ?? (status === 'undelivered' ? word : null);
  return [{ messageId, ref, status, reason, ...(reason === OPTED_OUT && { suppress: { reason: 'unsubscribed' } }) }];
}

function ourId(text: unknown): string | null {
  return typeof text === 'string' && parseMessageId(text) ? text.toLowerCase() : null;
}

/**
 * @throws {ForgedCallbackError} unless its token is signed with the account's signature secret, recent, and about this very body.
 * @throws {CallbackDeferredError} where there is no token at all: Vonage says that this may happen to it, and to ask for it again.
 */
export async function assertSignedByVonage(
  { headers, raw }: Callback,
  signatureSecret: KeyObject,
  now: Instant,
): Promise<void> {
  const token = /^Bearer +(\S+)$/i.exec(headers['authorization'] ?? '')?.[1];
  if (token === undefined)
    throw new CallbackDeferredError('it has no token in its header Authorization; send it again, signed');
  const claims = await claimsOf(token, signatureSecret, now);
  const given = Buffer.from(typeof claims['payload_hash'] === 'string' ? claims['payload_hash'] : '', 'hex');
  const expected = createHash('sha256').update(raw).digest();
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new ForgedCallbackError('its token is about another body');
}

async function claimsOf(token: string, key: KeyObject, now: Instant): Promise<Record<string, unknown>> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      currentDate: new Date(now),
      maxTokenAge: TOKEN_AGE_MAX_S,
      clockTolerance: CLOCK_SKEW_MAX_S,
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JOSEError)
      throw new ForgedCallbackError(`its token is refused (${error.code}); signatureSecret must be what Vonage has`, {
        cause: error,
      });
    throw error;
  }
}
