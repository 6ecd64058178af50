/** What has to be written so that a campaign is as it was given, and whether its providers can send it. */
import { isDeepStrictEqual } from 'node:util';
import { mayBecome, messagesOf } from '#domain/campaign.ts';
import type { Campaign, Channel } from '#domain/campaign.ts';
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { ConfigCache } from '../config-cache.ts';
import { SHAPE_KEYS, campaignWithSecrets } from './campaign.ts';
import type { CampaignDraft } from './campaign.ts';
import { fieldChanges } from './changes.ts';
import { closestTo } from './closest.ts';
import type { Faults } from './faults.ts';
import { HOOK_SECRETS, withKeptHeaders } from './hook.ts';
import type { MessageDraft } from './message.ts';
import type { Plan } from './plan.ts';
import type { ManifestDraft } from './read.ts';

/** What is no more than told of when it changes. */
const SECRETS = HOOK_SECRETS.map((path) => `stages.*.hook.${path}`);

/** Plans one campaign. Changed content makes the next version; a draft has never run and is rewritten in place. */
export function planCampaign(
  config: ConfigCache,
  accountId: AccountId,
  draft: CampaignDraft,
  { changes, writes }: Plan,
  faults: Faults,
): void {
  const { id, name, path, state: wanted, on } = draft;
  const stored = config.campaign(accountId, id);
  const before = stored?.state ?? 'draft';
  const state = wanted ?? before;
  if (!mayBecome(before, state)) {
    const remedy = before === 'ended' ? 'make a new campaign' : 'pause it instead, or leave the state out';
    faults.add(
      [...path, 'state'],
      `is ${before} and cannot become ${state === 'draft' ? 'a draft' : state}; ${remedy}`,
    );
    return;
  }
  const content = withKeptHeaders(draft, stored?.content, faults);
  const contentChanged = !isDeepStrictEqual(stored?.content, content);
  const isRewritten = !contentChanged || stored?.state === 'draft';
  const version = stored && isRewritten ? stored.version : config.lastVersion(accountId, id) + 1;
  const campaign: Campaign = { accountId, id, name, state, ...(on && { on }), version, content };
  if (isDeepStrictEqual(campaign, stored)) return;
  writes.campaigns.push({ campaign, contentChanged });
  const fields = fieldChanges(stored && versionedView(stored), versionedView(campaign), SECRETS);
  changes.push({ action: stored ? 'update' : 'create', kind: 'campaign', id, fields });
}

/** With its lists as maps: of many stages, only those are told that differ. */
function versionedView(campaign: Campaign): JsonObject {
  return { ...numbered(campaignWithSecrets(campaign)), version: campaign.version };
}

function numbered(view: JsonObject): JsonObject {
  const lists = SHAPE_KEYS.flatMap((key) => (Array.isArray(view[key]) ? [[key, view[key]] as [string, Json[]]] : []));
  return { ...view, ...Object.fromEntries(lists.map(([key, list]) => [key, byPosition(list)])) };
}

function byPosition(list: Json[]): JsonObject {
  return Object.fromEntries(list.map((one, position) => [String(position), numbered(one as JsonObject)]));
}

/** Adds a fault for each campaign whose provider does not exist or has another channel, once all is written. */
export function refuseBadReferences(config: ConfigCache, draft: ManifestDraft, prune: boolean, faults: Faults): void {
  const { accountId, declared, allDeclared, campaigns, campaignIds } = draft;
  // Null: a provider that cannot be read; nothing more is said about who uses it.
  const channels = new Map<ProviderId, Channel | null>();
  if (!prune) for (const { id, channel } of config.providers(accountId)) channels.set(id, channel);
  for (const { id, channel } of declared) channels.set(id, channel);
  for (const { messages } of campaigns) refuseBadProviders(messages, channels, faults, allDeclared);
  if (prune) return;
  const others = config.campaigns(accountId).filter(({ id }) => !campaignIds.has(id));
  for (const { path, id, channel } of declared) {
    if (channel === null) continue;
    const used = others.flatMap(({ id: campaignId, content }) =>
      messagesOf(content)
        .filter((message) => message.channel !== channel && message.providers.includes(id))
        .map((message) => `must stay ${message.channel}: the campaign "${campaignId}" sends through it`),
    );
    if (used[0] !== undefined) faults.add([...path, 'channel'], used[0]);
  }
}

/**
 * Adds a fault for each provider of a message that does not exist or has another channel.
 * @param areAll false: there are providers that cannot be read; any that is missing may be one of them.
 */
export function refuseBadProviders(
  messages: readonly MessageDraft[],
  channels: ReadonlyMap<ProviderId, Channel | null>,
  faults: Faults,
  areAll = true,
): void {
  for (const { path, message } of messages) refuseBadProvidersOf(message, path, channels, faults, areAll);
}

function refuseBadProvidersOf(
  { channel, providers, routes }: MessageDraft['message'],
  path: MessageDraft['path'],
  channels: ReadonlyMap<ProviderId, Channel | null>,
  faults: Faults,
  areAll: boolean,
): void {
  for (const [index, id] of providers.entries()) {
    const at = providers.length === 1 && !routes ? [...path, 'provider'] : [...path, 'providers', index];
    const theirs = channels.get(id);
    if (theirs === undefined) {
      if (!areAll) continue;
      const closest = closestTo(id, [...channels.keys()]);
      const remedy = closest === null ? 'add it to providers' : `did you mean "${closest}"?`;
      faults.add(at, `names the provider "${id}", which does not exist; ${remedy}`);
    } else if (theirs !== null && theirs !== channel) {
      faults.add(at, `names "${id}", a provider for ${theirs}, in a message for ${channel}; name one for ${channel}`);
    }
  }
}
