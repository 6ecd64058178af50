/** Changing one campaign, in the words of the manifest. */
import { afterVerb } from '#domain/campaign.ts';
import type { Campaign, CampaignVerb } from '#domain/campaign.ts';
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { COMMON_KEYS, SHAPE_KEYS, campaignView, readCampaign } from './manifest/campaign.ts';
import type { CampaignDraft } from './manifest/campaign.ts';
import { refuseMissingFiles, storeFiles } from './manifest/attachment-files.ts';
import { createFaults } from './manifest/faults.ts';
import type { Fault, Faults } from './manifest/faults.ts';
import { refuseBadHooks } from './manifest/hook.ts';
import { emptyPlan } from './manifest/plan.ts';
import { planCampaign, refuseBadProviders } from './manifest/plan-campaign.ts';
import { below, blame, isMap, mapOf, refuseUnstorable } from './manifest/reading.ts';
import type { Place } from './manifest/reading.ts';
import { refuseCrowdedEvents } from './manifest/starts-on.ts';
import { refuseBadTemplates } from './manifest/templates.ts';
import type { AdminTools } from './manifest/apply.ts';
import type { ConfigCache } from './config-cache.ts';

/** What came of a change. */
export type CampaignOutcome =
  | { kind: 'done'; campaign: Campaign; isNew: boolean }
  | { kind: 'refused'; faults: Fault[] }
  | { kind: 'unknown' }
  /** Its state, or somebody else's change, is in the way; the message says which and what to do. */
  | { kind: 'conflict'; message: string };

/** Decided again when another node wrote meanwhile. */
type Decision = { kind: 'change'; draft: CampaignDraft } | Exclude<CampaignOutcome, { kind: 'done' }>;

/** A campaign as the API shows it: as a manifest writes it, with its version. */
export function versionedCampaignView(campaign: Campaign): JsonObject {
  const { id, name, state, ...rest } = campaignView(campaign);
  return { id: id!, name: name!, state: state!, version: campaign.version, ...rest };
}

/** Makes or replaces a campaign. A `version` in the body is the one that the change is based on. */
export function putCampaign(
  tools: AdminTools,
  accountId: AccountId,
  id: CampaignId,
  body: unknown,
): Promise<CampaignOutcome> {
  return changeCampaign(tools, accountId, id, (stored, faults) => read(body, id, stored, faults));
}

/** Changes the fields that the body names; null takes one away (a merge patch, RFC 7396). */
export function patchCampaign(
  tools: AdminTools,
  accountId: AccountId,
  id: CampaignId,
  body: unknown,
): Promise<CampaignOutcome> {
  return changeCampaign(tools, accountId, id, (stored, faults) => {
    if (!stored) return { kind: 'unknown' };
    const place: Place = { value: body ?? null, path: [], faults };
    refuseUnstorable(place);
    const patch = faults.isEmpty() ? mapOf(place) : undefined;
    if (!patch) return { kind: 'refused', faults: faults.list() };
    return read(merged(baseOf(stored, patch.value), patch.value), id, stored, faults);
  });
}

/** What a patch is applied to: where it names other providers, or makes a journey of one message, the former ones are gone. */
function baseOf(stored: Campaign, patch: JsonObject): JsonObject {
  const base = campaignView(stored);
  const gives = (key: string): boolean => Object.hasOwn(patch, key) && patch[key] !== null;
  const shapeOf = (has: (key: string) => boolean) => SHAPE_KEYS.find(has) ?? (has('channel') ? 'channel' : undefined);
  const wanted = shapeOf(gives);
  const isOther = wanted !== undefined && wanted !== shapeOf((key) => Object.hasOwn(base, key));
  const gone = 'provider' in patch || 'providers' in patch ? ['provider', 'providers'] : [];
  const kept = Object.entries(base).filter(([key]) =>
    isOther ? COMMON_KEYS.some((common) => common === key) : !gone.includes(key),
  );
  return Object.fromEntries(kept);
}

/** Starts, pauses or ends a campaign. Repeating it changes nothing. */
export async function tellCampaign(
  { config }: Pick<AdminTools, 'config'>,
  accountId: AccountId,
  id: CampaignId,
  verb: CampaignVerb,
): Promise<CampaignOutcome> {
  let outcome: CampaignOutcome = { kind: 'unknown' };
  await config.change(() => {
    const stored = config.campaign(accountId, id);
    const state = stored && afterVerb(stored.state, verb);
    if (!stored) outcome = { kind: 'unknown' };
    else if (!state) outcome = { kind: 'conflict', message: whyNot(stored, verb) };
    else outcome = { kind: 'done', campaign: { ...stored, state }, isNew: false };
    if (outcome.kind !== 'done' || state === stored!.state) return null;
    return { campaigns: [{ campaign: outcome.campaign, contentChanged: false }] };
  });
  return outcome;
}

