/** Everything that is decided before a call: campaign, address, provider, texts (semantics §8, §11 and §12). Writes nothing. */
import type { Attachment } from '#domain/attachment.ts';
import { isPhoneChannel, stagesOf } from '#domain/campaign.ts';
import type { CampaignContent, HookContent, MessageContent } from '#domain/campaign.ts';
import { messageId } from '#domain/ids.ts';
import type { AccountId, ProviderId } from '#domain/ids.ts';
import { wasHandedOver } from '#domain/message.ts';
import type { MessageFacts, SkipReason } from '#domain/message.ts';
import type { Profile } from '#domain/profile.ts';
import { chooseProvider, providersFor } from '#domain/provider-choice.ts';
import { renderContext } from '#domain/render-context.ts';
import type { JsonObject, TransactionRequest } from '#domain/request.ts';
import { isSmsSender } from '#domain/sender.ts';
import type { Handover, Transaction } from '#domain/transaction.ts';
import type { HookCall } from '#ports/hook.ts';
import type { Log } from '#ports/log.ts';
import type { OutgoingFile, OutgoingMessage } from '#ports/provider.ts';
import { TemplateError } from '#ports/templates.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import type { BatchRequests } from './batch-requests.ts';
import { campaignOf, contentOf } from './campaign-of.ts';
import type { ConfigCache } from './config-cache.ts';
import { countryOf } from './country.ts';
import type { FairTurns } from './fair-turns.ts';
import type { MessageFiles } from './message-files.ts';
import type { ProfileAhead } from './profile-ahead.ts';
import type { ProviderInUse, ProvidersInUse } from './providers-in-use.ts';
import { receiptUrl } from './receipt-url.ts';
import { findRecipient } from './recipient.ts';
import type { Recipient, RecipientTools } from './recipient.ts';
import type { ContentParser } from './render.ts';
import type { Tracking } from './tracking.ts';
import { untilThere } from './until-there.ts';

/** What preparing needs. */
export interface PrepareTools extends RecipientTools {
  config: ConfigCache;
  profileAhead: ProfileAhead;
  batchRequests: BatchRequests;
  providers: ProvidersInUse;
  log: Log;
  /** Carom's address as vendors see it, without a trailing slash. */
  publicUrl: string;
  tracking: Tracking;
  messageFiles: MessageFiles;
  parse: ContentParser;
  /** Rendering keeps the thread. */
  turns: FairTurns;
}

/** Why there will be no call, or what to call with. */
export type Prepared =
  | { kind: 'skip'; reason: SkipReason }
  /** `others`: providers of the campaign that may take it all the same. */
  | { kind: 'refuse'; reason: string; handover?: Handover; others?: ProviderId[] }
  | {
      kind: 'ready';
      content: MessageContent;
      message: OutgoingMessage;
      via: ProviderInUse;
      others: ProviderId[];
      handover: Handover;
    }
  | { kind: 'hook'; call: HookCall };

type Stored = Pick<StoredTransaction, 'transaction' | 'request'>;

/** What both messages and hooks are made from. */
interface Ground {
  campaignId: string;
  messageId: string;
  facts: MessageFacts;
  profile: Profile | null;
  context: JsonObject;
}

/** Prepares the message or hook of an index. */
export async function prepare(tools: PrepareTools, { transaction, request }: Stored, index: number): Promise<Prepared> {
  const { accountId } = transaction;
  const { leg, state, facts } = transaction.messages[index]!;
  const { campaignId } = transaction.legs[leg]!;
  const campaign = campaignOf(tools.config, accountId, campaignId, request);
  if (!wasHandedOver(state, facts) && campaign?.state !== 'running')
    return { kind: 'skip', reason: 'campaign_not_running' };
  const { batch } = request;
  const [content, profile, shared] = await Promise.all([
    untilThere(() => contentOf(tools.config, accountId, transaction.legs[leg]!, request), tools.signal),
    untilThere(() => tools.profileAhead.of(transaction), tools.signal),
    batch && untilThere(() => tools.batchRequests.of(accountId, batch.id), tools.signal),
  ]);
  if (!content) return { kind: 'skip', reason: 'campaign_not_running' };
  const part = partOf(content, transaction, index);
  const addressee = {
    account: tools.config.account(accountId),
    request,
    profile,
    wasHandedOver: wasHandedOver(state, facts),
  };
  const recipient = 'request' in part ? null : await findRecipient(tools, addressee, part);
  if (recipient && recipient.kind !== 'found') return recipient;
  return tools.turns.run(turnOf(accountId, request), () => {
    const id = messageId(transaction.id, index + 1);
    const context = renderContext(transaction, request, shared?.params ?? request.params, profile);
    // Computed for the few templates that name it.
    const unsubscribeUrl = { get: () => tools.tracking.unsubscribeUrlOf(id), enumerable: true };
    Object.defineProperty(context, 'unsubscribe_url', unsubscribeUrl);
    const ground = { campaignId, messageId: id, facts, profile, context };
    if ('request' in part) return prepareHook(tools, transaction, part, ground);
    const texts = (shared?.overrides ?? request.overrides)?.[part.channel];
    const files = tools.messageFiles.of(accountId, filesFor(part, shared ?? request));
    const given = { content: part, files, recipient: recipient!, ...(texts && { texts }) };
    return prepareMessage(tools, { transaction, request }, given, ground);
  });
}

