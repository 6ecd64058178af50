/** Events in the shape of Xtremepush's webhooks: `{event, time, properties}`. Its documentation names no more properties than these. */
import type { ToldEvent } from '#ports/webhook-sender.ts';

/** The vendor's words, and ours where it has none. */
const EVENT_WORDS: Record<ToldEvent['type'], string> = {
  'message.sent': 'message_send',
  'message.delivered': 'message_delivery',
  'message.failed': 'message_failure',
  'message.opened': 'message_open',
  'message.clicked': 'message_click',
  'message.unsubscribed': 'message_unsubscribe',
  'transaction.ended': 'transaction_end',
  'batch.ended': 'batch_end',
  test: 'test',
};

/** The document. `time` is in seconds since 1970; `external_message_id` is there where the client gave one. */
export function xtremepushEvent({ id, type, at, accountId, transaction, message, batch }: ToldEvent): string {
  const reference = transaction?.reference ?? batch?.reference ?? null;
  const properties = {
    id,
    project: accountId,
    ...(transaction && {
      user_id: transaction.userId,
      transaction_id: transaction.id,
      txn_id: transaction.txnId,
      ...(transaction.batchId !== null && { batch_id: transaction.batchId }),
    }),
    ...(message && {
      message_id: message.id,
      campaign_id: message.campaignId,
      message_type: message.channel,
      provider: message.provider,
      address: message.to,
      state: message.state,
      ...(message.reason !== null && { reason: message.reason }),
    }),
    ...(transaction &&
      !message && { campaign_ids: transaction.campaignIds, state: transaction.state, late: transaction.late }),
    ...(batch && { batch_id: batch.id, campaign_ids: batch.campaignIds, counts: batch.counts }),
    ...(reference !== null && { external_message_id: reference }),
  };
  return JSON.stringify({ event: EVENT_WORDS[type], time: Math.floor(at / 1_000), properties });
}
