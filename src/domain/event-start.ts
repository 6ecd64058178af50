/** Campaigns that an event starts by itself, and the transactions that it starts. */
import type { CampaignId } from './ids.ts';
import { ID_LENGTH_MAX, NOTHING_MORE } from './request.ts';
import type { TransactionRequest } from './request.ts';
import type { TrackedEvent } from './tracked-event.ts';

/** Campaigns of one account that the same event may start. */
export const STARTED_MAX = 100;
/** Characters of an event's id, and of the colon after it. */
const EVENT_ID_LENGTH = 37;
/** Characters of the id of a campaign that an event starts: its transactions' txnIds have it behind the event's id. */
export const STARTED_ID_LENGTH_MAX = ID_LENGTH_MAX - EVENT_ID_LENGTH;

/** A tracked event, and the campaigns that it starts: those that were running, and waited for it, when it was tracked. */
export interface EventStart {
  event: TrackedEvent;
  campaignIds: CampaignId[];
}

/**
 * The request of the transaction that the event starts. The same for whoever asks, whenever: after a crash its txnId is
 * found taken. It tracks no event itself, so that no event starts itself again.
 */
export function startedRequest({ id, userId, eventData }: TrackedEvent, campaignId: CampaignId): TransactionRequest {
  return {
    ...NOTHING_MORE,
    campaignIds: [campaignId],
    mode: 'all',
    userId,
    txnId: `${id}:${campaignId}`,
    token: eventData,
    params: eventData,
  };
}
