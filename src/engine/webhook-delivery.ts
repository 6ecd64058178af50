/**
 * Makes the calls that wait. They wait as rows; in memory are only those under way, a bounded number for each receiver. A webhook
 * whose calls this node has written is looked after at once, others' and retries by polling.
 */
import type { Instant } from '#domain/time.ts';
import type { Log } from '#ports/log.ts';
import type { CallName, CallRoom, ClaimedCall, WebhookName } from '#ports/webhook-store.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import { laneDelivery } from './webhook-lane.ts';
import type { DeliveryCounts, LaneTools } from './webhook-lane.ts';
import { createReceivers, roomOf } from './webhook-receivers.ts';
import { createWanted, keyOf } from './webhook-wanted.ts';
import type { Wanted } from './webhook-wanted.ts';

/** How often the database is asked for retries, and for calls that other nodes wrote. */
const POLL_MS = 1_000;
/** Webhooks whose calls are looked for in one statement, and that are asked for at a time. */
const WEBHOOKS_PER_CLAIM = 32;
const WEBHOOKS_PER_POLL = 500;
/** Calls under way on one node; further ones wait as rows. */
const UNDER_WAY_MAX = 1_024;
/** How long a claimed call is ours. Should this node die, another makes it after that. */
const CLAIM_MS = 30_000;
/** A webhook that this node has not known for so long is gone: what waits for it is given up, so many calls at a time. */
const UNKNOWN_MS = 60_000;
const UNKNOWN_MAX = 10_000;
const GIVE_UP_PAGE = 500;

/** What delivering needs. */
export interface DeliveryTools extends LaneTools {
  log: Log;
}

/** The running deliveries. */
export interface Delivery extends Loop {
  /** These have been stored: somebody must make them. */
  written(calls: readonly CallName[]): void;
  counts: DeliveryCounts;
  /** Claims nothing more; resolves when the calls under way are settled. */
  stop(): Promise<void>;
}

type Room = CallRoom & Pick<Wanted, 'near'>;

/** Starts delivering. */
export function startDelivering(tools: DeliveryTools): Delivery {
  const { store, clock, log } = tools;
  const wanted = createWanted();
  const counts: DeliveryCounts = { delivered: 0, retried: 0, failed: 0 };
  const hands = createHands(tools, wanted, counts, () => loop.hurry());
  const giveUpUnknown = unknownWebhooks(tools);
  const loop = startLoop('webhooks', log, turn);
  let pollAt: Instant = 0;

  async function turn(): Promise<number> {
    const now = clock.now();
    if (now >= pollAt) {
      for (const call of await store.due(now, WEBHOOKS_PER_POLL)) wanted.add(call, [call.id]);
      pollAt = now + POLL_MS;
    }
    const rooms = await takeRooms(now);
    for (let from = 0; from < rooms.length; from += WEBHOOKS_PER_CLAIM) {
      await claimFor(rooms.slice(from, from + WEBHOOKS_PER_CLAIM), now);
    }
    return Math.max(0, pollAt - clock.now());
  }

  /** Those of the wanted webhooks that may be called now; who is full stays wanted, who is left alone comes again by polling. */
  async function takeRooms(now: Instant): Promise<Room[]> {
    const rooms: Room[] = [];
    let left = UNDER_WAY_MAX - hands.underWay();
    for (const one of wanted.take()) {
      const webhook = tools.config.webhook(one.accountId, one.webhookId);
      await giveUpUnknown(one, webhook !== null, now);
      if (!webhook?.enabled) continue;
      const receiver = hands.receiverOf(one);
      const calls = Math.min(roomOf(receiver, now), left);
      left -= calls;
      if (calls > 0) rooms.push({ ...one, calls });
      else if (now >= receiver.pausedUntil) wanted.add(one, one.near);
    }
    return rooms;
  }

  async function claimFor(rooms: Room[], now: Instant): Promise<void> {
    for (const room of rooms) hands.receiverOf(room).looks += 1;
    const claimed = await store.claim(rooms, now, CLAIM_MS, nearOf(rooms)).catch((error: unknown) => {
      for (const room of rooms) wanted.add(room, room.near);
      throw error;
    });
    const counted = Map.groupBy(claimed, keyOf);
    for (const room of rooms) {
      // As many as there was room for: there may be more.
      if ((counted.get(keyOf(room))?.length ?? 0) >= room.calls) wanted.add(room, room.near);
    }
    hands.take(claimed);
    if (wanted.size() > 0 && claimed.length > 0) loop.hurry();
  }

  return {
    ...loop,
    counts,
    written: (calls) => {
      for (const call of calls) wanted.add(call, [call.id]);
      if (calls.length > 0) loop.hurry();
    },
    stop: async () => {
      hands.stop();
      await loop.stop();
      await hands.idle();
    },
  };
}

/** Ids of calls of all of them; null: everywhere. */
function nearOf(rooms: Room[]): string[] | null {
  return rooms.some(({ near }) => near === null) ? null : rooms.flatMap((room) => [...room.near!]);
}

/** The calls under way. @param hurry has the loop look again. */
function createHands(
  tools: DeliveryTools,
  wanted: ReturnType<typeof createWanted>,
  counts: DeliveryCounts,
  hurry: () => void,
) {
  const receivers = createReceivers();
  let underWay = 0;
  let isStopping = false;
  let whenIdle: (() => void) | null = null;
  const deliverLane = laneDelivery(tools, counts, () => isStopping);

  async function deliver(lane: ClaimedCall[]): Promise<void> {
    const receiver = receivers.of(lane[0]!);
    const { looks } = receiver;
    receiver.underWay += lane.length;
    underWay += lane.length;
    try {
      await deliverLane(lane, receiver);
    } catch (error) {
      tools.log.error({ webhook: lane[0]!.webhookId, error }, 'a webhook’s call broke off; it comes again');
    }
    receiver.underWay -= lane.length;
    underWay -= lane.length;
    // Whoever looked meanwhile may have left behind what comes after these in their lane.
    if (receiver.looks > looks) wanted.add(lane[0]!, [lane[0]!.id]);
    if (wanted.size() > 0) hurry();
    if (underWay === 0) whenIdle?.();
  }

  return {
    receiverOf: receivers.of,
    underWay: () => underWay,
    take: (claimed: ClaimedCall[]) => {
      const lanes = Map.groupBy(claimed, (call) => `${call.lane} ${keyOf(call)}`);
      for (const lane of lanes.values()) void deliver(lane.toSorted((a, b) => a.position - b.position));
    },
    stop: () => {
      isStopping = true;
    },
    idle: () => (underWay === 0 ? Promise.resolve() : new Promise<void>((resolve) => (whenIdle = resolve))),
  };
}

/** Gives up what waits for webhooks that are gone; one that this node does not know may be so new that it has not heard of it yet. */
function unknownWebhooks({ store }: DeliveryTools) {
  const since = new Map<string, Instant>();
  return async (name: WebhookName, isKnown: boolean, now: Instant): Promise<void> => {
    const key = keyOf(name);
    if (isKnown) return void since.delete(key);
    if (!since.has(key)) since.set(key, now);
    if (since.size > UNKNOWN_MAX) since.delete(since.keys().next().value!);
    const isGone = now - since.get(key)! >= UNKNOWN_MS;
    if (isGone) await store.giveUpAll(name, now, 'the webhook was removed', GIVE_UP_PAGE);
  };
}
