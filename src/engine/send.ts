/** Hands one leg's message to its provider and tells what came of it. The intent is stored before this is called. */
import { messageId } from '#domain/ids.ts';
import { renderContext } from '#domain/render-context.ts';
import { hasEnded } from '#domain/transaction.ts';
import type { Handover, News, Transaction } from '#domain/transaction.ts';
import { wasHandedOver } from '#domain/message.ts';
import type { SkipReason } from '#domain/message.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { OutgoingMessage, SendOutcome } from '#ports/provider.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import { TemplateError } from '#ports/templates.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import { addressFor } from './address.ts';
import { receiptUrl } from './receipt-url.ts';
import { tellParked } from './take-receipt.ts';
import type { Advancer } from './advance.ts';
import type { Held } from './in-hand.ts';
import type { ConfigCache } from './config-cache.ts';
import type { ProfileAhead } from './profile-ahead.ts';
import type { ProviderInUse, ProvidersInUse } from './providers-in-use.ts';
import type { RateLimits } from './rate-limits.ts';
import type { CampaignContent } from '#domain/campaign.ts';
import type { ParsedContent } from './render.ts';
import { untilThere } from './until-there.ts';

/** What sending needs. */
export interface SendTools {
  config: ConfigCache;
  profileAhead: ProfileAhead;
  receipts: ReceiptStore;
  providers: ProvidersInUse;
  limits: RateLimits;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** Carom's address as vendors see it, without a trailing slash. */
  publicUrl: string;
  parse(content: CampaignContent): ParsedContent;
  advancer(): Advancer;
}

/** Why there will be no call, or what to call with. */
export type Prepared =
  | { kind: 'skip'; reason: SkipReason }
  | { kind: 'refuse'; reason: string; handover?: Handover }
  | { kind: 'ready'; message: OutgoingMessage; via: ProviderInUse; handover: Handover };

/** Calls the provider for a leg of a held transaction. */
export async function send(tools: SendTools, held: Held, leg: number): Promise<void> {
  const { transaction } = held.stored;
  const { attempts } = transaction.legs[leg]!.facts;
  if (attempts === 1 && leg > 0 && transaction.mode !== 'all')
    tools.limits.use(transaction.accountId, 'transaction', 1);
  const prepared = await prepare(tools, held.stored, leg);
  const answers = { leg, attempt: attempts };
  switch (prepared.kind) {
    case 'skip':
      return tell(tools, transaction, { kind: 'skipped', ...answers, reason: prepared.reason });
    case 'refuse': {
      const { reason, handover } = prepared;
      return tell(tools, transaction, {
        kind: 'rejected',
        ...answers,
        reason,
        retryable: false,
        ...(handover && { handover }),
      });
    }
    case 'ready':
      return callProvider(tools, held, leg, prepared);
  }
}

/** Everything that is decided before a call: campaign, address, provider, texts (semantics §8 and §11). */
export async function prepare(
  tools: SendTools,
  { transaction, request }: Pick<StoredTransaction, 'transaction' | 'request'>,
  position: number,
): Promise<Prepared> {
  const { accountId, userId } = transaction;
  const leg = transaction.legs[position]!;
  const campaign = tools.config.campaign(accountId, leg.campaignId);
  if (!wasHandedOver(leg.state, leg.facts) && campaign?.state !== 'running')
    return { kind: 'skip', reason: 'campaign_not_running' };
  const [content, profile] = await Promise.all([
    untilThere(() => tools.config.version(accountId, leg.campaignId, leg.campaignVersion), tools.signal),
    untilThere(() => tools.profileAhead.of(transaction), tools.signal),
  ]);
  if (!content) return { kind: 'skip', reason: 'campaign_not_running' };
  const region = tools.config.account(accountId)?.defaultRegion ?? null;
  const address = addressFor(content.channel, request, profile, region);
  // A campaign cannot outvote its user: what was opted out of is not sent (semantics §2).
  if (profile?.fields.consents?.[content.channel] === false) return { kind: 'skip', reason: 'opted_out' };
  if (address.kind === 'none') return { kind: 'skip', reason: 'no_address' };
  if (address.kind === 'invalid') return { kind: 'refuse', reason: 'invalid_address' };
  const providerId = content.providers[0]!;
  const handover: Handover = { channel: content.channel, provider: providerId, to: address.to, at: null };
  const via = findProvider(tools, transaction, providerId);
  if (!via) return { kind: 'refuse', reason: 'provider_not_configured', handover };
  try {
    const texts = tools.parse(content).render(renderContext(transaction, request, profile));
    const id = messageId(transaction.id, position + 1);
    const message = {
      ...texts,
      messageId: id,
      channel: content.channel,
      to: address.to,
      txnId: transaction.txnId,
      campaignId: leg.campaignId,
      userId,
      receiptUrl: receiptUrl(tools.publicUrl, via.config, id),
    };
    return { kind: 'ready', message, via, handover };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    tools.log.warn(
      { transactionId: transaction.id, campaignId: leg.campaignId, error: error.message },
      'a message could not be rendered',
    );
    return { kind: 'refuse', reason: 'render_error', handover };
  }
}

