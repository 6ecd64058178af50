/** Counters for people: how much was sent, how it ended. Exact to the last second before a crash. */
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';

/** So many of `what` (`transaction.succeeded`, `message.accepted`, …) in one hour. */
export interface Count {
  accountId: AccountId;
  /** Start of the hour. */
  hour: Instant;
  /** Empty for counts of transactions. */
  campaignId: CampaignId | '';
  channel: string;
  what: string;
  count: number;
}

/** The promises: counts added by many nodes add up. */
export interface StatsStore {
  add(counts: Count[]): Promise<void>;
  read(accountId: AccountId, since: Instant): Promise<Count[]>;
}
