/** Takes what a vendor reports: finds the message, by our id or by the vendor's, and tells it; what meets no message is parked. */
import { parseMessageId } from '#domain/ids.ts';
import type { AccountId, MessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { isItsReceipt } from '#domain/receipts.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Receipt } from '#ports/provider.ts';
import type { KeptReceipt, ReceiptStore } from '#ports/receipt-store.ts';
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';
import type { Advancer } from './advance.ts';
import { suppress } from './suppress.ts';
import type { SuppressTools } from './suppress.ts';

/** Receipts being taken at once, over which a vendor is told to come again. */
const UNDER_WAY_MAX = 20_000;
/** How long a vendor waits for its answer. What could not be written by then is told to come again, and written all the same. */
const TAKE_MAX_MS = 3_000;

/** What taking receipts needs. */
export interface ReceiptTools extends SuppressTools {
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
   * @throws {StoreUnavailableError} when they cannot be written now.
   */
  take(provider: ProviderConfig, receipts: Receipt[]): Promise<void>;
  /** Matches parked receipts whose reference has appeared. */
  matchParked(): Promise<void>;
}

/** Parked receipts matched in one go. */
const MATCH_MAX = 500;
/** How long after the last parking or handing out a match is looked for every time … */
const WATCH_MS = 15_000;
/** … and how often otherwise: another node may have died with receipts in its hands. */
const LOOK_MS = 60_000;

/** A taker with nothing under way. */
export function receiptTaker(tools: ReceiptTools): ReceiptTaker {
  const { receipts, advancer, clock, log } = tools;
  let underWay = 0;
  let watchUntil = clock.now() + WATCH_MS;
  let lastLook = 0;

  async function takeOne(provider: ProviderConfig, receipt: Receipt): Promise<void> {
    const { accountId, id: providerId } = provider;
    const { status, reason, ref } = receipt;
    const ours = receipt.messageId !== null && parseMessageId(receipt.messageId) ? receipt.messageId : null;
    if (receipt.suppress) await suppress(tools, { accountId, providerId, messageId: ours }, receipt.suppress);
    if (ours !== null && (await tellReceipt(advancer, accountId, ours, status, reason, providerId))) return;
    if (ref === null) return log.info({ accountId, providerId, status }, 'a receipt names no message of ours; ignored');
    const known = await receipts.findByRef(accountId, providerId, ref);
    if (known !== null && receipt.suppress)
      await suppress(tools, { accountId, providerId, messageId: known }, receipt.suppress);
    if (known !== null && (await tellReceipt(advancer, accountId, known, status, reason, providerId))) return;
    // Before it is parked: a park whose answer is lost may have been one.
    watchUntil = clock.now() + WATCH_MS;
    // An address that was named has been suppressed, and the message may have gone to another one.
    const isOfMessage = receipt.suppress && receipt.suppress.address === undefined;
    const about = isOfMessage && { suppress: { reason: receipt.suppress!.reason } };
    await receipts.park({ accountId, providerId, ref, status, reason, at: clock.now(), ...about });
  }

  /** A transaction that waits for the database in this node's hands lets its receipts wait too. */
  async function inTime(taking: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const callOff = clock.at(clock.now() + TAKE_MAX_MS, () => {
      late.reject(new StoreUnavailableError('the receipts could not be written in time'));
    });
    try {
      await Promise.race([taking, late.promise]);
    } finally {
      callOff();
    }
  }

  return {
    take: async (provider, batch) => {
      if (underWay + batch.length > UNDER_WAY_MAX)
        throw new OverloadedError(`more than ${UNDER_WAY_MAX} receipts are being taken`);
      underWay += batch.length;
      const taking = Promise.all(batch.map((receipt) => takeOne(provider, receipt))).finally(() => {
        underWay -= batch.length;
      });
      await inTime(taking);
    },
    matchParked: async () => {
      const now = clock.now();
      if (now > watchUntil && now < lastLook + LOOK_MS) return;
      lastLook = now;
      for (let taken = MATCH_MAX; taken === MATCH_MAX;) {
        const matched = await receipts.takeMatched(now, MATCH_MAX);
        taken = matched.length;
        if (taken > 0) watchUntil = now + WATCH_MS;
        await Promise.all(matched.map(({ messageId, receipt }) => tellParked(tools, messageId, receipt)));
      }
    },
  };
}

/** Tells a receipt that was parked, and only then forgets it: a crash in between makes it be told again, which changes nothing. */
export async function tellParked(tools: ReceiptTools, messageId: MessageId, receipt: KeptReceipt): Promise<void> {
  const { receipts, advancer } = tools;
  const { accountId, providerId, status, reason } = receipt;
  if (receipt.suppress) await suppress(tools, { accountId, providerId, messageId }, receipt.suppress);
  await tellReceipt(advancer, accountId, messageId, status, reason, providerId);
  await receipts.forgetParked(receipt);
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
  const message = parsed.ordinal - 1;
  const by = providerId === null ? {} : { provider: providerId };
  const news = { kind: 'receipt', message, status, reason, ...by } as const;
  const isItsOwn = (transaction: Transaction) => isFrom(transaction, message, providerId, status);
  return (await advancer.tell(accountId, parsed.transactionId, news, isItsOwn)) !== null;
}

/** A message still being sent has no provider noted yet: its receipt overtook the answer. */
function isFrom({ messages }: Transaction, index: number, providerId: string | null, status: ReceiptStatus): boolean {
  const message = messages[index];
  if (!message || message.isHook) return false;
  return providerId === null || isItsReceipt(message.facts, status, providerId);
}
