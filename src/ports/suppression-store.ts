/** Where suppression lists live. `tests/conformance/suppression-store.ts` says the same in tests. */
import type { Channel } from '#domain/campaign.ts';
import type { AccountId } from '#domain/ids.ts';
import type { SuppressedAddress, Suppression, SuppressionReason } from '#domain/suppression.ts';
import type { Instant } from '#domain/time.ts';
import type { Page } from './transaction-store.ts';

/** What a list may be narrowed to. */
export interface SuppressionFilter {
  accountId: AccountId;
  channel?: Channel;
  reason?: SuppressionReason;
}

/** A list with entries: there is something to look for. */
export interface UsedChannel {
  accountId: AccountId;
  channel: Channel;
}

/** The promises: what is stored is durable and seen by all nodes at once; the calls of a few ms share a statement. */
export interface SuppressionStore {
  /** Stores an entry, in the place of an earlier one of the same address. */
  put(suppression: Suppression): Promise<void>;
  /** Asked for every message of a channel whose list has entries. */
  has(wanted: SuppressedAddress): Promise<boolean>;
  find(wanted: SuppressedAddress): Promise<Suppression | null>;
  /** False when there was none. */
  remove(wanted: SuppressedAddress): Promise<boolean>;
  /** Newest first. */
  list(filter: SuppressionFilter, limit: number, cursor: string | null): Promise<Page<Suppression>>;
  /** Says that a channel's list has, or will have, entries. To be called before the first of them is put. */
  use(channel: UsedChannel): Promise<void>;
  /**
   * The channels that came into use since the last asking.
   * @param since what the last answer said; null: all of them. The database's clock judges: some may be told twice.
   */
  used(since: Instant | null): Promise<{ channels: UsedChannel[]; readAt: Instant }>;
}
