/** Tracks events, with what they start. */
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { EventStore } from '#ports/event-store.ts';
import type { ConfigCache } from './config-cache.ts';

/** What tracking an event may say beside it. */
export interface TrackOptions {
  /** The client's own id for the call; see {@link EventStore.track}. */
  request?: { id: string; windowMs: number };
  /** It starts no campaign. */
  skipTriggers?: boolean;
}

/** Stores an event, and with it which campaigns it starts. Resolves when both are durable. */
export type TrackEvent = (event: TrackedEvent, options?: TrackOptions) => Promise<void>;

/** @param hurry called when campaigns wait to be started. */
export function eventTracking({
  config,
  events,
  hurry,
}: {
  config: Pick<ConfigCache, 'startedBy'>;
  events: Pick<EventStore, 'track'>;
  hurry(): void;
}): TrackEvent {
  return async (event, { request, skipTriggers = false } = {}) => {
    const starts = skipTriggers ? [] : config.startedBy(event.accountId, event.eventName);
    await events.track(event, request ?? null, starts);
    if (starts.length > 0) hurry();
  };
}
