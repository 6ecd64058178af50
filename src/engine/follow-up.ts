/** Steps 4 and 5 of semantics §5: the event and the profile upsert, once per transaction, blocking nothing. */
import { eventDataOf } from '#domain/tracked-event.ts';
import type { TimelineEntry } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import type { TrackEvent } from './event-tracking.ts';
import { untilThere } from './until-there.ts';

/** What the follow-ups need. */
export interface FollowUpTools {
  track: TrackEvent;
  profiles: ProfileStore;
  clock: Clock;
  log: Log;
  /** Aborted when the node must not wait any longer. */
  signal: AbortSignal;
}

/** Tracks the transaction's event; done again after a crash, it is the same event. */
export async function track(tools: FollowUpTools, { transaction, request }: StoredTransaction): Promise<TimelineEntry> {
  const { id, accountId, userId, txnId } = transaction;
  const eventName = request.eventName!;
  const { token, phone, email, ttl, skipTriggers } = request;
  const eventTime = tools.clock.now();
  const eventData = eventDataOf({ token, phone, email, txnId, ttl });
  return noted(tools, transaction.id, 'event.tracked', 'event.failed', eventName, () =>
    tools.track({ id, accountId, userId, eventName, eventTime, eventData }, { skipTriggers }),
  );
}

/** Updates the user's profile; done again after a crash, nothing more is changed. */
export async function upsert(
  tools: FollowUpTools,
  { transaction, request }: StoredTransaction,
): Promise<TimelineEntry> {
  const { id, accountId, userId } = transaction;
  const fields = request.profile ?? {};
  const names = Object.keys(fields).join(', ');
  return noted(tools, id, 'profile.updated', 'profile.failed', names, () =>
    tools.profiles.mergeOnce(accountId, userId, fields, id),
  );
}

async function noted(
  { clock, log, signal }: FollowUpTools,
  transactionId: string,
  done: string,
  failed: string,
  detail: string,
  work: () => Promise<void>,
): Promise<TimelineEntry> {
  try {
    await untilThere(work, signal);
    return { at: clock.now(), what: done, leg: null, message: null, detail };
  } catch (error) {
    if (signal.aborted) throw error;
    log.error({ transactionId, error, what: failed }, 'a follow-up failed; it is not retried');
    return { at: clock.now(), what: failed, leg: null, message: null, detail };
  }
}
