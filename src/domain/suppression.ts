/** Addresses that are not written to any more (semantics §2: `suppressed`). */
import type { Channel } from './campaign.ts';
import type { AccountId, MessageId, ProviderId } from './ids.ts';
import type { Instant } from './time.ts';

export const SUPPRESSION_REASONS = ['hard_bounce', 'complaint', 'unsubscribed', 'manual'] as const;
/** Why an address is suppressed: it does not exist, its owner complained or unsubscribed, or an operator said so. */
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** Names one address of a channel. */
export interface SuppressedAddress {
  accountId: AccountId;
  channel: Channel;
  /** In the form in which addresses are compared: E.164, an e-mail address in lower case. */
  address: string;
}

/** An entry of an account's suppression list. What is said last of an address counts. */
export interface Suppression extends SuppressedAddress {
  reason: SuppressionReason;
  at: Instant;
  /** The provider that reported it; null: it came by the API. */
  providerId: ProviderId | null;
  /** The message that was reported; null where none was named. */
  messageId: MessageId | null;
}
