/** Reads a whole manifest, as far as that is possible without knowing what is stored. */
import { isSupportedCountry } from 'libphonenumber-js/max';
import { LIMITED_APIS } from '#domain/account.ts';
import type { LimitedApi } from '#domain/account.ts';
import type { AccountId } from '#domain/ids.ts';
import type { Rate } from '#domain/rate-bucket.ts';
import type { JsonObject } from '#domain/request.ts';
import { readCampaign } from './campaign.ts';
import type { CampaignDraft } from './campaign.ts';
import type { Faults } from './faults.ts';
import { readKey } from './keys.ts';
import type { KeyDraft } from './keys.ts';
import { readProvider } from './provider.ts';
import type { DeclaredProvider, ProviderDraft } from './provider.ts';
import { rateOf } from './provider-limits.ts';
import {
  below,
  blame,
  durationOf,
  idOf,
  isMap,
  listOf,
  mapOf,
  refuseUnknown,
  refuseUnstorable,
  required,
  textOf,
  wordOf,
} from './reading.ts';
import type { Place } from './reading.ts';
import { WRITING_KEYS, readWriting } from './writing-rules.ts';
import type { WritingDraft } from './writing-rules.ts';
import { readWebhook } from './webhook.ts';
import type { WebhookDraft } from './webhook.ts';

/** Entries of one manifest. */
const KEYS_MAX = 1_000;
const PROVIDERS_MAX = 1_000;
const CAMPAIGNS_MAX = 10_000;
/** Of one account: each is looked at whenever something happens there. */
export const WEBHOOKS_MAX = 50;
const NETWORK_WORDS = ['allow', 'refuse'] as const;
/** How long silence may be waited for. */
const RECEIPT_WINDOW = { minMs: 1_000, maxMs: 30 * 86_400_000 };

/** A manifest that was read. What it leaves out of the account stays as it is. */
export interface ManifestDraft {
  accountId: AccountId;
  name?: string;
  defaultRegion?: string | null;
  receiptWindowMs?: number;
  limits?: Partial<Record<LimitedApi, Rate>>;
  privateNetwork?: (typeof NETWORK_WORDS)[number];
  writing: WritingDraft;
  /** Absent: it says nothing about keys, and none is pruned. */
  keys?: KeyDraft[];
  providers: ProviderDraft[];
  /** All providers that it names, also those with faults. */
  declared: DeclaredProvider[];
  /** Whether these are all: an entry may have no id that can be read. */
  allDeclared: boolean;
  campaigns: CampaignDraft[];
  /** The ids of all campaigns that it names, also of those with faults. */
  campaignIds: Set<string>;
  /** Absent: it says nothing about webhooks, and none is pruned. */
  webhooks?: WebhookDraft[];
}

/** Reads it; undefined, with faults, when not even its account is known. */
export function readManifest(input: unknown, faults: Faults): ManifestDraft | undefined {
  const root: Place = { value: input ?? null, path: [], faults };
  refuseUnstorable(root);
  if (!faults.isEmpty()) return undefined;
  const map = mapOf(root);
  if (!map) return undefined;
  refuseUnknown(map, [
    'account',
    'name',
    'defaultRegion',
    'receiptWindow',
    ...WRITING_KEYS,
    'limits',
    'privateNetwork',
    'keys',
    'providers',
    'campaigns',
    'webhooks',
  ]);
  const accountId = idOf(required(below(map, 'account'), 'name the account, such as "demo"'));
  const name = textOf(below(map, 'name'));
  const defaultRegion = readRegion(below(map, 'defaultRegion'));
  const receiptWindowMs = durationOf(below(map, 'receiptWindow'), RECEIPT_WINDOW);
  const writing = readWriting(map);
  const limits = readLimits(below(map, 'limits'));
  const privateNetwork = wordOf(below(map, 'privateNetwork'), NETWORK_WORDS);
  const keys = readKeys(map);
  const { providers, declared, allDeclared } = readProviders(map);
  const { campaigns, campaignIds } = readCampaigns(map);
  const webhooks = readWebhooks(map);
  if (accountId === undefined) return undefined;
  return {
    accountId,
    ...(name !== undefined && { name }),
    ...(defaultRegion !== undefined && { defaultRegion }),
    ...(receiptWindowMs !== undefined && { receiptWindowMs }),
    ...(limits && { limits }),
    ...(privateNetwork && { privateNetwork }),
    writing,
    ...(keys && { keys }),
    providers,
    declared,
    allDeclared,
    campaigns,
    campaignIds,
    ...(webhooks && { webhooks }),
  };
}

