/** Making, changing and removing webhooks one by one, in the words of the manifest. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AccountId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Webhook, WebhookId } from '#domain/webhook.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';
import type { ConfigCache } from './config-cache.ts';
import { createFaults } from './manifest/faults.ts';
import type { Fault } from './manifest/faults.ts';
import { WEBHOOKS_MAX } from './manifest/read.ts';
import { below, blame, isMap, refuseUnstorable } from './manifest/reading.ts';
import type { Place } from './manifest/reading.ts';
import { completeWebhook, readWebhook, webhookView } from './manifest/webhook.ts';

/** Bytes of a signing key that is made here. */
const SECRET_BYTES = 32;
/** Random bytes in the id of a webhook that was given none. */
const ID_BYTES = 6;

/** What changing webhooks needs. */
export interface WebhookAdminTools {
  config: ConfigCache;
  sender: Pick<WebhookSender, 'faultOf'>;
}

/** What came of it. */
export type WebhookAdminOutcome =
  /** `secret`: one that was made just now; it is shown this once. */
  | { kind: 'done'; webhook: Webhook; secret: string | null; isNew: boolean }
  | { kind: 'refused'; faults: Fault[] }
  | { kind: 'conflict'; message: string };

/** Makes a webhook, under an id of its own unless the body names one; that must not be taken. */
export function createWebhook(
  tools: WebhookAdminTools,
  accountId: AccountId,
  body: unknown,
): Promise<WebhookAdminOutcome> {
  const named = isMap(body) && typeof body['id'] === 'string' ? body['id'] : null;
  const id = named ?? `webhook-${randomBytes(ID_BYTES).toString('hex')}`;
  return write(tools, accountId, id, body, false);
}

/** Makes or replaces one. What the body does not say of `auth`, `format` and `enabled` stays. */
export function putWebhook(
  tools: WebhookAdminTools,
  accountId: AccountId,
  id: WebhookId,
  body: unknown,
): Promise<WebhookAdminOutcome> {
  return write(tools, accountId, id, body, true);
}

/** Removes one; false when there was none. What waits for it is given up. */
export async function removeWebhook(config: ConfigCache, accountId: AccountId, id: WebhookId): Promise<boolean> {
  let existed = false;
  await config.change(() => {
    existed = config.webhook(accountId, id) !== null;
    return existed ? { removedWebhooks: [{ accountId, id }] } : null;
  });
  return existed;
}

async function write(
  { config, sender }: WebhookAdminTools,
  accountId: AccountId,
  id: WebhookId,
  body: unknown,
  mayReplace: boolean,
): Promise<WebhookAdminOutcome> {
  let outcome: WebhookAdminOutcome = { kind: 'refused', faults: [] };
  const made = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
  await config.change(() => {
    const faults = createFaults();
    const place: Place = { value: body ?? null, path: [], faults };
    const stored = config.webhook(accountId, id);
    refuseUnstorable(place);
    const draft = faults.isEmpty() ? readWebhook({ ...place, value: withId(place, id) }) : undefined;
    const isAllowed = config.account(accountId)?.privateNetwork === 'allow';
    const fault = draft ? sender.faultOf(draft.url, isAllowed) : null;
    if (fault !== null) faults.add(['url'], fault);
    const webhook = draft ? completeWebhook(draft, { stored, accountId, faults, newSecret: () => made }) : null;
    outcome = conflictOf(config, accountId, stored, mayReplace) ?? { kind: 'refused', faults: faults.list() };
    if (outcome.kind === 'conflict' || !webhook || !faults.isEmpty()) return null;
    const isMade = 'secret' in webhook.auth && webhook.auth.secret === made;
    outcome = { kind: 'done', webhook, secret: isMade ? made : null, isNew: stored === null };
    return isDeepStrictEqual(webhook, stored) ? null : { webhooks: [webhook] };
  });
  return outcome;
}

function conflictOf(
  config: ConfigCache,
  accountId: AccountId,
  stored: Webhook | null,
  mayReplace: boolean,
): { kind: 'conflict'; message: string } | null {
  if (stored && !mayReplace) {
    return {
      kind: 'conflict',
      message: `there is a webhook "${stored.id}" already; PUT /v1/webhooks/${stored.id} changes it`,
    };
  }
  if (stored || config.webhooks(accountId).length < WEBHOOKS_MAX) return null;
  return { kind: 'conflict', message: `the account has ${WEBHOOKS_MAX} webhooks already; remove one first` };
}

/** The body's id may be left out, or be the one of the address. */
function withId(place: Place, id: WebhookId): unknown {
  if (!isMap(place.value)) return place.value;
  const idAt = below({ ...place, value: place.value }, 'id');
  if (idAt.value !== undefined && idAt.value !== id) blame(idAt, `must be "${id}", as in the address; leave it out`);
  return { ...place.value, id };
}

/** A webhook as the API shows it after it was written: with its secret, if that was made just now. */
export function writtenView(webhook: Webhook, secret: string | null): JsonObject {
  const view = webhookView(webhook);
  return secret === null ? view : { ...view, auth: { type: webhook.auth.type, secret } };
}
