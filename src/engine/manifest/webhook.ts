/** A webhook as a manifest and the API write it, read and written. */
import { CHANNELS } from '#domain/campaign.ts';
import type { Channel } from '#domain/campaign.ts';
import type { CampaignId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import { FORMAT_EVENTS, WEBHOOK_EVENT_TYPES, WEBHOOK_FORMATS } from '#domain/webhook.ts';
import type { Webhook, WebhookAuth, WebhookEventType, WebhookFormat, WebhookId } from '#domain/webhook.ts';
import type { Path } from './faults.ts';
import { below, blame, flagOf, idOf, mapOf, refuseUnknown, required, setOf, textOf, wordOf } from './reading.ts';
import type { Place } from './reading.ts';
import { KEPT, withSecrets, withoutSecrets } from './secrets.ts';

/** Campaigns that one webhook may name. */
const CAMPAIGNS_MAX = 1_000;
/** Characters of an address, and of a credential. */
const URL_LENGTH_MAX = 2_000;
const CREDENTIAL_LENGTH_MAX = 1_000;
/** Bytes of a signing key (Standard Webhooks). */
const KEY_BYTES = { min: 24, max: 64 };

const KEYS = ['id', 'url', 'events', 'campaigns', 'channels', 'format', 'auth', 'enabled', 'disabledReason'];
const AUTH_KEYS: Record<WebhookAuth['type'], readonly string[]> = {
  standard: ['secret'],
  connectly: ['secret'],
  basic: ['username', 'password'],
  bearer: ['token'],
  none: [],
};
const AUTH_TYPES = Object.keys(AUTH_KEYS) as WebhookAuth['type'][];
/** What is never shown again. */
export const WEBHOOK_SECRETS = ['auth.secret', 'auth.password', 'auth.token'];

/** A webhook that was read; its address is not judged yet, nor are its credentials complete. */
export interface WebhookDraft {
  path: Path;
  id: WebhookId;
  url: string;
  events: WebhookEventType[];
  campaigns?: CampaignId[];
  channels?: Channel[];
  format?: WebhookFormat;
  /** As it was written; null: nothing was said. */
  auth: JsonObject | null;
  enabled?: boolean;
}

/** Reads one; undefined, with faults, when something is wrong. */
export function readWebhook(place: Place): WebhookDraft | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  refuseUnknown(map, KEYS);
  const id = idOf(required(below(map, 'id'), 'give the webhook an id, such as "crm"'));
  const url = textOf(required(below(map, 'url'), 'give the address to call'), URL_LENGTH_MAX);
  const wanted = required(below(map, 'events'), `name some of ${WEBHOOK_EVENT_TYPES.join(', ')}`);
  const events = setOf(wanted, WEBHOOK_EVENT_TYPES.length, (one) => wordOf(one, WEBHOOK_EVENT_TYPES));
  const campaigns = setOf(below(map, 'campaigns'), CAMPAIGNS_MAX, idOf);
  const channels = setOf(below(map, 'channels'), CHANNELS.length, (one) => wordOf(one, CHANNELS));
  const format = wordOf(below(map, 'format'), WEBHOOK_FORMATS);
  const enabled = flagOf(below(map, 'enabled'));
  const auth = readAuth(below(map, 'auth'));
  if (id === undefined || url === undefined || !events || auth === undefined) return undefined;
  return {
    path: place.path,
    id,
    url,
    events: WEBHOOK_EVENT_TYPES.filter((type) => events.includes(type)),
    ...(campaigns && { campaigns }),
    ...(channels && { channels }),
    ...(format && { format }),
    auth,
    ...(enabled !== undefined && { enabled }),
  };
}

