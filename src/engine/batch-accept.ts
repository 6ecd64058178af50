/** Accepts a batch: validates all of it, and stores it with its recipients in one write. Nothing is sent here. */
import { createHash, randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Account } from '#domain/account.ts';
import { faultOfBatch, faultOfRecipient, faultOfShared, memberRequest } from '#domain/batch.ts';
import type { Batch, BatchRequest, Recipient } from '#domain/batch.ts';
import { hash16 } from '#domain/ids.ts';
import type { AccountId, BatchId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { BatchPage, BatchStore } from '#ports/batch-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { ConfigCache } from './config-cache.ts';
import { newTransactionId } from './new-ids.ts';
import { plan } from './plan.ts';
import type { Refusal } from './plan.ts';

/** Recipients of a page: what a node takes in hand at once. */
export const PAGE_RECIPIENTS_MAX = 500;
/** Characters of JSON after which a page is closed early. */
export const PAGE_LENGTH_MAX = 262_144;

/** What accepting batches needs. */
export interface BatchAcceptTools {
  config: ConfigCache;
  batches: BatchStore;
  files: Pick<FileStore, 'refer'>;
  clock: Clock;
}

/** What became of a call. */
export type BatchResult =
  | { kind: 'accepted'; batch: Batch }
  /** The key was used before; `sameRequest`: for the same call. Nothing was done. */
  | { kind: 'repeat'; batch: Batch; sameRequest: boolean }
  | { kind: 'refused'; refusal: Refusal };

/**
 * Accepts one batch of an account.
 * @param key the client's own name for the call: a repeat under it is not accepted again.
 * @throws {StoreUnavailableError | OverloadedError} nothing is then known to be accepted.
 */
export async function acceptBatch(
  { config, batches, files, clock }: BatchAcceptTools,
  account: Account,
  request: BatchRequest,
  recipients: Recipient[],
  key: string | null = null,
): Promise<BatchResult> {
  const now = clock.now();
  const refusal = refusalOf(config, account, request, recipients.length, now);
  if (refusal) return { kind: 'refused', refusal };
  const paged = await inPages(request, recipients, key !== null);
  if ('fault' in paged) return { kind: 'refused', refusal: { kind: 'invalid', message: paged.fault } };
  const { pages, fingerprint } = paged;
  const batch = newBatch(config, account, request, { total: recipients.length, key, now });
  // Before the batch is there: should it never be, that is found out later.
  if (request.attachments) await files.refer(account.id, { kind: 'batch', id: batch.id }, request.attachments, now);
  const outcome = await batches.accept({ batch, pages, key, fingerprint });
  if (outcome.kind === 'accepted') return { kind: 'accepted', batch };
  return { kind: 'repeat', batch: outcome.first, sameRequest: outcome.fingerprint === fingerprint };
}

/** The same checks as for a single transaction, on what all recipients share. */
export function refusalOf(
  config: ConfigCache,
  account: Account,
  request: BatchRequest,
  recipients: number,
  now: Instant,
): Refusal | null {
  const fault = faultOfBatch(request, recipients);
  return fault === null ? refusalOfShared(config, account, request, now) : { kind: 'invalid', message: fault };
}

/** The batch that an accepted call makes. */
export function newBatch(
  config: ConfigCache,
  account: Account,
  request: BatchRequest,
  { total, key, now }: { total: number; key: string | null; now: Instant },
): Batch {
  return {
    accountId: account.id,
    id: newBatchId(account.id, key, now),
    createdAt: now,
    request,
    campaignVersions: versionsOf(config, account, request),
    total,
    state: 'running',
    endedAt: null,
  };
}

/** An id for the batch; it names the bucket that the client's key belongs to. */
export function newBatchId(accountId: AccountId, key: string | null, now: Instant): BatchId {
  return newTransactionId(now, hash16(accountId, key ?? randomUUID()));
}

/** The versions that the campaigns have now, of a request that may be accepted. */
export function versionsOf(config: ConfigCache, { id: accountId }: Account, { campaignIds }: BatchRequest): number[] {
  return campaignIds.map((id) => config.campaign(accountId, id)!.version);
}

/** The same, however many the recipients are. */
export function refusalOfShared(
  config: ConfigCache,
  account: Account,
  request: BatchRequest,
  now: Instant,
): Refusal | null {
  const fault = faultOfShared(request);
  if (fault !== null) return { kind: 'invalid', message: fault };
  const anyone = { target: 'anyone' };
  const member = memberRequest(
    { id: '', createdAt: now, request: { ...request, ttl: null } },
    0,
    'anyone',
    anyone,
    now,
  )!;
  const planned = plan(config, account, { ...member, ttl: request.ttl, startAt: request.startAt }, now);
  return planned.kind === 'refused' ? planned.refusal : null;
}

/** Checks the recipients and writes them as pages, one page in a turn: a hundred thousand of them hold nobody up. */
export async function inPages(
  request: BatchRequest,
  recipients: Recipient[],
  wantsFingerprint: boolean,
): Promise<{ pages: BatchPage[]; fingerprint: string } | { fault: string }> {
  const hash = wantsFingerprint ? createHash('sha256').update(JSON.stringify(request)) : null;
  const pages: BatchPage[] = [];
  for (let first = 0; first < recipients.length; first += pages.at(-1)!.size) {
    const page = pageFrom(recipients, first, request);
    if ('fault' in page) return page;
    hash?.update(page.recipients);
    pages.push(page);
    await nextTurn();
  }
  return { pages, fingerprint: hash?.digest('hex') ?? '' };
}

function pageFrom(recipients: Recipient[], first: number, { targetKind }: BatchRequest): BatchPage | { fault: string } {
  const texts: string[] = [];
  let length = 0;
  for (let index = first; index < recipients.length; index++) {
    if (texts.length === PAGE_RECIPIENTS_MAX || length > PAGE_LENGTH_MAX) break;
    const text = JSON.stringify(recipients[index]);
    const fault = faultOfRecipient(recipients[index]!, text.length, targetKind);
    if (fault !== null) return { fault: `recipients[${index}]: ${fault}` };
    texts.push(text);
    length += text.length;
  }
  return { first, size: texts.length, recipients: `[${texts.join()}]` };
}