function findProvider(tools: SendTools, { accountId, id }: Transaction, providerId: string): ProviderInUse | null {
  try {
    return tools.providers.find(accountId, providerId);
  } catch (error) {
    tools.log.error({ transactionId: id, providerId, error }, 'a provider could not be opened');
    return null;
  }
}

async function callProvider(
  tools: SendTools,
  held: Held,
  leg: number,
  { message, via, handover }: Extract<Prepared, { kind: 'ready' }>,
): Promise<void> {
  const { transaction } = held.stored;
  const answers = { leg, attempt: transaction.legs[leg]!.facts.attempts, handover };
  const retryAfterMs = via.gate.pausedForMs(tools.clock.now());
  if (retryAfterMs > 0) return tell(tools, transaction, { kind: 'throttled', ...answers, retryAfterMs });
  await via.gate.enter();
  let outcome: SendOutcome | null = null;
  // Much may have happened while it waited its turn.
  const obstacle = obstacleTo(held.stored.transaction, via, answers, tools.clock.now());
  try {
    if (obstacle === null) {
      handover.at = tools.clock.now();
      outcome = await via.provider.send(message);
    }
  } finally {
    via.gate.leave();
  }
  if (outcome) return take(tools, held, message, via, answers, outcome);
  if (obstacle !== null && obstacle !== 'answered') return tell(tools, transaction, obstacle);
}

/** Why not to call after all, as news; `answered` when a receipt has settled the message already, null when nothing is in the way. */
function obstacleTo(
  transaction: Transaction,
  { gate }: ProviderInUse,
  answers: { leg: number; attempt: number; handover: Handover },
  now: number,
): News | 'answered' | null {
  const { leg, attempt } = answers;
  const tooLate = whyTooLate(transaction, leg, attempt, now);
  if (tooLate === 'answered') return tooLate;
  if (tooLate) return { kind: 'skipped', leg, attempt, reason: tooLate };
  const retryAfterMs = gate.pausedForMs(now);
  return retryAfterMs > 0 ? { kind: 'throttled', ...answers, retryAfterMs } : null;
}

/** A reason not to call after all; `answered` when a receipt has settled the message already. */
function whyTooLate(
  transaction: Transaction,
  position: number,
  attempt: number,
  now: number,
): SkipReason | 'answered' | null {
  const leg = transaction.legs[position]!;
  if (leg.state.name !== 'sending' || leg.facts.attempts !== attempt) return 'answered';
  if (hasEnded(transaction)) return transaction.status.name === 'cancelled' ? 'cancelled' : 'chain_succeeded';
  return transaction.deadline !== null && now >= transaction.deadline ? 'ttl_expired' : null;
}

/** The provider's answer, as news. */
async function take(
  tools: SendTools,
  { stored }: Held,
  message: OutgoingMessage,
  via: ProviderInUse,
  answers: { leg: number; attempt: number; handover: Handover },
  outcome: SendOutcome,
): Promise<void> {
  const { transaction } = stored;
  switch (outcome.kind) {
    case 'accepted':
      if (outcome.ref !== null && via.provider.receiptsByRef)
        await keepRef(tools, transaction, message, via, outcome.ref);
      return tell(tools, transaction, { kind: 'accepted', ...answers, ref: outcome.ref });
    case 'rejected': {
      const { reason, detail, retryable } = outcome;
      return tell(tools, transaction, {
        kind: 'rejected',
        ...answers,
        reason: detail ? `${reason}: ${detail}` : reason,
        retryable,
      });
    }
    case 'throttled':
      via.gate.pauseUntil(tools.clock.now() + outcome.retryAfterMs);
      return tell(tools, transaction, { kind: 'throttled', ...answers, retryAfterMs: outcome.retryAfterMs });
    case 'unknown':
      return tell(tools, transaction, { kind: 'unknown', ...answers, reason: outcome.reason });
  }
}

/** Makes the message findable by the provider's reference, and takes what had come for it before. */
async function keepRef(
  tools: SendTools,
  { accountId }: Transaction,
  { messageId: id }: OutgoingMessage,
  { config }: ProviderInUse,
  ref: string,
): Promise<void> {
  const add = () => tools.receipts.addRef(accountId, config.id, ref, id, tools.clock.now());
  const parked = await untilThere(add, tools.signal);
  for (const receipt of parked) {
    await untilThere(() => tellParked(tools.receipts, tools.advancer(), id, receipt), tools.signal);
  }
}

async function tell(tools: SendTools, { accountId, id }: Transaction, news: News): Promise<void> {
  await tools.advancer().tell(accountId, id, news);
}
