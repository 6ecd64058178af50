/** What a request would make: everything that is checked before anything is written, and the transaction. */
import { THROTTLE_WAIT_DEFAULT_MS } from '#domain/account.ts';
import type { Account } from '#domain/account.ts';
import { faultOfAttachmentCount } from '#domain/attachment.ts';
import { messagesOf, stagesOf } from '#domain/campaign.ts';
import type { Campaign, MessageContent, StageContent } from '#domain/campaign.ts';
import { hash16 } from '#domain/ids.ts';
import type { AccountId, CampaignId } from '#domain/ids.ts';
import { faultOfProfile } from '#domain/profile.ts';
import { faultOf } from '#domain/request.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Leg, Message, MessagePolicy, Stage, Transaction } from '#domain/transaction.ts';
import { campaignOf } from './campaign-of.ts';
import type { ConfigCache } from './config-cache.ts';
import { newTransactionId, newUuid } from './new-ids.ts';

/** Messages and hooks of all campaigns of a request: with each of its answers all of them are looked at and written. */
const MESSAGES_MAX = 1_000;

/** Why a request was not accepted. `message` is for the client and says what to do. */
export type Refusal =
  | { kind: 'invalid'; message: string }
  | { kind: 'campaign_unknown'; campaignId: CampaignId; message: string }
  | { kind: 'campaign_not_running'; campaignId: CampaignId; message: string };

/** Everything that is checked before anything is written (semantics §5, step 1), and the transaction it makes. */
export function plan(
  config: ConfigCache,
  account: Account,
  request: TransactionRequest,
  now: Instant,
): { kind: 'planned'; transaction: Transaction } | { kind: 'refused'; refusal: Refusal } {
  const fault = faultOf(request, now) ?? (request.profile && faultOfProfile(request.profile, 'profile'));
  if (fault !== null) return { kind: 'refused', refusal: { kind: 'invalid', message: fault } };
  const campaigns: Campaign[] = [];
  for (const campaignId of request.campaignIds) {
    const campaign = campaignOf(config, account.id, campaignId, request);
    if (!campaign) {
      const message = `campaign "${campaignId}" does not exist in account "${account.id}"; see "carom campaigns"`;
      return { kind: 'refused', refusal: { kind: 'campaign_unknown', campaignId, message } };
    }
    if (campaign.state !== 'running') {
      const remedy =
        campaign.state === 'ended'
          ? 'leave it out'
          : `start it with "carom campaigns start ${campaignId}" or leave it out`;
      const message = `campaign "${campaignId}" is ${campaign.state}; ${remedy} of campaignIds`;
      return { kind: 'refused', refusal: { kind: 'campaign_not_running', campaignId, message } };
    }
    campaigns.push(campaign);
  }
  const transaction = transactionOf(config, account, request, campaigns, now);
  const tooMany = faultOfAttachmentCount(mostFiles(campaigns, request));
  if (tooMany !== null) return { kind: 'refused', refusal: { kind: 'invalid', message: tooMany } };
  const { length } = transaction.messages;
  if (length <= MESSAGES_MAX) return { kind: 'planned', transaction };
  const message = `campaignIds names campaigns of ${length} messages and hooks in all; at most ${MESSAGES_MAX} are allowed`;
  return { kind: 'refused', refusal: { kind: 'invalid', message } };
}

/** The files of the e-mail that has most of them. */
function mostFiles(campaigns: Campaign[], { attachments }: TransactionRequest): number {
  if (!attachments) return 0;
  const emails = campaigns.flatMap(({ content }) => messagesOf(content)).filter(({ channel }) => channel === 'email');
  return Math.max(0, ...emails.map((message) => (message.attachments?.length ?? 0) + attachments.length));
}

function transactionOf(
  config: ConfigCache,
  account: Account,
  request: TransactionRequest,
  campaigns: Campaign[],
  now: Instant,
): Transaction {
  const txnId = request.txnId ?? newUuid(now);
  const startAt = Math.max(request.startAt ?? now, now);
  return {
    id: newTransactionId(now, hash16(account.id, txnId)),
    accountId: account.id,
    txnId,
    userId: request.userId,
    mode: request.mode,
    createdAt: now,
    startAt,
    deadline: request.ttl === null ? null : startAt + request.ttl * 1_000,
    receiptWindowMs: account.receiptWindowMs,
    throttleWaitMs: THROTTLE_WAIT_DEFAULT_MS,
    tracksEvent: request.eventName !== null,
    updatesProfile: request.profile !== null,
    initialProcessing: 'due',
    status: { name: 'scheduled' },
    legs: campaigns.map((campaign) => legOf(campaign)),
    messages: campaigns.flatMap((campaign, leg) => messagesOfCampaign(config, campaign, leg)),
  };
}

/** The stages of a campaign that has several are kept with the leg: what they are never changes (semantics §12). */
function legOf({ id, version, content }: Campaign): Leg {
  const stages = stagesOf(content);
  const leg = { campaignId: id, campaignVersion: version };
  return stages.length === 1 ? leg : { ...leg, stages: stages.map(stageOf) };
}

function stageOf(stage: StageContent): Stage {
  const { kind, when } = stage;
  const state = { name: 'pending' } as const;
  if (kind === 'wait') return { kind, waitMs: stage.waitMs, ...(when && { when }), state };
  return { kind, ...(when && { when }), state };
}

function messagesOfCampaign(config: ConfigCache, { accountId, content }: Campaign, leg: number): Message[] {
  return stagesOf(content).flatMap((one, stage) => {
    const place = { leg, stage };
    if (one.kind === 'wait') return [];
    if (one.kind === 'hook') {
      const policy = one.hook.retry ? { retry: one.hook.retry } : {};
      return [{ ...place, isHook: true as const, policy, state: { name: 'pending' }, facts: { attempts: 0 } }];
    }
    return one.messages.map((message): Message => {
      const policy = policyOf(config, accountId, message);
      return { ...place, policy, state: { name: 'pending' }, facts: { attempts: 0 } };
    });
  });
}

/** Pinned at acceptance: the campaign's own word first, then its provider's. */
function policyOf(config: ConfigCache, accountId: AccountId, content: MessageContent): MessagePolicy {
  const provider = config.provider(accountId, content.providers[0]!);
  const retry = content.retry ?? provider?.retry;
  const { receiptTimeoutMs, onUnknown } = content;
  return {
    ...(retry && { retry }),
    ...(receiptTimeoutMs !== undefined && { receiptTimeoutMs }),
    ...(onUnknown === 'leave' && { onUnknown }),
    ...(provider?.receipts === 'none' && { receipts: 'none' as const }),
  };
}
