/** Disabling webhooks that nobody answers any more. */
import type { Instant } from '#domain/time.ts';
import { WEBHOOK_PATIENCE_MS } from '#domain/webhook-retry.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { WebhookName, WebhookStore } from '#ports/webhook-store.ts';
import type { ConfigCache } from './config-cache.ts';

/** How often it is looked up whether a webhook has been reached lately. */
const LOOK_MS = 60_000;

/** What disabling needs. */
export interface DisablingTools {
  config: ConfigCache;
  store: WebhookStore;
  clock: Clock;
  log: Log;
}

/** The judge of webhooks. */
export interface Disabling {
  /** The receiver said that it is gone. */
  gone(name: WebhookName): Promise<void>;
  /** A call was given up: when nothing has been delivered for as long as that call was tried, the webhook is disabled. */
  givenUp(name: WebhookName, error: string): Promise<void>;
}

/** With nothing looked up yet. */
export function disabling({ config, store, clock, log }: DisablingTools): Disabling {
  const lookedAt = new Map<string, Instant>();

  async function disable({ accountId, webhookId }: WebhookName, reason: string): Promise<void> {
    await config.change(() => {
      const webhook = config.webhook(accountId, webhookId);
      return webhook?.enabled ? { webhooks: [{ ...webhook, enabled: false, disabledReason: reason }] } : null;
    });
    log.warn({ accountId, webhook: webhookId, reason }, 'a webhook was disabled');
  }

  /** At most once in {@link LOOK_MS}, whatever is given up meanwhile. */
  function isTimeToLook(key: string, now: Instant): boolean {
    for (const [other, at] of lookedAt) if (at <= now - LOOK_MS) lookedAt.delete(other);
    if (lookedAt.has(key)) return false;
    lookedAt.set(key, now);
    return true;
  }

  return {
    gone: (name) => disable(name, 'the receiver answered 410 Gone; once it is back, enable the webhook'),
    givenUp: async (name, error) => {
      const now = clock.now();
      if (!isTimeToLook(JSON.stringify([name.accountId, name.webhookId]), now)) return;
      const last = await store.lastDelivered(name);
      // What is remembered is true to the minute.
      if (last !== null && last > now - WEBHOOK_PATIENCE_MS - LOOK_MS) return;
      await disable(
        name,
        `no call has succeeded for 24 hours (the last one: ${error}); mend the receiver, then enable the webhook`,
      );
    },
  };
}
