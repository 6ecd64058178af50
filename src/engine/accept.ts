/** Accepts a request: validates all of it, makes the transaction, stores it durably with the intent of its first send. */
import type { Account } from '#domain/account.ts';
import type { NodeId } from '#domain/ids.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import { advance, isSending } from '#domain/transaction.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import type { Advancer } from './advance.ts';
import type { ConfigCache } from './config-cache.ts';
import { fingerprintOf } from './fingerprint.ts';
import { plan } from './plan.ts';
import type { Refusal } from './plan.ts';
import type { ProfileAhead } from './profile-ahead.ts';
import type { RateLimits } from './rate-limits.ts';

/** Transactions in a node's hands, over which new ones are refused with 503: about ten seconds of its work. */
const IN_HAND_MAX = 20_000;

/** What accepting needs. */
export interface AcceptTools {
  config: ConfigCache;
  transactions: TransactionStore;
  files: Pick<FileStore, 'refer'>;
  advancer: Advancer;
  profileAhead: ProfileAhead;
  limits: RateLimits;
  clock: Clock;
  node(): NodeId;
}

/** What became of a request. */
export type AcceptResult =
  | { kind: 'accepted'; stored: StoredTransaction }
  /** The txnId was used before; `sameRequest`: by the same request. Nothing was done. */
  | { kind: 'repeat'; stored: StoredTransaction; sameRequest: boolean }
  /** Inside the dedupe window of an earlier one. Nothing was done. */
  | { kind: 'duplicate'; stored: StoredTransaction }
  | { kind: 'refused'; refusal: Refusal };

/** The single-campaign dedupe window a dialect may ask for (semantics §4). */
export interface DedupeWindow {
  key: string;
  ttlMs: number;
}

/**
 * Accepts one request of an account.
 * @throws {StoreUnavailableError | OverloadedError} nothing is then known to be accepted.
 */
export async function accept(
  tools: AcceptTools,
  account: Account,
  request: TransactionRequest,
  window: DedupeWindow | null = null,
): Promise<AcceptResult> {
  if (tools.advancer.size() >= IN_HAND_MAX)
    throw new OverloadedError('this node has as many transactions in hand as it can');
  const now = tools.clock.now();
  const planned = plan(tools.config, account, request, now);
  if (planned.kind === 'refused') return earlierAnswer(tools, account, request, planned.refusal);
  const { effects, entries, transaction } = start(planned.transaction, now);
  const stored = { transaction, request, version: 1, node: isSending(transaction) ? tools.node() : null };
  if (effects.some(({ kind }) => kind === 'send')) tools.profileAhead.expect(transaction);
  // Before the transaction is there: should it never be, that is found out later.
  const owner = { kind: 'transaction', id: transaction.id } as const;
  if (request.attachments) await tools.files.refer(account.id, owner, request.attachments, now);
  const outcome = await tools.transactions.accept({
    stored,
    entries,
    window: window && { key: window.key, until: now + window.ttlMs },
  });
  switch (outcome.kind) {
    case 'accepted':
      if (request.mode === 'all') tools.limits.use(account.id, 'transaction', request.campaignIds.length - 1);
      tools.advancer.begin(stored, effects, entries);
      return { kind: 'accepted', stored };
    case 'repeat':
      return repeat(outcome.first, request);
    case 'duplicate':
      return { kind: 'duplicate', stored: outcome.first };
  }
}

/** A repeat gets the first one's answer also when its campaigns have stopped since; what never was valid is no repeat. */
async function earlierAnswer(
  tools: AcceptTools,
  account: Account,
  request: TransactionRequest,
  refusal: Refusal,
): Promise<AcceptResult> {
  const mayBeRepeat = refusal.kind !== 'invalid' && request.txnId !== null;
  const stored = mayBeRepeat ? await tools.transactions.loadByTxnId(account.id, request.txnId!) : null;
  if (!stored) return { kind: 'refused', refusal };
  return repeat(stored, request);
}

/** What a repeat is told; which request made the first one is in its row. */
function repeat(stored: StoredTransaction, request: TransactionRequest): AcceptResult {
  return { kind: 'repeat', stored, sameRequest: fingerprintOf(stored.request) === fingerprintOf(request) };
}

/** The first step is decided before the transaction is stored, so that accepting and intending are one write. */
function start(planned: Transaction, now: Instant) {
  const accepted = { at: now, what: 'transaction.accepted', leg: null, message: null, detail: planned.txnId };
  if (planned.startAt > now) return { transaction: planned, effects: [], entries: [accepted] };
  const { transaction, effects, entries } = advance(planned, { kind: 'started' }, now);
  return { transaction, effects, entries: [accepted, ...entries] };
}