function readAuth(place: Place): JsonObject | null | undefined {
  if (place.value === undefined) return null;
  const map = mapOf(place);
  const type = map && wordOf(required(below(map, 'type'), `use one of ${AUTH_TYPES.join(', ')}`), AUTH_TYPES);
  if (!type) return undefined;
  refuseUnknown(map, ['type', ...AUTH_KEYS[type]]);
  const auth: JsonObject = { type };
  for (const key of AUTH_KEYS[type]) {
    const value = textOf(below(map, key), CREDENTIAL_LENGTH_MAX);
    if (value === undefined) continue;
    if (!/^[ -~]+$/.test(value)) blame(below(map, key), 'must consist of letters, digits and signs of ASCII');
    auth[key] = value;
  }
  const { secret } = auth;
  if (type === 'standard' && typeof secret === 'string' && secret !== KEPT)
    refuseBadSecret(below(map, 'secret'), secret);
  return auth;
}

function refuseBadSecret(place: Place, secret: string): void {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  const bytes = encoded === undefined ? 0 : Buffer.from(encoded, 'base64').length;
  if (bytes >= KEY_BYTES.min && bytes <= KEY_BYTES.max) return;
  blame(place, `must be "whsec_" and ${KEY_BYTES.min} to ${KEY_BYTES.max} random bytes in base64; ${HOW_TO_MAKE_ONE}`);
}

const HOW_TO_MAKE_ONE = 'make one with: echo whsec_$(openssl rand -base64 32)';

/** What completing a draft needs. */
export interface WebhookCompletion {
  stored: Webhook | null;
  accountId: string;
  faults: Place['faults'];
  /** Makes a signing secret; null: one has to be given, because nobody would be shown it. */
  newSecret: (() => string) | null;
}

/** The webhook as it will be stored: what a draft does not say stays, at first it is the default. Null, with faults, when it cannot be. */
export function completeWebhook(draft: WebhookDraft, completion: WebhookCompletion): Webhook | null {
  const { stored, accountId } = completion;
  const auth = completeAuth(draft, completion);
  if (!auth) return null;
  const { path, auth: _auth, enabled = stored?.enabled ?? true, format: given, ...rest } = draft;
  const disabledReason = enabled ? null : (stored?.disabledReason ?? null);
  const format = given ?? stored?.format ?? 'cloudevents';
  const words = FORMAT_EVENTS[format];
  const wordless = words && rest.events.find((type) => !words.includes(type));
  if (wordless === undefined) return { accountId, ...rest, format, auth, enabled, disabledReason };
  completion.faults.add(
    [...path, 'events'],
    `has ${wordless}, for which the format ${format} has no words; leave it out`,
  );
  return null;
}

function completeAuth(draft: WebhookDraft, { stored, faults, newSecret }: WebhookCompletion): WebhookAuth | null {
  if (!draft.auth && stored) return stored.auth;
  const given = { value: { auth: draft.auth ?? { type: 'standard' } }, path: draft.path, faults };
  const { auth } = withSecrets(given, stored && { auth: { ...stored.auth } }, WEBHOOK_SECRETS) as { auth: JsonObject };
  const type = auth['type'] as WebhookAuth['type'];
  for (const key of AUTH_KEYS[type]) {
    if (auth[key] !== undefined) continue;
    if (key === 'secret' && stored?.auth.type === type && 'secret' in stored.auth) auth[key] = stored.auth.secret;
    else if (key === 'secret' && newSecret) auth[key] = newSecret();
    else {
      const remedy = key === 'secret' ? `give it, such as "\${WEBHOOK_SECRET}"; ${HOW_TO_MAKE_ONE}` : 'give it';
      faults.add([...draft.path, 'auth', key], `is missing; ${remedy}`);
      return null;
    }
  }
  return auth as unknown as WebhookAuth;
}

/** A webhook as a manifest writes it, without its credentials. */
export function webhookView(webhook: Webhook): JsonObject {
  return withoutSecrets(webhookWithSecrets(webhook), WEBHOOK_SECRETS);
}

/** The same with its credentials: to compare, never to show. */
export function webhookWithSecrets(webhook: Webhook): JsonObject {
  const { id, url, events, campaigns, channels, format, auth, enabled, disabledReason } = webhook;
  return {
    id,
    url,
    events,
    ...(campaigns && { campaigns }),
    ...(channels && { channels }),
    format,
    auth: { ...auth },
    enabled,
    ...(disabledReason !== null && { disabledReason }),
  };
}
