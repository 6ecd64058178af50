/** The webhooks that may have calls due, and where: found again in the order in which they were wanted first. */
import type { WebhookName } from '#ports/webhook-store.ts';

/** Ids kept of a webhook's waiting calls, to know in which buckets to look; of more, all are looked into. */
const NEAR_MAX = 200;

/** A webhook, and ids of some of its calls; null: they may be anywhere. */
export interface Wanted extends WebhookName {
  near: ReadonlySet<string> | null;
}

/** What is wanted. */
export interface WantedWebhooks {
  add(name: WebhookName, near: Iterable<string> | null): void;
  /** All of them, which are then wanted no more. */
  take(): Wanted[];
  size(): number;
}

/** Nothing yet. */
export function createWanted(): WantedWebhooks {
  let wanted = new Map<string, WebhookName & { near: Set<string> | null }>();
  return {
    add({ accountId, webhookId }, ids) {
      const key = keyOf({ accountId, webhookId });
      const one = wanted.get(key) ?? { accountId, webhookId, near: new Set<string>() };
      wanted.set(key, one);
      if (ids === null) one.near = null;
      else for (const id of ids) one.near?.add(id);
      if (one.near && one.near.size > NEAR_MAX) one.near = null;
    },
    take() {
      const all = [...wanted.values()];
      wanted = new Map();
      return all;
    },
    size: () => wanted.size,
  };
}

/** One string for a webhook. */
export function keyOf({ accountId, webhookId }: WebhookName): string {
  return JSON.stringify([accountId, webhookId]);
}
