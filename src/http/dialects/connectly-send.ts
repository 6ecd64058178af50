/** The call that sends campaigns: its entries, grouped by campaign and version. Vendor page: Send Campaigns. */
import type { Account } from '#domain/account.ts';
import type { BatchRequest, Recipient } from '#domain/batch.ts';
import type { Campaign } from '#domain/campaign.ts';
import { CAMPAIGNS_MAX } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { ConfigCache } from '#engine/config-cache.ts';
import { closestTo } from '#engine/manifest/closest.ts';
import type { AcceptedSendout, SendoutGroup } from '#engine/sendouts.ts';
import type { Breathe } from '../json-in-slices.ts';
import { Refusal } from '../refusal.ts';
import { campaignOf, createFaults, entriesOf, readEntry } from './connectly-entries.ts';
import type { EntryFault, WantedCampaign } from './connectly-entries.ts';
import { coded, errorObject } from './connectly.ts';

/** Rejected entries that an answer names; the counts are of all. */
const REJECTED_SHOWN_MAX = 10_000;

/** An entry that was not accepted. */
export interface RejectedEntry extends EntryFault {
  /** Its place in the call, from 0. */
  index: number;
}

/** The entries of one version of a campaign. */
export interface Group {
  campaign: Campaign;
  version: number;
  recipients: Recipient[];
  rejected: RejectedEntry[];
}

/** What a call is read with. */
export interface CallTools {
  config: ConfigCache;
  account: Account;
  now: Instant;
  breathe: Breathe;
}

/**
 * Reads a call.
 * @returns its groups, in the order in which they first appear.
 * @throws {Refusal} when the call cannot be read, or a campaign of it cannot be sent; nothing is then accepted.
 */
export async function groupsOf(body: unknown, { config, account, now, breathe }: CallTools): Promise<Group[]> {
  const entries = entriesOf(body);
  const groups = await inGroups(entries, config, account, breathe);
  const senders = new Map<Group, Set<string>>();
  for (const [index, entry] of entries.entries()) {
    const group = groups[index]!;
    const read = readEntry(entry, now, account.defaultRegion);
    const known = senders.get(group) ?? new Set();
    senders.set(group, known);
    if (read.kind === 'bad') group.rejected.push({ index, code: read.code, message: read.message });
    else if (known.has(read.to)) group.rejected.push({ index, ...TWICE });
    else group.recipients.push(read.recipient);
    if (read.kind === 'good') known.add(read.to);
    const pause = breathe();
    if (pause) await pause;
  }
  return [...new Set(groups)];
}

const TWICE: EntryFault = {
  code: 'MESSAGE_TEMPLATE_INPUT_INVALID',
  message: 'the same client is in the call before, with this campaign and version; each may be named once',
};

/** The group of each entry. Of a call that is refused, nothing else is read. */
async function inGroups(entries: unknown[], config: ConfigCache, account: Account, breathe: Breathe): Promise<Group[]> {
  const faults = createFaults();
  const wanted: (WantedCampaign | null)[] = [];
  for (const [index, entry] of entries.entries()) {
    wanted.push(campaignOf(entry, index, faults));
    const pause = breathe();
    if (pause) await pause;
  }
  faults.refuse();
  const byWords = new Map<string, Group>();
  const byVersion = new Map<string, Group>();
  const groups: Group[] = [];
  for (const one of wanted) {
    const words = JSON.stringify(one);
    const group = byWords.get(words) ?? (await groupFor(config, account, one!, byVersion));
    byWords.set(words, group);
    groups.push(group);
    const pause = breathe();
    if (pause) await pause;
  }
  return groups;
}

/** The version that is asked for by its number is the same group as the current one, where it is that. */
async function groupFor(
  config: ConfigCache,
  account: Account,
  wanted: WantedCampaign,
  known: Map<string, Group>,
): Promise<Group> {
  const campaign = campaignCalled(config, account, wanted.name);
  const version = wanted.version === null ? campaign.version : await versionOf(config, campaign, wanted.version);
  const name = JSON.stringify([campaign.id, version]);
  const group = known.get(name) ?? { campaign, version, recipients: [], rejected: [] };
  known.set(name, group);
  if (known.size <= CAMPAIGNS_MAX) return group;
  throw new Refusal(
    'invalid',
    `the entries name more than ${CAMPAIGNS_MAX} campaigns; send the others in further calls`,
  );
}

