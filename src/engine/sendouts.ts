/** Accepts calls that send several campaigns at once: a batch for each version, all of them in one unit of work. */
import type { Account } from '#domain/account.ts';
import type { Batch, BatchRequest, Recipient } from '#domain/batch.ts';
import { hash16 } from '#domain/ids.ts';
import type { AccountId, SendoutId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { SendoutPart, SendoutStore } from '#ports/sendout-store.ts';
import { inPages, refusalOf } from './batch-accept.ts';
import type { ConfigCache } from './config-cache.ts';
import { newTransactionId } from './new-ids.ts';
import type { Refusal } from './plan.ts';

/** What accepting sendouts needs. */
export interface SendoutTools {
  config: ConfigCache;
  sendouts: SendoutStore;
  clock: Clock;
}

/** What a call sends of one version of a campaign. */
export interface SendoutGroup {
  /** Names one campaign. */
  request: BatchRequest;
  /** Of the campaign: its current version, or any that there was before. */
  version: number;
  /** May be none: the sendout is then looked up. */
  recipients: Recipient[];
}

/** What became of a group. */
export interface AcceptedSendout {
  /** The same for every call with this campaign and version; null: nobody has ever been sent it so, nor is now. */
  id: SendoutId | null;
  /** True for the call that was the first to send it. */
  isNew: boolean;
  batch: Batch | null;
}

/** What became of a call. */
export type SendoutResult = { kind: 'accepted'; sendouts: AcceptedSendout[] } | { kind: 'refused'; refusal: Refusal };

/**
 * Accepts the groups of one call, all or none. Nothing is sent here.
 * @param groups at least one; no version of a campaign is in two of them.
 * @throws {StoreUnavailableError | OverloadedError} nothing is then known to be accepted.
 */
export async function acceptSendouts(
  { config, sendouts, clock }: SendoutTools,
  account: Account,
  groups: SendoutGroup[],
): Promise<SendoutResult> {
  const now = clock.now();
  const parts: SendoutPart[] = [];
  for (const group of groups) {
    const part = await partOf(config, account, group, now);
    if (part.kind === 'refused') return part;
    parts.push(part.part);
  }
  const found = await sendouts.accept({ accountId: account.id, at: now, parts });
  return {
    kind: 'accepted',
    sendouts: found.map((sendout, index) => ({ ...sendout, batch: parts[index]!.batch?.batch ?? null })),
  };
}

async function partOf(
  config: ConfigCache,
  account: Account,
  { request, version, recipients }: SendoutGroup,
  now: Instant,
): Promise<{ kind: 'part'; part: SendoutPart } | { kind: 'refused'; refusal: Refusal }> {
  const campaignId = request.campaignIds[0]!;
  const refusal = refusalOf(config, account, request, Math.max(recipients.length, 1), now);
  if (refusal) return { kind: 'refused', refusal };
  if ((await config.version(account.id, campaignId, version)) === null) {
    const message = `campaign "${campaignId}" has no version ${version}`;
    return { kind: 'refused', refusal: { kind: 'campaign_unknown', campaignId, message } };
  }
  const part = { campaignId, version, newId: newId(account.id, now), batch: null };
  if (recipients.length === 0) return { kind: 'part', part };
  const paged = await inPages(request, recipients, false);
  if ('fault' in paged) return { kind: 'refused', refusal: { kind: 'invalid', message: paged.fault } };
  const batch: Batch = {
    accountId: account.id,
    id: newId(account.id, now),
    createdAt: now,
    request,
    campaignVersions: [version],
    total: recipients.length,
    state: 'running',
    endedAt: null,
  };
  return { kind: 'part', part: { ...part, batch: { batch, pages: paged.pages } } };
}

/** All of an account's carry the same routing hash, so that a call is one unit of work in one bucket. */
function newId(accountId: AccountId, now: Instant): SendoutId {
  return newTransactionId(now, hash16(accountId));
}
