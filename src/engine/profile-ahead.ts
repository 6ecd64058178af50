/** Reads a user's profile while the intent to send to him is being stored: two waits for the database become one. */
import type { Profile } from '#domain/profile.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { ProfileStore } from '#ports/profile-store.ts';

/** Profiles by the state of a transaction they are needed for. */
export interface ProfileAhead {
  /** It will be asked for soon, for this very state of the transaction. */
  expect(transaction: Transaction): void;
  /** The profile, read by now or read now. */
  of(transaction: Transaction): Promise<Profile | null>;
}

/** Nothing read ahead. What is expected and never asked for goes with its transaction. */
export function profileAhead(profiles: ProfileStore): ProfileAhead {
  const ahead = new WeakMap<Transaction, Promise<Profile | null>>();
  const read = ({ accountId, userId }: Transaction) => profiles.load(accountId, userId);
  return {
    expect: (transaction) => {
      const reading = read(transaction);
      ahead.set(transaction, reading);
      // Whoever asks will read again.
      reading.catch(() => ahead.delete(transaction));
    },
    of: (transaction) => ahead.get(transaction) ?? read(transaction),
  };
}