/** @throws {Refusal} not_found; conflict, when it is not published (vendor page). */
function campaignCalled(config: ConfigCache, account: Account, name: string): Campaign {
  const all = config.campaigns(account.id);
  const called = all.filter((campaign) => campaign.name === name);
  const [running, another] = called.filter(({ state }) => state === 'running');
  if (running && !another) return running;
  if (running) {
    const message = `the campaigns "${running.id}" and "${another!.id}" are both called "${name}"; give one of them another name`;
    throw new Refusal('conflict', message);
  }
  const [stopped] = called;
  if (!stopped) {
    const names = all.map((campaign) => campaign.name);
    const closest = closestTo(name, names);
    const remedy = closest === null ? 'see "carom campaigns"' : `did you mean "${closest}"?`;
    throw coded(
      'MESSAGE_TEMPLATE_NOT_FOUND',
      new Refusal('not_found', `there is no campaign called "${name}"; ${remedy}`),
    );
  }
  const isEnded = stopped.state === 'ended';
  const remedy = isEnded
    ? 'an end is for ever, make a new campaign'
    : `start it with "carom campaigns start ${stopped.id}"`;
  const state = stopped.state === 'draft' ? 'a draft' : stopped.state;
  const refusal = new Refusal('conflict', `the campaign "${name}" is not published: it is ${state}; ${remedy}`);
  throw coded(isEnded ? 'MESSAGE_TEMPLATE_DELETED' : 'MESSAGE_TEMPLATE_NOT_FOUND', refusal);
}

/** @throws {Refusal} not_found. */
async function versionOf(config: ConfigCache, campaign: Campaign, text: string): Promise<number> {
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  const isThere = number > 0 && number <= campaign.version;
  if (isThere && (await config.version(campaign.accountId, campaign.id, number)) !== null) return number;
  const message = `the campaign "${campaign.name}" has no version "${text}"; the newest is "${campaign.version}"`;
  throw coded('MESSAGE_TEMPLATE_NOT_FOUND', new Refusal('not_found', message));
}

/** A group as the engine takes it. */
export function sendoutGroup({ campaign, version, recipients }: Group): SendoutGroup {
  const request: BatchRequest = {
    campaignIds: [campaign.id],
    mode: 'all',
    ttl: null,
    startAt: null,
    params: {},
    overrides: null,
    reference: null,
    targetKind: 'phone',
    unknownUsers: 'send',
  };
  return { request, version, recipients };
}

/** The answer: a row for each group, and which entries were rejected, where some were. */
export function sendAnswer(groups: Group[], sendouts: AcceptedSendout[], traceId: string): object {
  const rejected = groups.flatMap((group) => group.rejected).toSorted((a, b) => a.index - b.index);
  return {
    data: groups.map((group, index) => rowOf(group, sendouts[index]!, traceId)),
    ...(rejected.length > 0 && {
      rejected: rejected
        .slice(0, REJECTED_SHOWN_MAX)
        .map(({ index, code, message }) => ({ index, code: `ERROR_CODE_${code}`, message })),
    }),
  };
}

function rowOf({ campaign, version, recipients, rejected }: Group, { id, isNew }: AcceptedSendout, traceId: string) {
  const [first] = rejected;
  const error =
    recipients.length === 0 && first
      ? errorObject(first.code, `entries[${first.index}]: ${first.message}`, traceId)
      : null;
  return {
    campaignId: campaign.id,
    campaignName: campaign.name,
    campaignVersion: String(version),
    sendoutId: id,
    status: id === null ? null : isNew ? 'created' : 'updated',
    acceptedCount: recipients.length,
    rejectedCount: rejected.length,
    error,
  };
}
