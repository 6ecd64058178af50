import type { WriteEvent } from '#ports/webhook-sender.ts';
import { cloudEvent } from './cloud-events.ts';
import { xtremepushEvent } from './xtremepush-events.ts';

/** Writes events in every format. @param source Carom's own address, without a trailing slash. */
export function eventWriter(source: string): WriteEvent {
  return (event, format) => (format === 'cloudevents' ? cloudEvent(event, source) : xtremepushEvent(event));
}
