/** Where tracked events live. */
import type { AccountId, UserId } from '#domain/ids.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { Page } from './transaction-store.ts';

/** The promises: an event is stored once per id; the calls of a few ms share a statement. */
export interface EventStore {
  /**
   * Stores the event; one with the same id, account and user is already there: nothing.
   * @param request the client's own id for the call: another event of the account and user under the same one, within
   *   its window, is a repeat and not stored.
   */
  track(event: TrackedEvent, request?: { id: string; windowMs: number }): Promise<void>;
  list(
    filter: { accountId: AccountId; userId?: UserId; eventName?: string },
    limit: number,
    cursor: string | null,
  ): Promise<Page<TrackedEvent>>;
}
