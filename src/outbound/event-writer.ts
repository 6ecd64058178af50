import { unreachable } from '#domain/unreachable.ts';
import type { WriteEvent } from '#ports/webhook-sender.ts';
import { cloudEvent } from './cloud-events.ts';
import { connectlyEvent } from './connectly-events.ts';
import { webengageEvent } from './webengage-events.ts';
import { xtremepushEvent } from './xtremepush-events.ts';

/** Writes events in every format. @param source Carom's own address, without a trailing slash. */
export function eventWriter(source: string): WriteEvent {
  return (event, format) => {
    switch (format) {
      case 'cloudevents':
        return cloudEvent(event, source);
      case 'xtremepush':
        return xtremepushEvent(event);
      case 'connectly':
        return connectlyEvent(event);
      case 'webengage':
        return webengageEvent(event);
      default:
        return unreachable(format);
    }
  };
}
