/** Calls of webhooks, for tests of what stores them. */
import type { Instant } from '#domain/time.ts';
import type { ClaimedCall, SettledCall, WebhookCall, WebhookStore } from '#ports/webhook-store.ts';
import { acceptance, NOW } from './acceptance.ts';

export const CLAIM_MS = 60_000;
export const ALL = 10_000;
export const HOOK = { accountId: 'demo', webhookId: 'crm' };
export const OTHER = { accountId: 'demo', webhookId: 'audit' };
export const PATIENCE_MS = 86_400_000;

/** A call about a transaction, of which it is the nth. */
export function call(changes: Partial<WebhookCall> = {}): WebhookCall {
  const lane = changes.lane ?? acceptance().stored.transaction.id;
  const position = changes.position ?? 0;
  return {
    ...HOOK,
    lane,
    position,
    id: `${lane}_${position}`,
    type: 'transaction.ended',
    at: NOW,
    format: 'cloudevents',
    body: `{"n":${position}}`,
    giveUpAt: NOW + PATIENCE_MS,
    ...changes,
  };
}

export function settled(
  { accountId, webhookId, lane: its, id }: ClaimedCall,
  changes: Partial<SettledCall>,
): SettledCall {
  const name = { accountId, webhookId, lane: its, id };
  return { ...name, what: 'delivered', dueAt: null, status: 200, error: null, at: NOW, ...changes };
}

export const idsOf = (calls: { id: string }[]) => calls.map(({ id }) => id);
export const claim = (store: WebhookStore, calls = ALL, now: Instant = NOW, hooks = [HOOK]) =>
  store.claim(
    hooks.map((hook) => ({ ...hook, calls })),
    now,
    CLAIM_MS,
    null,
  );
