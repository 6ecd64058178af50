/** A provider as a manifest and the API write it, read and written. */
import { CHANNELS } from '#domain/campaign.ts';
import type { Channel, RetryPolicy } from '#domain/campaign.ts';
import type { ProviderId } from '#domain/ids.ts';
import type { SecretPaths } from '#domain/credentials.ts';
import type { ProviderConfig, ProviderLimits } from '#domain/provider.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { ProviderType } from '#ports/provider.ts';
import type { Templates } from '#ports/templates.ts';
import { closestTo, didYouMean } from './closest.ts';
import type { Path } from './faults.ts';
import { below, idOf, isMap, mapOf, required, textOf, wordOf } from './reading.ts';
import type { Place } from './reading.ts';
import { providerLimitsOf, providerLimitsView } from './provider-limits.ts';
import { retryOf, retryView } from './retry.ts';
import { withoutSecrets } from './secrets.ts';

const RECEIPTS = ['none', 'callback'] as const;
/** What every provider has; all other keys are its type's settings. */
const KEYS = ['id', 'channel', 'type', 'receipts', 'retry', 'limits'];

/** A provider that was read; its settings are not checked yet. */
export interface ProviderDraft {
  path: Path;
  id: ProviderId;
  channel: Channel;
  type: string;
  receipts?: ProviderConfig['receipts'];
  retry?: RetryPolicy;
  limits?: ProviderLimits;
  settings: JsonObject;
}

/** What can be said of a provider, also of one with faults: what campaigns refer to. */
export interface DeclaredProvider {
  path: Path;
  id: ProviderId;
  /** Null: it cannot be read. */
  channel: Channel | null;
}

/** Reads one; `draft` is undefined, with faults, when so much is wrong that its settings cannot be checked. */
export function readProvider(place: Place): { declared?: DeclaredProvider; draft?: ProviderDraft } {
  const map = mapOf(place);
  if (!map) return {};
  const id = idOf(required(below(map, 'id'), 'give the provider an id, such as "sms-main"'));
  const channel = wordOf(required(below(map, 'channel'), `use one of ${CHANNELS.join(', ')}`), CHANNELS);
  const type = textOf(required(below(map, 'type'), 'say what it speaks, such as http or sandbox'));
  const receipts = wordOf(below(map, 'receipts'), RECEIPTS);
  const retry = retryOf(below(map, 'retry'));
  const limits = providerLimitsOf(below(map, 'limits'));
  if (id === undefined) return {};
  const declared = { path: place.path, id, channel: channel ?? null };
  if (channel === undefined || type === undefined) return { declared };
  const settings = settingsOf(map.value);
  const draft = {
    path: place.path,
    id,
    channel,
    type,
    ...(receipts && { receipts }),
    ...(retry && { retry }),
    ...(limits && { limits }),
    settings,
  };
  return { declared, draft };
}

/** In the form that the database gives back: -0 as 0, nothing undefined. */
function settingsOf(values: JsonObject): JsonObject {
  const own = Object.entries(values).filter(([key]) => !KEYS.includes(key));
  return JSON.parse(JSON.stringify(Object.fromEntries(own))) as JsonObject;
}

/** What a provider without `receipts` does: it reports where it is known how. */
export function receiptsDefault({ reports }: ProviderType, settings: JsonObject): ProviderConfig['receipts'] {
  return reports || settings['receipt'] !== undefined ? 'callback' : 'none';
}

/** The type of that name; a fault when there is none, or it does not serve the channel. */
export function typeOf(
  { type, channel, path }: ProviderDraft,
  types: readonly ProviderType[],
  faults: Place['faults'],
): ProviderType | null {
  const found = types.find((one) => one.type === type);
  if (found) {
    const { channels } = found;
    if (channels && !channels.includes(channel))
      faults.add([...path, 'channel'], `is none that "${type}" serves; use ${channels.join(' or ')}`);
    return found;
  }
  const known = types.map((one) => one.type);
  faults.add([...path, 'type'], `"${type}" is not known; ${didYouMean(type, known)}`);
  return null;
}

/** Adds the fault that the type finds in the settings. */
export function refuseBadSettings(settings: Place<JsonObject>, type: ProviderType, templates: Templates): void {
  const fault = type.faultOf(settings.value, templates);
  if (!fault) return;
  const path = keysOf(settings.value, fault.path);
  const mistyped = path.length === 1 && !fault.path.includes('.') ? closestTo(fault.path, KEYS) : null;
  const guess = mistyped !== null && fault.message.includes('not known') ? ` (or did you mean "${mistyped}"?)` : '';
  settings.faults.add([...settings.path, ...path], fault.message + guess);
}

/** The keys of a dotted path; keys may have dots themselves, as far as the settings have such keys. */
export function keysOf(value: Json | undefined, dotted: string): (string | number)[] {
  const parts = dotted.split('.');
  if (Array.isArray(value)) {
    const index = Number(parts[0]);
    return [index, ...restOf(value[index], parts.slice(1))];
  }
  const candidates = parts.map((_, last) => parts.slice(0, last + 1).join('.'));
  const found = candidates.findIndex((key) => isMap(value) && Object.hasOwn(value, key));
  if (!isMap(value) || found === -1) return [dotted];
  const key = candidates[found]!;
  return [key, ...restOf(value[key], parts.slice(found + 1))];
}

function restOf(value: Json | undefined, parts: string[]): (string | number)[] {
  return parts.length === 0 ? [] : keysOf(value, parts.join('.'));
}

/** The secret paths of a type; of one that is no longer known, all of its settings. */
export function secretsOf(type: string, types: readonly ProviderType[]): SecretPaths {
  return types.find((one) => one.type === type)?.secrets ?? ['*'];
}

/** A provider as a manifest writes it, without its credentials. */
export function providerView(provider: ProviderConfig, types: readonly ProviderType[]): JsonObject {
  return { ...commonView(provider), ...withoutSecrets(provider.settings, secretsOf(provider.type, types)) };
}

/** The same with its credentials: to compare, never to show. */
export function providerWithSecrets(provider: ProviderConfig): JsonObject {
  return { ...commonView(provider), ...provider.settings };
}

function commonView({ id, channel, type, receipts, retry, limits }: ProviderConfig): JsonObject {
  const own = { ...(retry && { retry: retryView(retry) }), ...(limits && { limits: providerLimitsView(limits) }) };
  return { id, channel, type, receipts, ...own };
}
