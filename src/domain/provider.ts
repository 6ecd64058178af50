/** A provider: a configured account at a vendor, for one channel (semantics §0). */
import type { Channel, RetryPolicy } from './campaign.ts';
import type { AccountId, ProviderId } from './ids.ts';
import type { Rate } from './rate-bucket.ts';
import type { JsonObject } from './request.ts';

/** How fast a provider may be used, by all nodes together. What is absent is not limited. */
export interface ProviderLimits {
  /** Messages, evenly. */
  rate?: Rate;
  /** Calls under way at once. */
  concurrency?: number;
  /** Messages of each sender (`from`). */
  perSender?: Rate;
}

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
  limits?: ProviderLimits;
  /** Unguessable; part of the address vendors call back. */
  receiptSecret: string;
  /** What its type wants: `request`, `response`, `receipt` of `http`, `behave` of `sandbox`. May hold credentials. */
  settings: JsonObject;
}
