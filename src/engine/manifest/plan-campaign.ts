/** What has to be written so that a campaign is as it was given, and whether its providers can send it. */
import { isDeepStrictEqual } from 'node:util';
import { mayBecome } from '#domain/campaign.ts';
import type { Campaign, CampaignContent, Channel } from '#domain/campaign.ts';
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { ConfigCache } from '../config-cache.ts';
import { campaignView } from './campaign.ts';
import type { CampaignDraft } from './campaign.ts';
import { fieldChanges } from './changes.ts';
import { closestTo } from './closest.ts';
import type { Faults, Path } from './faults.ts';
import type { Plan } from './plan.ts';
import type { ManifestDraft } from './read.ts';

/** Plans one campaign. Changed content makes the next version; a draft has never run and is rewritten in place. */
export function planCampaign(
  config: ConfigCache,
  accountId: AccountId,
  { id, name, path, content, state: wanted }: CampaignDraft,
  { changes, writes }: Plan,
  faults: Faults,
): void {
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
  const contentChanged = !isDeepStrictEqual(stored?.content, content);
  const isRewritten = !contentChanged || stored?.state === 'draft';
  const version = stored && isRewritten ? stored.version : config.lastVersion(accountId, id) + 1;
  const campaign: Campaign = { accountId, id, name, state, version, content };
  if (isDeepStrictEqual(campaign, stored)) return;
  writes.campaigns.push({ campaign, contentChanged });
  const fields = fieldChanges(stored && versionedView(stored), versionedView(campaign));
  changes.push({ action: stored ? 'update' : 'create', kind: 'campaign', id, fields });
}

function versionedView(campaign: Campaign) {
  return { ...campaignView(campaign), version: campaign.version };
}

/** Adds a fault for each campaign whose provider does not exist or has another channel, once all is written. */
export function refuseBadReferences(config: ConfigCache, draft: ManifestDraft, prune: boolean, faults: Faults): void {
  const { accountId, declared, allDeclared, campaigns, campaignIds } = draft;
  // Null: a provider that cannot be read; nothing more is said about who uses it.
  const channels = new Map<ProviderId, Channel | null>();
  if (!prune) for (const { id, channel } of config.providers(accountId)) channels.set(id, channel);
  for (const { id, channel } of declared) channels.set(id, channel);
  for (const { content, path } of campaigns) refuseBadProviders(content, path, channels, faults, allDeclared);
  if (prune) return;
  const others = config.campaigns(accountId).filter(({ id }) => !campaignIds.has(id));
  for (const { path, id, channel } of declared) {
    if (channel === null) continue;
    const used = others.find(({ content }) => content.channel !== channel && content.providers.includes(id));
    if (used)
      faults.add([...path, 'channel'], `must stay ${used.content.channel}: the campaign "${used.id}" sends through it`);
  }
}

/**
 * Adds a fault for each provider of a content that does not exist or has another channel.
 * @param areAll false: there are providers that cannot be read; any that is missing may be one of them.
 */
export function refuseBadProviders(
  { channel, providers }: CampaignContent,
  path: Path,
  channels: ReadonlyMap<ProviderId, Channel | null>,
  faults: Faults,
  areAll = true,
): void {
  for (const [index, id] of providers.entries()) {
    const at = providers.length === 1 ? [...path, 'provider'] : [...path, 'providers', index];
    const theirs = channels.get(id);
    if (theirs === undefined) {
      if (!areAll) continue;
      const closest = closestTo(id, [...channels.keys()]);
      const remedy = closest === null ? 'add it to providers' : `did you mean "${closest}"?`;
      faults.add(at, `names the provider "${id}", which does not exist; ${remedy}`);
    } else if (theirs !== null && theirs !== channel) {
      faults.add(at, `names "${id}", a provider for ${theirs}, in a campaign for ${channel}; name one for ${channel}`);
    }
  }
}
