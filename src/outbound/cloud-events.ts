/** Events as CloudEvents 1.0 in JSON (https://github.com/cloudevents/spec). */
import { isoTime } from '#domain/time.ts';
import type { ToldEvent } from '#ports/webhook-sender.ts';

/** What `type` begins with. */
const TYPE_PREFIX = 'carom.';

/** The document. @param source Carom's own address, without a trailing slash. */
export function cloudEvent(event: ToldEvent, source: string): string {
  const { id, type, at, accountId, message, transaction, batch } = event;
  const subject = message?.id ?? transaction?.id ?? batch?.id;
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: `${source}/accounts/${encodeURIComponent(accountId)}`,
    type: TYPE_PREFIX + type,
    ...(subject !== undefined && { subject }),
    time: isoTime(at),
    datacontenttype: 'application/json',
    data: dataOf(event),
  });
}

function dataOf({ accountId, at, message, transaction, batch }: ToldEvent): object {
  return {
    account: accountId,
    ...(transaction && {
      transactionId: transaction.id,
      txnId: transaction.txnId,
      userId: transaction.userId,
      ...(message ? messageData(message) : endData(transaction)),
      reference: transaction.reference,
      batchId: transaction.batchId,
    }),
    ...(batch && {
      batchId: batch.id,
      campaignIds: batch.campaignIds,
      reference: batch.reference,
      counts: batch.counts,
    }),
    at: isoTime(at),
  };
}

function messageData(message: NonNullable<ToldEvent['message']>): object {
  const { id, campaignId, version, leg, channel, provider, to, state, reason } = message;
  return { campaignId, version, leg, messageId: id, channel, provider, to, state, reason };
}

function endData({ campaignIds, state, late }: NonNullable<ToldEvent['transaction']>): object {
  return { campaignIds, state, late };
}
