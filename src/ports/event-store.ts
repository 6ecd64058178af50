/** Where tracked events live. */
import type { EventStart } from '#domain/event-start.ts';
import type { AccountId, CampaignId, UserId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { Page } from './transaction-store.ts';

/**
 * The promises: an event is stored once per id; the calls of a few ms share a statement. What an event starts is stored with it
 * or not at all, and is there until it is finished; a claimed start is claimed by nobody else until the claim ends.
 */
export interface EventStore {
  /**
   * Stores the event; one with the same id, account and user is already there: nothing.
   * @param request the client's own id for the call: another event of the account and user under the same one, within
   *   its window, is a repeat and not stored.
   * @param starts the campaigns that it starts; what is not stored starts none.
   */
  track(
    event: TrackedEvent,
    request?: { id: string; windowMs: number } | null,
    starts?: readonly CampaignId[],
  ): Promise<void>;
  /** Up to `limit` starts that are due, longest first; ours for `claimMs`, due again after that. */
  claimStarts(now: Instant, limit: number, claimMs: number): Promise<EventStart[]>;
  /** Each campaign has its transaction, or gets none: nobody need look at it again. */
  finishStart(start: EventStart): Promise<void>;
  list(
    filter: { accountId: AccountId; userId?: UserId; eventName?: string },
    limit: number,
    cursor: string | null,
  ): Promise<Page<TrackedEvent>>;
}