/** The campaign's, then the call's; none where the channel has none. */
function filesFor(
  { channel, attachments: own = [] }: MessageContent,
  { attachments: given }: { attachments?: Attachment[] | null },
): Attachment[] {
  return channel === 'email' ? [...own, ...(given ?? [])] : [];
}

/** Whose turn it is to keep the thread: what an account's batches ask for does not stand before its single transactions. */
export function turnOf(accountId: AccountId, { batch }: Pick<TransactionRequest, 'batch'>): string {
  return batch === null ? accountId : `${accountId} bulk`;
}

/** What the campaign's version says about the message of this index. */
function partOf(content: CampaignContent, { messages }: Transaction, index: number): MessageContent | HookContent {
  const { leg, stage } = messages[index]!;
  const its = stagesOf(content)[stage]!;
  if (its.kind === 'hook') return its.hook;
  if (its.kind === 'wait') throw new TypeError('a wait has no message');
  const first = messages.findIndex((message) => message.leg === leg && message.stage === stage);
  return its.messages[index - first]!;
}

function prepareHook(
  { config }: PrepareTools,
  { accountId, txnId, userId }: Transaction,
  { request }: HookContent,
  { campaignId, messageId: id, context }: Ground,
): Prepared {
  const names = { message_id: id, txn_id: txnId, campaign_id: campaignId, user_id: userId };
  const allowPrivate = config.account(accountId)?.privateNetwork === 'allow';
  return { kind: 'hook', call: { request, messageId: id, context: { ...context, ...names }, allowPrivate } };
}

/** @param part the campaign's message, the texts that the call gave instead, and its files. */
function prepareMessage(
  tools: PrepareTools,
  { transaction, request }: Stored,
  {
    content,
    texts: given,
    files,
    recipient,
  }: {
    content: MessageContent;
    texts?: Partial<MessageContent>;
    files: OutgoingFile[] | null;
    recipient: Recipient;
  },
  { campaignId, messageId: id, facts, context }: Ground,
): Prepared {
  const { txnId, userId } = transaction;
  const { channel } = content;
  const { to, devices } = recipient;
  const choice = chooseProvider(providersFor(content, id, to, countryOf), facts);
  if (!choice) return { kind: 'refuse', reason: 'no_provider' };
  const { others } = choice;
  const handover: Handover = { channel, provider: choice.id, to, at: null };
  const via = findProvider(tools, transaction, choice.id);
  if (!via) return { kind: 'refuse', reason: 'provider_not_configured', handover, others };
  if (content.providers.length > 1) handover.receipts = via.config.receipts;
  try {
    const rendered = tools.parse(content, given).render(context);
    const texts = request.from !== null && isPhoneChannel(channel) ? { ...rendered, from: request.from } : rendered;
    if (channel === 'sms' && texts.from !== null && !isSmsSender(texts.from))
      return { kind: 'refuse', reason: 'invalid_sender', handover };
    const receipts = receiptUrl(tools.publicUrl, via.config, id);
    const route = { messageId: id, channel, to, devices, txnId, campaignId, userId, receiptUrl: receipts };
    const message = { ...texts, ...route, attachments: files, unsubscribeUrl: null, headers: null, report: null };
    return { kind: 'ready', content, message, via, others, handover };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const about = { transactionId: transaction.id, campaignId, error: error.message };
    tools.log.warn(about, 'a message could not be rendered');
    return { kind: 'refuse', reason: 'render_error', handover };
  }
}

function findProvider(tools: PrepareTools, { accountId, id }: Transaction, providerId: string): ProviderInUse | null {
  try {
    return tools.providers.find(accountId, providerId);
  } catch (error) {
    tools.log.error({ transactionId: id, providerId, error }, 'a provider could not be opened');
    return null;
  }
}
