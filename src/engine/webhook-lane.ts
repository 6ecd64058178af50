/** Makes the calls of one lane, one after the other. What comes after a call that has to be made again waits with it. */
import type { Instant } from '#domain/time.ts';
import type { Webhook } from '#domain/webhook.ts';
import { judge } from '#domain/webhook-retry.ts';
import type { WebhookOutcome } from '#domain/webhook-retry.ts';
import type { Clock } from '#ports/clock.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';
import type { ClaimedCall, SettledCall, WebhookName, WebhookStore } from '#ports/webhook-store.ts';
import type { ConfigCache } from './config-cache.ts';
import { untilThere } from './until-there.ts';
import type { Disabling } from './webhook-disabling.ts';
import { noteFailure, noteSuccess } from './webhook-receivers.ts';
import type { Receiver } from './webhook-receivers.ts';
import { keyOf } from './webhook-wanted.ts';

/** When the last call of a lane may begin, after its claim: with its answer, it stays within that. */
const LANE_MAX_MS = 10_000;
/** How often it is written down that a webhook was reached, and of how many that is remembered. */
const NOTE_MS = 60_000;
const NOTED_MAX = 10_000;

/** What calling needs. */
export interface LaneTools {
  config: ConfigCache;
  store: WebhookStore;
  sender: WebhookSender;
  disabling: Disabling;
  clock: Clock;
  /** Aborted when the node must not wait any longer. */
  signal: AbortSignal;
}

/** What came of the calls of this node. */
export interface DeliveryCounts {
  delivered: number;
  retried: number;
  failed: number;
}

/** What became of one call: when that is written, and when what comes after it is due (null: now). */
interface Made {
  written: Promise<unknown>;
  dueAt: Instant | null;
}

/** @param isStopping once it does, no further call of a lane is begun. */
export function laneDelivery(tools: LaneTools, counts: DeliveryCounts, isStopping: () => boolean) {
  const { config, store, sender, disabling, clock, signal } = tools;
  const noteReached = reachedNotes(tools);
  const settle = (call: SettledCall) => untilThere(() => store.settle(call), signal);

  async function make(webhook: Webhook, call: ClaimedCall, receiver: Receiver): Promise<Made> {
    const outcome = await sender.send(outgoing(config, webhook, call), clock.now());
    const now = clock.now();
    const verdict = judge(outcome, call, now, Math.random());
    const dueAt = 'dueAt' in verdict ? verdict.dueAt : null;
    const written = settle(settledAs(call, { what: verdict.next, ...answerOf(outcome), dueAt }, now));
    if (outcome.kind === 'delivered') {
      counts.delivered += 1;
      noteSuccess(receiver);
      return { written: Promise.all([written, noteReached(call, now)]), dueAt };
    }
    counts[verdict.next === 'failed' ? 'failed' : 'retried'] += 1;
    noteFailure(receiver, now, outcome.kind === 'failed' ? outcome.retryAfterMs : null);
    await written;
    if (outcome.kind === 'gone') await disabling.gone(call);
    else if (verdict.next === 'failed') await disabling.givenUp(call, outcome.error);
    return { written, dueAt };
  }

  /** Resolves when everything is written; what is left over is put back, for another time. */
  return async (lane: ClaimedCall[], receiver: Receiver): Promise<void> => {
    const startedAt = clock.now();
    const writing: Promise<unknown>[] = [];
    let dueAt: Instant | null = null;
    for (const call of lane) {
      const now = clock.now();
      const webhook = config.webhook(call.accountId, call.webhookId);
      if (dueAt === null && webhook?.enabled && now - startedAt <= LANE_MAX_MS && !isStopping()) {
        const made = await make(webhook, call, receiver);
        writing.push(made.written);
        ({ dueAt } = made);
      } else {
        const putBack = { what: 'put_back' as const, dueAt: dueAt ?? now, status: null, error: null };
        writing.push(settle(settledAs(call, putBack, now)));
      }
    }
    await Promise.all(writing);
  };
}

/** Tells the store of successes, now and then: nobody needs to know more exactly. */
function reachedNotes({ store, signal }: LaneTools): (name: WebhookName, now: Instant) => Promise<void> {
  const notedAt = new Map<string, Instant>();
  return async (name, now) => {
    const key = keyOf(name);
    if ((notedAt.get(key) ?? 0) > now - NOTE_MS) return;
    notedAt.delete(key);
    notedAt.set(key, now);
    if (notedAt.size > NOTED_MAX) notedAt.delete(notedAt.keys().next().value!);
    await untilThere(() => store.noteDelivered(name, now), signal);
  };
}

function outgoing(config: ConfigCache, { url, auth, accountId }: Webhook, { id, format, body }: ClaimedCall) {
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
