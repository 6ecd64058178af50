/** Webhooks out: what a transition or a batch's end tells whom, the deliveries, and the log's upkeep. */
import type { Batch, BatchCounts } from '#domain/batch.ts';
import type { Instant } from '#domain/time.ts';
import type { Webhook } from '#domain/webhook.ts';
import { WEBHOOK_PATIENCE_MS } from '#domain/webhook-retry.ts';
import type { WebhookOutcome } from '#domain/webhook-retry.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { WebhookSender, WriteEvent } from '#ports/webhook-sender.ts';
import type { CallFilter, CallName, WebhookCall, WebhookStore } from '#ports/webhook-store.ts';
import type { ConfigCache } from './config-cache.ts';
import { startLoop } from './loop.ts';
import { newUuid } from './new-ids.ts';
import { batchEndedCalls, webhookCalls } from './webhook-calls.ts';
import type { ToldTransition } from './webhook-calls.ts';
import { startDelivering } from './webhook-delivery.ts';
import { disabling } from './webhook-disabling.ts';

/** Calls given up or forgotten in one go: small, so that the work of the moment hardly notices. */
const PRUNE_MAX = 500;
/** The pause between two goes while there is more, and when there is nothing. */
const BUSY_MS = 200;
const IDLE_MS = 10_000;
/** Waiting calls that are counted; of more, only that there are so many. */
const COUNTED_MAX = 100_000;
/** Calls that one replay of a range takes. */
const REPLAY_MAX = 100_000;

/** What webhooks need. */
export interface WebhookTools {
  config: ConfigCache;
  webhookStore: WebhookStore;
  webhookSender: WebhookSender;
  writeEvent: WriteEvent;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** Whether this node makes the calls (roles `all` and `worker`). */
  works: boolean;
}

/** Webhooks, running. */
export interface Webhooks {
  /** The calls of a transition; to be stored with it, and then told to {@link Webhooks.written}. */
  callsOf(transition: ToldTransition, now: Instant): WebhookCall[];
  written(calls: readonly CallName[]): void;
  /** Tells that a batch has ended. Told twice, it is told once. */
  batchEnded(batch: Batch, counts: BatchCounts): Promise<void>;
  /** Calls a webhook now, with an event that did not happen; nothing of it is stored. */
  test(webhook: Webhook): Promise<{ id: string; outcome: WebhookOutcome; tookMs: number }>;
  /** Makes a call again; false when there is none. */
  replay(name: CallName): Promise<boolean>;
  /** Makes up to {@link REPLAY_MAX} calls of a time again; their number. */
  replayRange(filter: CallFilter & { until: Instant }): Promise<number>;
  /** What is wrong with an address; null when it may be called. */
  faultOf: WebhookSender['faultOf'];
  /** Since this node started, but for `waiting`, which is of all and some seconds old. */
  figures(): { delivered: number; retried: number; failed: number; waiting: number };
  stop(): Promise<void>;
}

/** Starts delivering and forgetting. */
export function startWebhooks(tools: WebhookTools): Webhooks {
  const { config, webhookStore: store, webhookSender: sender, clock, log } = tools;
  const making = { config, write: tools.writeEvent };
  const judge = disabling({ config, store, clock, log });
  const delivery = tools.works ? startDelivering({ ...tools, store, sender, disabling: judge }) : null;
  const giveUpAt = () => clock.now() + WEBHOOK_PATIENCE_MS;
  let waiting = 0;

  const upkeep = startLoop('webhook log', log, async () => {
    waiting = await store.waiting(COUNTED_MAX);
    if (!tools.works) return IDLE_MS;
    const late = await store.giveUpLate(clock.now(), PRUNE_MAX);
    for (const name of late) await judge.givenUp(name, 'it could not be delivered in time');
    const deleted = await store.prune(clock.now(), PRUNE_MAX);
    return late.length >= PRUNE_MAX || deleted >= PRUNE_MAX ? BUSY_MS : IDLE_MS;
  });

  const written = (calls: readonly CallName[]) => delivery?.written(calls);
  return {
    callsOf: (transition, now) => webhookCalls(making, transition, now),
    written,
    batchEnded: async (batch, counts) => {
      const calls = batchEndedCalls(making, batch, counts, clock.now());
      if (calls.length === 0) return;
      await store.add(calls);
      written(calls);
    },
    test: async ({ accountId, format, url, auth }) => {
      const at = clock.now();
      const id = `${newUuid(at)}_test`;
      const body = tools.writeEvent({ id, type: 'test', at, accountId }, format);
      const allowPrivate = config.account(accountId)?.privateNetwork === 'allow';
      const outcome = await sender.send({ url, id, format, body, auth, allowPrivate }, at);
      return { id, outcome, tookMs: clock.now() - at };
    },
    replay: async (name) => {
      const isThere = await store.replay(name, clock.now(), giveUpAt());
      if (isThere) written([name]);
      return isThere;
    },
    replayRange: (filter) => store.replayRange(filter, clock.now(), giveUpAt(), REPLAY_MAX),
    faultOf: sender.faultOf,
    figures: () => ({ ...(delivery?.counts ?? { delivered: 0, retried: 0, failed: 0 }), waiting }),
    stop: async () => void (await Promise.all([delivery?.stop(), upkeep.stop()])),
  };
}
