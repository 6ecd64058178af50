/** Accepts a call together with its answer: a repeat of it, in its time, makes nothing and gets the first one's answer. */
import type { Account } from '#domain/account.ts';
import type { Batch, BatchRequest, Recipient } from '#domain/batch.ts';
import type { AnswerStore } from '#ports/answer-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileStore } from '#ports/file-store.ts';
import { inPages, newBatch, refusalOf } from './batch-accept.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Refusal } from './plan.ts';

/** What accepting them needs. */
export interface AnsweredCallTools {
  config: ConfigCache;
  answers: AnswerStore;
  files: Pick<FileStore, 'refer'>;
  clock: Clock;
}

/** How a call is told from others, and answered. */
export interface Answering {
  /** The call's name in its account. */
  key: string;
  /** How long a call of this name is a repeat. */
  repeatMs: number;
  /** The answer. @param batch null: there was nobody to send to. */
  answer(batch: Batch | null): string;
}

/** What became of a call. */
export type AnsweredResult =
  | { kind: 'accepted'; body: string; batch: Batch | null }
  | { kind: 'repeat'; body: string }
  | { kind: 'refused'; refusal: Refusal };

/**
 * Accepts one call of an account.
 * @param recipients may be none: the answer is kept, and nothing is sent.
 * @throws {StoreUnavailableError | OverloadedError} nothing is then known to be accepted.
 */
export async function acceptAnswered(
  { config, answers, files, clock }: AnsweredCallTools,
  account: Account,
  request: BatchRequest,
  recipients: Recipient[],
  { key, repeatMs, answer }: Answering,
): Promise<AnsweredResult> {
  const now = clock.now();
  const refusal = refusalOf(config, account, request, Math.max(1, recipients.length), now);
  if (refusal) return { kind: 'refused', refusal };
  const paged = await inPages(request, recipients, false);
  if ('fault' in paged) return { kind: 'refused', refusal: { kind: 'invalid', message: paged.fault } };
  const total = recipients.length;
  const batch = total === 0 ? null : newBatch(config, account, request, { total, key, now });
  const body = answer(batch);
  const kept = { accountId: account.id, key, until: now + repeatMs, body };
  if (batch && request.attachments)
    await files.refer(account.id, { kind: 'batch', id: batch.id }, request.attachments, now);
  const first = await answers.accept(kept, batch && { batch, pages: paged.pages }, now);
  return first === null ? { kind: 'accepted', body, batch } : { kind: 'repeat', body: first };
}
