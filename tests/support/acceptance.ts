/** Transactions as a node would store them, for tests of what stores them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { hash16, ID_ENTROPY_BYTES, transactionId } from '#domain/ids.ts';
import type { AccountId, CampaignId, NodeId, TransactionId, UserId } from '#domain/ids.ts';
import { NOTHING_MORE } from '#domain/request.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { TransactionStatus } from '#domain/transaction.ts';
import type { Acceptance, StoredTransaction, Transition } from '#ports/transaction-store.ts';

/** What a test may say about a transaction; the rest is the same for all. */
export interface AcceptanceChanges {
  id?: TransactionId;
  accountId?: AccountId;
  txnId?: string;
  userId?: UserId;
  campaignIds?: CampaignId[];
  createdAt?: Instant;
  /** The node that is sending it; null: none is. */
  node?: NodeId | null;
  status?: TransactionStatus;
  /** When its timer is due: its deadline. Null: it has no timer. */
  dueAt?: Instant | null;
  request?: Partial<TransactionRequest>;
  window?: Acceptance['window'];
}

/** When they are accepted. */
export const NOW: Instant = Date.UTC(2026, 4, 21, 10);

/** A transaction to accept, of two legs: the first is being sent, the second waits for it. */
export function acceptance(changes: AcceptanceChanges = {}): Acceptance {
  const { accountId = 'demo', txnId = randomUUID(), userId = 'ana', createdAt = NOW, dueAt = null } = changes;
  const { campaignIds = ['~first', '~second'], status = { name: 'running' }, node = null } = changes;
  const id = changes.id ?? transactionId(createdAt, randomBytes(ID_ENTROPY_BYTES), hash16(accountId, txnId));
  return {
    stored: {
      transaction: {
        id,
        accountId,
        txnId,
        userId,
        mode: 'fallback_on_delivery_failure',
        createdAt,
        startAt: createdAt,
        deadline: dueAt,
        receiptWindowMs: 1_000,
        throttleWaitMs: 1_000,
        tracksEvent: false,
        updatesProfile: false,
        initialProcessing: 'due',
        status,
        legs: campaignIds.map((campaignId) => ({ campaignId, campaignVersion: 1 })),
        messages: campaignIds.map((_, leg) => ({
          leg,
          stage: 0,
          policy: {},
          state: leg === 0 ? { name: 'sending', since: createdAt } : { name: 'pending' },
          facts: { attempts: leg === 0 ? 1 : 0 },
        })),
      },
      request: {
        ...NOTHING_MORE,
        campaignIds,
        mode: 'fallback_on_delivery_failure',
        userId,
        txnId,
        ...changes.request,
      },
      version: 1,
      node,
    },
    entries: [{ at: createdAt, what: 'transaction.accepted', leg: null, message: null, detail: txnId }],
    window: changes.window ?? null,
  };
}

/** A transition that writes one line into the timeline and, where given, another status. */
export function transition(stored: StoredTransaction, detail: string, status?: TransactionStatus): Transition {
  const transaction = { ...stored.transaction, status: status ?? stored.transaction.status };
  return { stored: { ...stored, transaction }, entries: [{ at: NOW, what: 'test.step', leg: 0, message: 0, detail }] };
}

/** So many of what `make` makes. */
export function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
