/** `on`: the event by which a campaign starts by itself. */
import type { Campaign } from '#domain/campaign.ts';
import { STARTED_ID_LENGTH_MAX, STARTED_MAX } from '#domain/event-start.ts';
import type { CampaignId } from '#domain/ids.ts';
import type { CampaignDraft } from './campaign.ts';
import type { Faults } from './faults.ts';
import { below, blame, mapOf, refuseUnknown, required, textOf } from './reading.ts';
import type { Place } from './reading.ts';

/** Characters of an event's name, as everywhere. */
const EVENT_NAME_MAX = 100;

/** Reads it. @param id the campaign's, where it could be read. */
export function readStartsOn(place: Place, id: CampaignId | undefined): Campaign['on'] {
  const map = mapOf(place);
  if (!map) return undefined;
  refuseUnknown(map, ['event']);
  const event = textOf(required(below(map, 'event'), 'name the event, such as "order_paid"'), EVENT_NAME_MAX);
  if (id !== undefined && id.length > STARTED_ID_LENGTH_MAX) {
    const most = `the id of a campaign that an event starts may have ${STARTED_ID_LENGTH_MAX}`;
    return blame(place, `stands in a campaign whose id has ${id.length} characters; ${most}, make it shorter`);
  }
  return event === undefined ? undefined : { event };
}

/** Adds a fault for each campaign that waits for an event for which as many others wait as may. */
export function refuseCrowdedEvents(stored: Campaign[], drafts: CampaignDraft[], faults: Faults): void {
  const named = new Set(drafts.map(({ id }) => id));
  const waiting = new Map<string, number>();
  const count = ({ event }: NonNullable<Campaign['on']>): number => {
    const its = (waiting.get(event) ?? 0) + 1;
    waiting.set(event, its);
    return its;
  };
  for (const { id, on } of stored) if (on && !named.has(id)) count(on);
  for (const { path, on } of drafts) {
    if (!on || count(on) <= STARTED_MAX) continue;
    const remedy = `take "on" away from one of them`;
    faults.add(
      [...path, 'on', 'event'],
      `"${on.event}" starts ${STARTED_MAX} campaigns already, as many as an event may; ${remedy}`,
    );
  }
}
