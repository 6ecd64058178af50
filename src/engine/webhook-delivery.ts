/**
 * Makes the calls that wait. They wait as rows; in memory are only those under way, a bounded number for each receiver. A webhook
 * whose calls this node has written is looked after at once, others' and retries by polling.
 */
import type { Instant } from '#domain/time.ts';
import type { Webhook } from '#domain/webhook.ts';
import { judge } from '#domain/webhook-retry.ts';
import type { WebhookOutcome } from '#domain/webhook-retry.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';
import type { CallName, CallRoom, ClaimedCall, SettledCall, WebhookCall, WebhookName, WebhookStore } from '#ports/webhook-store.ts';
import type { ConfigCache } from './config-cache.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import { untilThere } from './until-there.ts';
import type { Disabling } from './webhook-disabling.ts';
import { createReceivers, noteFailure, noteSuccess, roomOf } from './webhook-receivers.ts';
import type { Receiver } from './webhook-receivers.ts';

/** How often the database is asked for retries, and for calls that other nodes wrote. */
const POLL_MS = 1_000;
/** Webhooks whose calls are looked for in one statement, and that are asked for at a time. */
const WEBHOOKS_PER_CLAIM = 32;
const WEBHOOKS_PER_POLL = 500;
/** Webhooks of which something is remembered here. */
const REMEMBERED_MAX = 10_000;
/** Calls under way on one node; further ones wait as rows. */
const UNDER_WAY_MAX = 1_024;
/** How long a claimed call is ours. Should this node die, another makes it after that. */
const CLAIM_MS = 30_000;
/** When the last call of a lane may begin: with its answer, it stays within the claim. */
const LANE_MAX_MS = 10_000;
/** Ids kept of a webhook's waiting calls, to know in which buckets to look; of more, all are looked into. */
const NEAR_MAX = 200;
/** A webhook that no node knows for so long is gone: what waits for it is given up. */
const UNKNOWN_MS = 60_000;
const GIVE_UP_PAGE = 500;
/** How often it is written down that a webhook was reached. */
const NOTE_MS = 60_000;

/** What delivering needs. */
export interface DeliveryTools {
  config: ConfigCache;
  store: WebhookStore;
  sender: WebhookSender;
  disabling: Disabling;
  clock: Clock;
  log: Log;
  /** Aborted when the node must not wait any longer. */
  signal: AbortSignal;
}

/** The running deliveries. */
export interface Delivery extends Loop {
  /** These have been stored: somebody must make them. */
  written(calls: readonly CallName[]): void;
  counts: { delivered: number; retried: number; failed: number };
  /** Claims nothing more; resolves when the calls under way are settled. */
  stop(): Promise<void>;
}

/** A webhook that may have calls due, and where: ids of some of them, or null for everywhere. */
interface Wanted extends WebhookName {
  near: Set<string> | null;
}

