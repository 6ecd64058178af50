/** Where tracked messages live: what their links led to, and whose they are. */
import type { Channel } from '#domain/campaign.ts';
import type { AccountId, MessageId, UserId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';

/** A message with links to us in it. What is needed when one is followed long after the transaction has been forgotten. */
export interface TrackedMessage {
  /** By which it is found: 64 bits, of which the first 16 are the routing hash of the message's id. */
  key: bigint;
  accountId: AccountId;
  messageId: MessageId;
  userId: UserId;
  channel: Channel;
  /** Where its links lead, by their numbers. No control characters in them. */
  urls: readonly string[];
  at: Instant;
}

/** What one link of a message is about. */
export interface FoundLink extends Pick<TrackedMessage, 'accountId' | 'messageId' | 'userId' | 'channel'> {
  /** Null: the message has no link of this number. */
  url: string | null;
}

/** The promises: what `keep` has resolved for is found on every node; the calls of a few ms share a statement. */
export interface TrackingStore {
  /** The secret by which links are signed: 32 bytes, the same on all nodes and after every restart. */
  secret(): Promise<Uint8Array>;
  /** Keeps a message. One that is there already (it is sent again) gets the urls and time of now. */
  keep(message: TrackedMessage): Promise<void>;
  /** The message of a key and its link of this number; null when there is none. */
  find(key: bigint, link: number): Promise<FoundLink | null>;
  /** Deletes the messages from before the instant. */
  prune(before: Instant): Promise<void>;
}
