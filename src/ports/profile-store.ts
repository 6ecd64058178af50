/** Where profiles live. `tests/conformance/profile-store.ts` says the same in tests. */
import type { AccountId, TransactionId, UserId } from '#domain/ids.ts';
import type { Profile, ProfileFields } from '#domain/profile.ts';

/**
 * By what a user can be looked for. Texts are compared as they are, e-mail addresses in any case, phones without blanks and signs.
 * `subscription`: by a key of `src/domain/subscription.ts`. `attribute`: by `attributeKey` of `src/domain/profile.ts`.
 */
export type UserKey = 'user_id' | 'email' | 'phone' | 'internal_id' | 'subscription' | 'attribute';

/** The promises: concurrent merges of one user lose neither's fields; the calls of a few ms share a statement. */
export interface ProfileStore {
  load(accountId: AccountId, userId: UserId): Promise<Profile | null>;
  /** Creates the profile, or merges the given fields into it (semantics §7). */
  merge(accountId: AccountId, userId: UserId, fields: ProfileFields): Promise<void>;
  /** The same, once per transaction: a repeat for the same transaction changes nothing. */
  mergeOnce(accountId: AccountId, userId: UserId, fields: ProfileFields, transactionId: TransactionId): Promise<void>;
  /** Replaces the whole profile. */
  put(accountId: AccountId, userId: UserId, fields: ProfileFields): Promise<void>;
  /**
   * Takes devices, and subscriptions to push channels, from the profile, by the addresses that pushes to them went to. What is
   * written to the profile meanwhile is not lost. False when it had none of them.
   */
  forgetDevices(accountId: AccountId, userId: UserId, addresses: readonly string[]): Promise<boolean>;
  /** The users of these values, by value; of several with the same, the first by user id. What nobody has is left out. */
  findUsers(accountId: AccountId, key: UserKey, values: string[]): Promise<Map<string, UserId>>;
  /** False when there was none. */
  remove(accountId: AccountId, userId: UserId): Promise<boolean>;
}
