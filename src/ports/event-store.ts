/** Where tracked events live. */
import type { AccountId, UserId } from '#domain/ids.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { Page } from './transaction-store.ts';

/** The promises: an event is stored once per id; the calls of a few ms share a statement. */
export interface EventStore {
  /** Stores the event; one with the same id, account and user is already there: nothing. */
  track(event: TrackedEvent): Promise<void>;
  list(
    filter: { accountId: AccountId; userId?: UserId; eventName?: string },
    limit: number,
    cursor: string | null,
  ): Promise<Page<TrackedEvent>>;
}
