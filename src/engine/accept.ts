/** Accepts a request: validates all of it, makes the transaction, stores it durably with the intent of its first send. */
import { randomFillSync } from 'node:crypto';
import { THROTTLE_WAIT_DEFAULT_MS } from '#domain/account.ts';
import type { Account } from '#domain/account.ts';
import type { Campaign } from '#domain/campaign.ts';
import { ID_ENTROPY_BYTES, hash16, transactionId } from '#domain/ids.ts';
import type { CampaignId } from '#domain/ids.ts';
import { faultOfProfile } from '#domain/profile.ts';
import { faultOf } from '#domain/request.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import { advance, isSending } from '#domain/transaction.ts';
import type { Leg, LegPolicy, Transaction } from '#domain/transaction.ts';
import type { NodeId } from '#domain/ids.ts';
import type { Clock } from '#ports/clock.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import type { Advancer } from './advance.ts';
import type { ConfigCache } from './config-cache.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { ProfileAhead } from './profile-ahead.ts';
import type { RateLimits } from './rate-limits.ts';

/** Transactions in a node's hands, over which new ones are refused with 503: about ten seconds of its work. */
const IN_HAND_MAX = 20_000;

/** What accepting needs. */
export interface AcceptTools {
  config: ConfigCache;
  transactions: TransactionStore;
  advancer: Advancer;
  profileAhead: ProfileAhead;
  limits: RateLimits;
  clock: Clock;
  node(): NodeId;
}

/** Why a request was not accepted. `message` is for the client and says what to do. */
export type Refusal =
  | { kind: 'invalid'; message: string }
  | { kind: 'campaign_unknown'; campaignId: CampaignId; message: string }
  | { kind: 'campaign_not_running'; campaignId: CampaignId; message: string };

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
    const campaign = config.campaign(account.id, campaignId);
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
  return { kind: 'planned', transaction: transactionOf(config, account, request, campaigns, now) };
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
    id: transactionId(now, entropy(), hash16(account.id, txnId)),
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
    legs: campaigns.map((campaign) => legOf(campaign, policyOf(config, campaign))),
  };
}

function legOf({ id, version }: Campaign, policy: LegPolicy): Leg {
  return { campaignId: id, campaignVersion: version, policy, state: { name: 'pending' }, facts: { attempts: 0 } };
}

/** Pinned at acceptance: the campaign's own word first, then its provider's. */
function policyOf(config: ConfigCache, { accountId, content }: Campaign): LegPolicy {
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

/** The first step is decided before the transaction is stored, so that accepting and intending are one write. */
function start(planned: Transaction, now: Instant) {
  const accepted = { at: now, what: 'transaction.accepted', leg: null, detail: planned.txnId };
  if (planned.startAt > now) return { transaction: planned, effects: [], entries: [accepted] };
  const { transaction, effects, entries } = advance(planned, { kind: 'started' }, now);
  return { transaction, effects, entries: [accepted, ...entries] };
}

/** A call for random bytes costs more than the rest of an id; so they are fetched for many ids at once. */
const RANDOM_POOL_BYTES = 4_096;
const pool = new Uint8Array(RANDOM_POOL_BYTES);
let poolUsed = RANDOM_POOL_BYTES;

function randomBytes(count: number): Uint8Array {
  if (poolUsed + count > RANDOM_POOL_BYTES) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += count;
  return pool.subarray(poolUsed - count, poolUsed);
}

function entropy(): Uint8Array {
  return randomBytes(ID_ENTROPY_BYTES);
}

/** A UUIDv7 (RFC 9562 §5.7). */
export function newUuid(now: Instant): string {
  const [a, b, c, d] = randomBytes(4) as unknown as [number, number, number, number];
  const id = transactionId(now, entropy(), (a << 8) | b);
  return id.slice(0, 28) + ((c << 8) | d).toString(16).padStart(4, '0') + id.slice(32);
}
