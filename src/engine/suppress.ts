/** Puts on the suppression list what providers say must not be written to any more. */
import { isPushChannel } from '#domain/campaign.ts';
import { messageId, parseMessageId } from '#domain/ids.ts';
import type { AccountId, MessageId, ProviderId } from '#domain/ids.ts';
import type { Handover, Transaction } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { Receipt, SendOutcome } from '#ports/provider.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import { addressFor } from './address.ts';
import type { ConfigCache } from './config-cache.ts';
import { suppressionAddress } from './suppressions.ts';
import type { Suppressions } from './suppressions.ts';
import { untilThere } from './until-there.ts';

/** What suppressing needs. */
export interface SuppressTools {
  suppressions: Suppressions;
  transactions: TransactionStore;
  profiles: ProfileStore;
  config: ConfigCache;
  clock: Clock;
  log: Log;
}

/** Who reports, and about which message (null: none of ours is named). */
interface Report {
  accountId: AccountId;
  providerId: ProviderId;
  messageId: MessageId | null;
}

/**
 * Resolves when the address is suppressed. To be called before the receipt is told: the next leg may be for the same address.
 * An address that is named is suppressed whatever the message was; else the message has to be one of this provider.
 */
export async function suppress(
  tools: SuppressTools,
  report: Report,
  { reason, address }: NonNullable<Receipt['suppress']>,
): Promise<void> {
  const { accountId, providerId, messageId: about } = report;
  const account = tools.config.account(accountId);
  const channel = tools.config.provider(accountId, providerId)?.channel;
  const text = address ?? (about === null ? null : await addressOfMessage(tools, report, about));
  if (!account || !channel || text === null) return;
  const comparable = suppressionAddress(account, channel, text);
  if (comparable === null)
    return tools.log.warn(
      { accountId, providerId, channel },
      'what a provider wants suppressed is no address; ignored',
    );
  const at = tools.clock.now();
  await tools.suppressions.add({ accountId, channel, address: comparable, reason, at, providerId, messageId: about });
}

/** Where a message went; while its provider is being called, where it is going. */
async function addressOfMessage(
  { transactions, profiles, config }: SuppressTools,
  { accountId, providerId }: Report,
  about: MessageId,
): Promise<string | null> {
  const { transactionId, ordinal } = parseMessageId(about)!;
  const stored = await transactions.load(accountId, transactionId);
  const message = stored?.transaction.messages[ordinal - 1];
  if (!stored || !message || message.isHook) return null;
  const { facts } = message;
  if (facts.provider !== undefined && facts.provider !== providerId) return null;
  if (facts.to !== undefined) return facts.to;
  const { channel } = config.provider(accountId, providerId)!;
  const profile = await profiles.load(accountId, stored.transaction.userId);
  const found = addressFor(channel, stored.request, profile, config.account(accountId)?.defaultRegion ?? null);
  return found.kind === 'found' ? found.to : null;
}

/** Resolves when addresses that an answer says do not exist are suppressed. Devices are not: they go from the profile. */
export async function suppressGone(
  tools: SuppressTools & { signal: AbortSignal },
  { accountId, id }: Pick<Transaction, 'accountId' | 'id'>,
  index: number,
  { channel, provider: providerId }: Handover,
  outcome: SendOutcome,
): Promise<void> {
  if (isPushChannel(channel) || !('gone' in outcome) || !outcome.gone) return;
  const report = { accountId, providerId, messageId: messageId(id, index + 1) };
  for (const address of outcome.gone)
    await untilThere(() => suppress(tools, report, { reason: 'hard_bounce', address }), tools.signal);
}
