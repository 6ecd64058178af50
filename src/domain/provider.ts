/** A provider: a configured account at a vendor, for one channel (semantics §0). */
import type { Channel, RetryPolicy } from './campaign.ts';
import type { AccountId, ProviderId } from './ids.ts';
import type { JsonObject } from './request.ts';

/** A provider as an operator configured it. */
export interface ProviderConfig {
  accountId: AccountId;
  id: ProviderId;
  channel: Channel;
  /** A word of the catalogue: `sandbox`, `http`, … */
  type: string;
  /** Whether it can report delivery (semantics §2). */
  receipts: 'none' | 'callback';
  retry?: RetryPolicy;
  /** Unguessable; part of the address vendors call back. */
  receiptSecret: string;
  /** What its type wants: `request`, `response`, `receipt` of `http`, `behave` of `sandbox`. May hold credentials. */
  settings: JsonObject;
}
