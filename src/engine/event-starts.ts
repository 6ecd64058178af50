/**
 * Starts the campaigns that wait for an event. What an event starts is stored with it; here it becomes a transaction for each
 * campaign, as if somebody had asked for it.
 *
 * A crash anywhere makes a start come again, here or on another node, and its transactions are then repeats: their txnIds name
 * the event and the campaign. So each campaign is started once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startedRequest } from '#domain/event-start.ts';
import type { EventStart } from '#domain/event-start.ts';
import type { CampaignId } from '#domain/ids.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import type { EventStore } from '#ports/event-store.ts';
import type { Log } from '#ports/log.ts';
import { accept } from './accept.ts';
import type { AcceptResult, AcceptTools } from './accept.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';

/** How often starts of other nodes, or from before a restart, are looked for. */
const POLL_MS = 500;
/** Events taken in one go: each has its data with it, up to a megabyte. */
const CLAIM_MAX = 50;
/** How long a claimed event is ours: should this node die, another takes it after that. */
const CLAIM_MS = 10_000;
/** Transactions of any kind in a node's hands, over which events wait. */
const IN_HAND_MAX = 4_000;
/** How often it is looked whether there is room. */
const ROOM_MS = 5;

/** What starting needs. */
export interface StartTools extends Omit<AcceptTools, 'advancer'> {
  events: EventStore;
  log: Log;
  advancer(): AcceptTools['advancer'];
}

/** The running starts. */
export interface EventStarts extends Loop {
  /** Transactions that this node has started, and campaigns that it could not start any more. */
  counts: { started: number; refused: number };
}

/** Starts looking for events that start something. */
export function startEventStarts(tools: StartTools): EventStarts {
  const { events, clock, log } = tools;
  const counts = { started: 0, refused: 0 };
  const work = { isStopping: false };
  const loop = startLoop('events that start campaigns', log, turn);

  async function turn(): Promise<number> {
    if (!hasRoom()) return ROOM_MS;
    const due = await events.claimStarts(clock.now(), CLAIM_MAX, CLAIM_MS);
    await Promise.all(due.map(start));
    return due.length === CLAIM_MAX ? 0 : POLL_MS;
  }

  function hasRoom(): boolean {
    return tools.advancer().size() < IN_HAND_MAX;
  }

  /** Never throws: a start that breaks off comes again when its claim is over. */
  async function start(one: EventStart): Promise<void> {
    const { event, campaignIds } = one;
    try {
      for (const campaignId of campaignIds) {
        while (!hasRoom() && !work.isStopping) await sleep(ROOM_MS);
        if (work.isStopping) return;
        await startCampaign(event, campaignId);
      }
      await events.finishStart(one);
    } catch (error) {
      log.warn({ eventId: event.id, error }, 'an event could not start its campaigns; they are started later');
    }
  }

  async function startCampaign(event: TrackedEvent, campaignId: CampaignId): Promise<void> {
    let result = await ask(event, campaignId);
    // The event may have been tracked on a node that knows a newer configuration than this one.
    if (result === null || result.kind === 'refused') {
      await tools.config.refresh();
      result = await ask(event, campaignId);
    }
    if (result?.kind === 'accepted') {
      counts.started += 1;
      tools.limits.use(event.accountId, 'transaction', 1);
    } else if (result === null || result.kind === 'refused') {
      counts.refused += 1;
      const why = result?.refusal.message ?? 'there is no such account';
      log.info({ eventId: event.id, campaignId, why }, 'an event started a campaign that cannot be started any more');
    }
  }

  async function ask(event: TrackedEvent, campaignId: CampaignId): Promise<AcceptResult | null> {
    const account = tools.config.account(event.accountId);
    const accepting = { ...tools, advancer: tools.advancer() };
    return account && accept(accepting, account, startedRequest(event, campaignId));
  }

  return {
    ...loop,
    counts,
    stop: async () => {
      work.isStopping = true;
      await loop.stop();
    },
  };
}