/** Starts delivering. */
export function startDelivering(tools: DeliveryTools): Delivery {
  const { config, store, clock, log } = tools;
  const receivers = createReceivers();
  const unknownSince = new Map<string, Instant>();
  const counts = { delivered: 0, retried: 0, failed: 0 };
  let wanted = new Map<string, Wanted>();
  let underWay = 0;
  let pollAt = 0;
  let isStopping = false;
  let whenIdle = () => {};
  const deliverLane = laneDelivery(tools, counts, () => isStopping);
  const loop = startLoop('webhooks', log, turn);

  function want({ accountId, webhookId }: WebhookName, ids: Iterable<string> | null): void {
    const key = keyOf({ accountId, webhookId });
    const known = wanted.get(key);
    const near = known ? known.near : new Set<string>();
    if (ids === null || near === null) return void wanted.set(key, { accountId, webhookId, near: null });
    for (const id of ids) near.add(id);
    wanted.set(key, { accountId, webhookId, near: near.size > NEAR_MAX ? null : near });
  }

  async function turn(): Promise<number> {
    const now = clock.now();
    if (now >= pollAt) {
      for (const call of await store.due(now, WEBHOOKS_PER_POLL)) want(call, [call.id]);
      pollAt = now + POLL_MS;
    }
    const rooms = await takeRooms(now);
    for (let from = 0; from < rooms.length; from += WEBHOOKS_PER_CLAIM) {
      await claimFor(rooms.slice(from, from + WEBHOOKS_PER_CLAIM), now);
    }
    return Math.max(0, pollAt - clock.now());
  }

  /** Those of the wanted webhooks that may be called now; who is full stays wanted, who is left alone comes again by polling. */
  async function takeRooms(now: Instant): Promise<(CallRoom & { near: Set<string> | null })[]> {
    const rooms: (CallRoom & { near: Set<string> | null })[] = [];
    const looking = wanted;
    wanted = new Map();
    let left = UNDER_WAY_MAX - underWay;
    for (const one of looking.values()) {
      const webhook = config.webhook(one.accountId, one.webhookId);
      if (!webhook) await giveUpUnknown(one, now);
      else unknownSince.delete(keyOf(one));
      if (webhook?.enabled) {
        const receiver = receivers.of(one);
        const calls = Math.min(roomOf(receiver, now), left);
        left -= calls;
        if (calls > 0) rooms.push({ accountId: one.accountId, webhookId: one.webhookId, calls, near: one.near });
        else if (now >= receiver.pausedUntil) want(one, one.near);
      }
    }
    return rooms;
  }

  async function claimFor(rooms: (CallRoom & { near: Set<string> | null })[], now: Instant): Promise<void> {
    const isEverywhere = rooms.some(({ near }) => near === null);
    const near = isEverywhere ? null : rooms.flatMap((room) => [...room.near!]);
    for (const room of rooms) receivers.of(room).looks += 1;
    let claimed: ClaimedCall[];
    try {
      claimed = await store.claim(rooms, now, CLAIM_MS, near);
    } catch (error) {
      for (const room of rooms) want(room, room.near);
      throw error;
    }
    const byWebhook = Map.groupBy(claimed, keyOf);
    for (const room of rooms) {
      // As many as there was room for: there may be more.
      if ((byWebhook.get(keyOf(room))?.length ?? 0) >= room.calls) want(room, room.near);
    }
    const lanes = Map.groupBy(claimed, (call) => `${call.lane} ${keyOf(call)}`);
    for (const lane of lanes.values()) void deliver(lane.toSorted((a, b) => a.position - b.position));
    if (wanted.size > 0 && claimed.length > 0) loop.hurry();
  }

  async function deliver(lane: ClaimedCall[]): Promise<void> {
    const receiver = receivers.of(lane[0]!);
    const { looks } = receiver;
    receiver.underWay += lane.length;
    underWay += lane.length;
    try {
      await deliverLane(lane, receiver);
    } catch (error) {
      log.error({ webhook: lane[0]!.webhookId, error }, 'a webhook’s call broke off; it comes again');
    }
    receiver.underWay -= lane.length;
    underWay -= lane.length;
    // Whoever looked meanwhile may have left behind what comes after these in their lane.
    if (receiver.looks > looks) want(lane[0]!, [lane[0]!.id]);
    if (wanted.size > 0) loop.hurry();
    if (underWay === 0) whenIdle();
  }

  /** It may be so new that this node does not know it yet. */
  async function giveUpUnknown(name: WebhookName, now: Instant): Promise<void> {
    const key = keyOf(name);
    const since = unknownSince.get(key) ?? now;
    unknownSince.set(key, since);
    if (unknownSince.size > REMEMBERED_MAX) unknownSince.delete(unknownSince.keys().next().value!);
    if (now - since >= UNKNOWN_MS) await store.giveUpAll(name, now, 'the webhook was removed', GIVE_UP_PAGE);
  }

  return {
    ...loop,
    counts,
    written: (calls) => {
      for (const call of calls) want(call, [call.id]);
      if (calls.length > 0) loop.hurry();
    },
    stop: async () => {
      isStopping = true;
      await loop.stop();
      if (underWay > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
  };
}

function keyOf({ accountId, webhookId }: WebhookName): string {
  return JSON.stringify([accountId, webhookId]);
}

/** Makes the calls of one lane, one after the other. What comes after a call that has to be made again waits with it. */
function laneDelivery(tools: DeliveryTools, counts: Delivery['counts'], isStopping: () => boolean) {
  const { config, store, sender, disabling, clock, signal } = tools;
  const notedAt = new Map<string, Instant>();

  const settle = (call: SettledCall) => untilThere(() => store.settle(call), signal);

  /** Tells the store of a success, now and then: nobody needs to know more exactly. */
  async function note(name: WebhookName, now: Instant): Promise<void> {
    const key = keyOf(name);
    if ((notedAt.get(key) ?? 0) > now - NOTE_MS) return;
    notedAt.delete(key);
    notedAt.set(key, now);
    if (notedAt.size > REMEMBERED_MAX) notedAt.delete(notedAt.keys().next().value!);
    await untilThere(() => store.noteDelivered(name, now), signal);
  }

  /** Makes one call and has what became of it written; says when what comes after it is due, null: now. */
  async function make(webhook: Webhook, call: ClaimedCall, receiver: Receiver): Promise<{ written: Promise<void>; dueAt: Instant | null }> {
    const outcome = await sender.send(outgoing(config, webhook, call), clock.now());
    const now = clock.now();
    const verdict = judge(outcome, call, now, Math.random());
    const told = settledAs(call, { what: verdict.state, ...answerOf(outcome), dueAt: 'dueAt' in verdict ? verdict.dueAt : null }, now);
    const written = settle(told);
    if (outcome.kind === 'delivered') {
      counts.delivered += 1;
      noteSuccess(receiver);
      return { written: Promise.all([written, note(call, now)]).then(() => undefined), dueAt: null };
    }
    counts[verdict.state === 'failed' ? 'failed' : 'retried'] += 1;
    noteFailure(receiver, now, outcome.kind === 'failed' ? outcome.retryAfterMs : null);
    await written;
    if (outcome.kind === 'gone') await disabling.gone(call);
    else if (verdict.state === 'failed') await disabling.givenUp(call, outcome.error);
    return { written, dueAt: told.dueAt };
  }

  return async (lane: ClaimedCall[], receiver: Receiver): Promise<void> => {
    const startedAt = clock.now();
    const writing: Promise<void>[] = [];
    let dueAt: Instant | null = null;
    for (const call of lane) {
      const now = clock.now();
      const webhook = config.webhook(call.accountId, call.webhookId);
      if (dueAt !== null || !webhook?.enabled || now - startedAt > LANE_MAX_MS || isStopping()) {
        const answer = { what: 'put_back' as const, dueAt: dueAt ?? now, status: null, error: null };
        writing.push(settle(settledAs(call, answer, now)));
        continue;
      }
      const made = await make(webhook, call, receiver);
      writing.push(made.written);
      dueAt = made.dueAt;
    }
    await Promise.all(writing);
  };
}

function outgoing(config: ConfigCache, { url, auth, accountId }: Webhook, { id, format, body }: ClaimedCall | WebhookCall) {
  const allowPrivate = config.account(accountId)?.privateNetwork === 'allow';
  return { url, auth, id, format, body, allowPrivate };
}

function answerOf(outcome: WebhookOutcome): Pick<SettledCall, 'status' | 'error'> {
  return { status: outcome.status, error: outcome.kind === 'delivered' ? null : outcome.error };
}

function settledAs(
  { accountId, webhookId, lane, id }: ClaimedCall,
  became: Pick<SettledCall, 'what' | 'dueAt' | 'status' | 'error'>,
  at: Instant,
): SettledCall {
  return { accountId, webhookId, lane, id, ...became, at };
}