function whyNot({ id, state }: Campaign, verb: CampaignVerb): string {
  const remedy = state === 'ended' ? 'an end is for ever, make a new campaign' : 'it does not run yet, start it first';
  const is = state === 'draft' ? 'a draft' : state;
  return `the campaign "${id}" is ${is} and cannot be told to ${verb}: ${remedy}`;
}

/** Removes a campaign; false when there was none. Its waiting legs are skipped, its versions stay known. */
export async function removeCampaign(config: ConfigCache, accountId: AccountId, id: CampaignId): Promise<boolean> {
  let existed = false;
  await config.change(() => {
    existed = config.campaign(accountId, id) !== null;
    return existed ? { removedCampaigns: [{ accountId, id }] } : null;
  });
  return existed;
}

/** Stores the files of a draft: before the campaign, which names them. The faults of those that are not there. */
async function keepFiles(tools: AdminTools, accountId: AccountId, draft: CampaignDraft): Promise<Fault[]> {
  const faults = createFaults();
  await refuseMissingFiles(tools, accountId, [draft], faults);
  if (faults.isEmpty()) await storeFiles(tools, accountId, [draft]);
  return faults.list();
}

async function changeCampaign(
  tools: AdminTools,
  accountId: AccountId,
  id: CampaignId,
  decide: (stored: Campaign | null, faults: Faults) => Decision,
): Promise<CampaignOutcome> {
  const { config, templates, hooks } = tools;
  let refused: CampaignOutcome | null = null;
  let isNew = false;
  const scratch = createFaults();
  const first = decide(config.campaign(accountId, id), scratch);
  // What else is wrong with it is told below, all at once.
  const missing = first.kind === 'change' && scratch.isEmpty() ? await keepFiles(tools, accountId, first.draft) : [];
  if (missing.length > 0) return { kind: 'refused', faults: missing };
  await config.change(() => {
    const stored = config.campaign(accountId, id);
    isNew = stored === null;
    const faults = createFaults();
    const decision = decide(stored, faults);
    if (decision.kind !== 'change') {
      refused = decision;
      return null;
    }
    const { draft } = decision;
    const plan = emptyPlan();
    const channels = new Map(config.providers(accountId).map((provider) => [provider.id, provider.channel]));
    refuseBadProviders(draft.messages, channels, faults);
    refuseBadTemplates(draft.messages, templates, faults);
    refuseBadHooks(draft.hooks, hooks, faults);
    refuseCrowdedEvents(config.campaigns(accountId), [draft], faults);
    planCampaign(config, accountId, draft, plan, faults);
    refused = faults.isEmpty() ? null : { kind: 'refused', faults: faults.list() };
    return refused || plan.changes.length === 0 ? null : { campaigns: plan.writes.campaigns };
  });
  return refused ?? { kind: 'done', campaign: config.campaign(accountId, id)!, isNew };
}

/** The body as a draft. Its id may be left out, or be the one of the address; its version must be the stored one. */
function read(body: unknown, id: CampaignId, stored: Campaign | null, faults: Faults): Decision {
  const place: Place = { value: body ?? null, path: [], faults };
  refuseUnstorable(place);
  const map = faults.isEmpty() ? mapOf(place) : undefined;
  if (!map) return { kind: 'refused', faults: faults.list() };
  const { version, ...rest } = map.value;
  if (version !== undefined && version !== (stored?.version ?? 0)) {
    const now = stored ? `is at version ${stored.version}` : 'does not exist';
    return {
      kind: 'conflict',
      message: `the campaign "${id}" ${now}, not at version ${JSON.stringify(version)}; read it again`,
    };
  }
  const idAt = below(map, 'id');
  const isSame = idAt.value === undefined || idAt.value === id || idAt.value === Number(id);
  if (!isSame) blame(idAt, `must be "${id}", as in the address; leave it out`);
  const draft = readCampaign({ ...place, value: { ...rest, id } });
  // With faults in it, it is still looked at further, for all of them to be found.
  return draft ? { kind: 'change', draft } : { kind: 'refused', faults: faults.list() };
}

function merged(base: JsonObject, patch: JsonObject): JsonObject {
  const kept = Object.entries(base).filter(([key]) => !Object.hasOwn(patch, key));
  const given = Object.entries(patch).flatMap(([key, value]): [string, Json][] => {
    if (value === null) return [];
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    return [[key, isMap(value) ? merged(isMap(before) ? before : {}, value) : value]];
  });
  return Object.fromEntries([...kept, ...given]);
}
