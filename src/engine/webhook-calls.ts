/** The calls that a transition, or the end of a batch, makes: each event for each webhook that wants to know, written out. */
import type { Batch, BatchCounts } from '#domain/batch.ts';
import type { Campaign, Channel } from '#domain/campaign.ts';
import { isPhoneChannel, messagesOf } from '#domain/campaign.ts';
import { messageId } from '#domain/ids.ts';
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Message, Transaction } from '#domain/transaction.ts';
import { wantsToKnow } from '#domain/webhook.ts';
import type { Webhook, WebhookFormat, WebhookSubject } from '#domain/webhook.ts';
import { webhookEvents } from '#domain/webhook-events.ts';
import type { WebhookEvent } from '#domain/webhook-events.ts';
import { WEBHOOK_PATIENCE_MS } from '#domain/webhook-retry.ts';
import type { ToldEvent, WriteEvent } from '#ports/webhook-sender.ts';
import type { WebhookCall } from '#ports/webhook-store.ts';
import type { ConfigCache } from './config-cache.ts';

/** Events of one transition, at most: they are numbered within its version. More than a transaction can have. */
const EVENTS_PER_VERSION = 1_000_000;

/** What making calls needs. */
export interface CallTools {
  config: Pick<ConfigCache, 'webhooks' | 'campaign'>;
  write: WriteEvent;
}

/** A transition, as far as webhooks are told of it. */
export interface ToldTransition {
  before: Transaction;
  after: Transaction;
  request: TransactionRequest;
  /** The version that `before` has in the store. */
  version: number;
}

/** The calls of a transition; none where nobody listens, at the cost of one look. */
export function webhookCalls(
  tools: CallTools,
  { before, after, request, version }: ToldTransition,
  now: Instant,
): WebhookCall[] {
  const webhooks = tools.config.webhooks(after.accountId);
  if (webhooks.length === 0) return [];
  return webhookEvents(before, after, now).flatMap((event, index) => {
    const told = () => toldOf(tools, event, after, request);
    const place = { lane: after.id, position: version * EVENTS_PER_VERSION + index };
    return callsFor(tools, webhooks, subjectOf(tools, event, after), told, place);
  });
}

/** The calls at the end of a batch. The same end, told twice, makes the same calls. */
export function batchEndedCalls(tools: CallTools, batch: Batch, counts: BatchCounts, now: Instant): WebhookCall[] {
  const { accountId, id, request } = batch;
  const { campaignIds, reference } = request;
  const type = 'batch.ended';
  const told = () =>
    ({ id: `${id}_batch`, type, at: now, accountId, batch: { id, campaignIds, reference, counts } }) as const;
  const place = { lane: id, position: 0 };
  return callsFor(tools, tools.config.webhooks(accountId), { type, campaignIds, channels: null }, told, place);
}

/** The event is put together when somebody wants to know, and written once in each format. */
function callsFor(
  { write }: CallTools,
  webhooks: readonly Webhook[],
  subject: WebhookSubject,
  tell: () => ToldEvent,
  place: { lane: string; position: number },
): WebhookCall[] {
  const wanting = webhooks.filter((webhook) => wantsToKnow(webhook, subject));
  if (wanting.length === 0) return [];
  const event = tell();
  const { id, type, at, accountId } = event;
  const bodies = new Map<WebhookFormat, string>();
  return wanting.map(({ id: webhookId, format }) => {
    const body = bodies.get(format) ?? write(event, format);
    bodies.set(format, body);
    return { accountId, webhookId, ...place, id, type, at, giveUpAt: at + WEBHOOK_PATIENCE_MS, format, body };
  });
}

function subjectOf(tools: CallTools, { type, message: index }: WebhookEvent, transaction: Transaction): WebhookSubject {
  const { accountId, legs, messages } = transaction;
  const its = index === null ? messages.filter(({ isHook }) => !isHook) : [messages[index]!];
  const campaignIds = index === null ? legs.map(({ campaignId }) => campaignId) : [legs[its[0]!.leg]!.campaignId];
  const channels = its.map((message) => channelOf(tools, accountId, message, legs[message.leg]!.campaignId));
  // Where one is not known, it is told rather than kept back.
  return { type, campaignIds, channels: channels.every((channel) => channel !== null) ? channels : null };
}

/** A message that was refused before it was handed over has no channel yet; its campaign may have only one. */
function channelOf(
  { config }: CallTools,
  accountId: AccountId,
  { facts }: Message,
  campaignId: CampaignId,
): Channel | null {
  if (facts.channel) return facts.channel;
  const campaign = config.campaign(accountId, campaignId);
  const channels = new Set(campaign && messagesOf(campaign.content).map(({ channel }) => channel));
  const [only] = channels;
  return channels.size === 1 ? only! : null;
}

function toldOf(
  tools: CallTools,
  { type, message: index, at }: WebhookEvent,
  transaction: Transaction,
  request: TransactionRequest,
): ToldEvent {
  const { id, accountId, txnId, userId, status } = transaction;
  const late = status.name === 'succeeded' && status.late;
  const told = {
    type,
    at,
    accountId,
    transaction: {
      id,
      txnId,
      userId,
      state: status.name,
      late,
      campaignIds: request.campaignIds,
      reference: request.reference,
      batchId: request.batch?.id ?? null,
    },
  };
  // An end that is turned by a late receipt is told again.
  if (index === null) return { id: `${id}_ended${late ? '_late' : ''}`, ...told };
  return {
    id: `${messageId(id, index + 1)}_${type.slice(type.indexOf('.') + 1)}`,
    ...told,
    message: messageOf(tools, transaction, request, index),
  };
}

function messageOf(
  { config }: CallTools,
  { id, accountId, legs, messages }: Transaction,
  request: TransactionRequest,
  index: number,
): NonNullable<ToldEvent['message']> {
  const { leg, state, facts } = messages[index]!;
  const { campaignId, campaignVersion } = legs[leg]!;
  const campaign = config.campaign(accountId, campaignId);
  return {
    id: messageId(id, index + 1),
    campaignId,
    campaignName: campaign?.name ?? campaignId,
    version: campaignVersion,
    leg,
    channel: facts.channel ?? null,
    provider: facts.provider ?? null,
    to: facts.to ?? null,
    from: fromOf(campaign, request, facts.channel),
    state: state.name,
    reason: 'reason' in state ? state.reason : (facts.reason ?? null),
  };
}

/** Who it is from, as far as that needs no rendering: the request's word, or the same in all that the campaign has for the channel. */
function fromOf(campaign: Campaign | null, { from }: TransactionRequest, channel: Channel | undefined): string | null {
  if (channel === undefined) return null;
  if (from !== null && isPhoneChannel(channel)) return from;
  const its = campaign ? messagesOf(campaign.content).filter((message) => message.channel === channel) : [];
  const froms = new Set(its.map((message) => message.from));
  const [only] = froms;
  return froms.size === 1 && only !== undefined && !only.includes('{') ? only : null;
}
