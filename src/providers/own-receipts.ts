/** Receipts in our own words: `{messageId, status, reason?}` in JSON, or a list of them. */
import { parseMessageId } from '#domain/ids.ts';
import { RECEIPT_STATUSES } from '#domain/message.ts';
import type { Json } from '#domain/request.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Receipt } from '#ports/provider.ts';
import { isObject } from './settings.ts';

/** Receipts in one callback. */
const RECEIPTS_MAX = 1_000;

/** For playing vendor by hand, and for apps whose own server knows what they have shown. @throws {CallbackError} */
export function ownReceiptsIn(body: Json): Receipt[] {
  const items = Array.isArray(body) ? body : [body];
  if (items.length > RECEIPTS_MAX)
    throw new CallbackError(`it has more than ${RECEIPTS_MAX} receipts; send fewer at a time`);
  return items.map((item) => {
    if (!isObject(item)) throw new CallbackError('the body must be JSON: {"messageId": …, "status": …}');
    const { messageId, reason } = item;
    if (typeof messageId !== 'string' || !parseMessageId(messageId))
      throw new CallbackError('messageId must be the id of a message');
    const status = RECEIPT_STATUSES.find((known) => known === item.status);
    if (!status) throw new CallbackError(`status must be one of ${RECEIPT_STATUSES.join(', ')}`);
    return {
      messageId: messageId.toLowerCase(),
      ref: null,
      status,
      reason: typeof reason === 'string' ? reason : null,
    };
  });
}