/** The account that a manifest names; null when that cannot be read, which {@link readManifest} then finds fault with. */
export function accountNamedIn(input: unknown): AccountId | null {
  const account = isMap(input) && Object.hasOwn(input, 'account') ? input['account'] : null;
  return typeof account === 'string' || typeof account === 'number' ? String(account) : null;
}

function readRegion(place: Place): string | null | undefined {
  if (place.value === null) return null;
  const region = textOf(place);
  if (region === undefined || isSupportedCountry(region)) return region;
  return blame(
    place,
    `"${region.slice(0, 10)}" is no region; give the two capital letters of ISO 3166, such as IN or DE`,
  );
}

function readLimits(place: Place): Partial<Record<LimitedApi, Rate>> | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  refuseUnknown(map, LIMITED_APIS);
  const limits: Partial<Record<LimitedApi, Rate>> = {};
  for (const api of LIMITED_APIS) {
    const rate = rateOf(below(map, api));
    if (rate) limits[api] = rate;
  }
  return limits;
}

function readKeys(map: Place<JsonObject>): KeyDraft[] | undefined {
  const list = listOf(below(map, 'keys'), KEYS_MAX);
  if (!list) return undefined;
  const drafts = list.flatMap((place) => readKey(place) ?? []);
  const { faults } = map;
  refuseTwice(
    drafts.flatMap(({ id, path }) => (id === undefined ? [] : [{ id, path: [...path, 'id'] }])),
    faults,
  );
  refuseTwice(
    drafts.flatMap(({ secret, path }) =>
      secret ? [{ id: secret.sha256, path: [...path, 'key'], shown: 'this key' }] : [],
    ),
    faults,
  );
  return drafts;
}

function readProviders(map: Place<JsonObject>): Pick<ManifestDraft, 'providers' | 'declared' | 'allDeclared'> {
  const read = (listOf(below(map, 'providers'), PROVIDERS_MAX) ?? []).map(readProvider);
  const declared = read.flatMap((one) => one.declared ?? []);
  refuseTwice(
    declared.map(({ id, path }) => ({ id, path: [...path, 'id'] })),
    map.faults,
  );
  return {
    declared,
    allDeclared: declared.length === read.length,
    providers: read.flatMap(({ draft }) => draft ?? []),
  };
}

function readCampaigns(map: Place<JsonObject>): Pick<ManifestDraft, 'campaigns' | 'campaignIds'> {
  const places = listOf(below(map, 'campaigns'), CAMPAIGNS_MAX) ?? [];
  const campaigns = places.flatMap((place) => readCampaign(place) ?? []);
  const named = places.flatMap(({ value, path }) => {
    const id = isMap(value) ? value['id'] : undefined;
    return typeof id === 'string' || typeof id === 'number' ? [{ id: String(id), path: [...path, 'id'] }] : [];
  });
  refuseTwice(named, map.faults);
  return { campaigns, campaignIds: new Set(named.map(({ id }) => id)) };
}

function readWebhooks(map: Place<JsonObject>): WebhookDraft[] | undefined {
  const list = listOf(below(map, 'webhooks'), WEBHOOKS_MAX);
  const webhooks = list?.flatMap((place) => readWebhook(place) ?? []);
  refuseTwice(webhooks?.map(({ id, path }) => ({ id, path: [...path, 'id'] })) ?? [], map.faults);
  return webhooks;
}

/** Adds a fault for each id that was there before. */
function refuseTwice(named: { id: string; path: (string | number)[]; shown?: string }[], faults: Faults): void {
  const first = new Map<string, (string | number)[]>();
  for (const { id, path, shown = `"${id}"` } of named) {
    const earlier = first.get(id);
    if (earlier) faults.add(path, `${shown} stands in ${earlier[0]}[${earlier[1]}] already; each may be there once`);
    else first.set(id, path);
  }
}
