/** Takes what a vendor reports: finds the message, by our id or by the vendor's, and tells it; what meets no message is parked. */
import { parseMessageId } from '#domain/ids.ts';
import type { AccountId, MessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Receipt } from '#ports/provider.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import type { Advancer } from './advance.ts';

/** Receipts being taken at once, over which a vendor is told to come again. */
const UNDER_WAY_MAX = 20_000;

/** What taking receipts needs. */
export interface ReceiptTools {
  receipts: ReceiptStore;
  advancer: Advancer;
  clock: Clock;
  log: Log;
}

/** Takes the receipts of one callback. */
export interface ReceiptTaker {
  /**
   * Resolves when each receipt is durable: applied, recorded, or parked.
   * @throws {OverloadedError} when too many are under way.
   */
  take(provider: ProviderConfig, receipts: Receipt[]): Promise<void>;
  /** Matches parked receipts whose reference has appeared. */
  matchParked(): Promise<void>;
}

/** Parked receipts matched in one go. */
const MATCH_MAX = 500;

/** A taker with nothing under way. */
export function receiptTaker({ receipts, advancer, clock, log }: ReceiptTools): ReceiptTaker {
  let underWay = 0;
  let mayHaveParked = true;

  async function takeOne(provider: ProviderConfig, receipt: Receipt): Promise<void> {
    const { accountId, id: providerId } = provider;
    const { status, reason, ref } = receipt;
    const ours = receipt.messageId !== null && parseMessageId(receipt.messageId) ? receipt.messageId : null;
    if (ours !== null && (await tellReceipt(advancer, accountId, ours, status, reason, providerId))) return;
    if (ref === null) return log.info({ accountId, providerId, status }, 'a receipt names no message of ours; ignored');
    const known = await receipts.findByRef(accountId, providerId, ref);
    if (known !== null && (await tellReceipt(advancer, accountId, known, status, reason, providerId))) return;
    await receipts.park({ accountId, providerId, ref, status, reason, at: clock.now() });
    mayHaveParked = true;
  }

  return {
    take: async (provider, batch) => {
      if (underWay + batch.length > UNDER_WAY_MAX) throw new OverloadedError(`more than ${UNDER_WAY_MAX} receipts are being taken`);
      underWay += batch.length;
      try {
        await Promise.all(batch.map((receipt) => takeOne(provider, receipt)));
      } finally {
        underWay -= batch.length;
      }
    },
    matchParked: async () => {
      if (!mayHaveParked) return;
      const matched = await receipts.takeMatched(MATCH_MAX);
      mayHaveParked = matched.length === MATCH_MAX;
      for (const { receipt, messageId } of matched) {
        await tellReceipt(advancer, receipt.accountId, messageId, receipt.status, receipt.reason, receipt.providerId);
      }
    },
  };
}

/**
 * Tells a message's transaction of a receipt.
 * @param providerId when given, a message that went through another provider is not this receipt's.
 * @returns false when there is no such message.
 */
export async function tellReceipt(
  advancer: Advancer,
  accountId: AccountId,
  messageId: MessageId,
  status: ReceiptStatus,
  reason: string | null,
  providerId: string | null = null,
): Promise<boolean> {
  const parsed = parseMessageId(messageId);
  if (!parsed) return false;
  const leg = parsed.ordinal - 1;
  const news = { kind: 'receipt', leg, status, reason } as const;
  const isItsOwn = (transaction: Transaction) => isFrom(transaction, leg, providerId);
  return (await advancer.tell(accountId, parsed.transactionId, news, isItsOwn)) !== null;
}

/** A message still being sent has no provider noted yet: its receipt overtook the answer. */
function isFrom({ legs }: Transaction, position: number, providerId: string | null): boolean {
  const leg = legs[position];
  if (!leg) return false;
  const { provider } = leg.facts;
  return providerId === null || provider === undefined || provider === providerId;
}
