/**
 * Accepts a batch from a file, however large: its rows are written page by page as they come, and become a batch when the last
 * of them is stored. Of a file that breaks off nothing is left; should this node die meanwhile, the sweep takes what is.
 */
import type { Account } from '#domain/account.ts';
import { FILE_ROWS_MAX, faultOfRecipient } from '#domain/batch.ts';
import type { Batch, BatchRequest, Recipient } from '#domain/batch.ts';
import type { BatchId } from '#domain/ids.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { UploadPage, UploadStore } from '#ports/upload-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import { PAGE_LENGTH_MAX, PAGE_RECIPIENTS_MAX, newBatchId, refusalOfShared, versionsOf } from './batch-accept.ts';
import type { BatchAcceptTools, BatchResult } from './batch-accept.ts';

/** Pages of one file that are being written while it is read on. */
const WRITING_MAX = 4;
/** Characters of the target of a row that cannot be read, as it is told of. */
const BAD_TARGET_MAX = 100;
/** Bad rows that are named where no row is a good one. */
const NAMED_MAX = 3;

/** A row of a file, with the line it ends on; or what is wrong with it. */
export type FileRow =
  | { line: number; recipient: Recipient; fault?: undefined }
  | { line: number; target: string; fault: string };

/** A file on its way here. Either `rows` or `rest` is called, once. */
export interface RecipientFile {
  /** Its rows, as they come; whatever this throws breaks the upload off. */
  rows(): AsyncIterable<FileRow[]>;
  /** Reads to its end without looking at the rows. */
  rest(): Promise<void>;
  /** Tells a repeat of the call from another one, when all has been read. */
  fingerprint(): string;
}

/** What accepting files needs. */
export interface UploadTools extends Pick<BatchAcceptTools, 'config'> {
  uploads: UploadStore;
  clock: Clock;
  log: Log;
}

/**
 * Accepts one file for an account.
 * @param key the client's own name for the call: a repeat under it is not accepted again.
 * @throws {StoreUnavailableError | OverloadedError} and what the file throws; nothing is then known to be accepted.
 */
export async function acceptUpload(
  tools: UploadTools,
  account: Account,
  request: BatchRequest,
  file: RecipientFile,
  key: string | null = null,
): Promise<BatchResult> {
  const { config, uploads, clock } = tools;
  const refusal = refusalOfShared(config, account, request, clock.now());
  if (refusal) return { kind: 'refused', refusal };
  const earlier = key === null ? null : await uploads.named(account.id, key);
  if (earlier) {
    await file.rest();
    return { kind: 'repeat', batch: earlier.first, sameRequest: earlier.fingerprint === file.fingerprint() };
  }
  const id = newBatchId(account.id, key, clock.now());
  await uploads.begin(id, clock.now());
  let isBatch = false;
  try {
    const { total, badRows, fault } = await store(tools, id, request, file);
    if (fault !== null) return { kind: 'refused', refusal: { kind: 'invalid', message: fault } };
    // The file may have taken a minute: what counts is what is configured now.
    const createdAt = clock.now();
    const changed = refusalOfShared(config, account, request, createdAt);
    if (changed) return { kind: 'refused', refusal: changed };
    const campaignVersions = versionsOf(config, account, request);
    const bad = badRows > 0 ? { badRows } : {};
    const accountId = account.id;
    const batch: Batch = {
      accountId,
      id,
      createdAt,
      request,
      campaignVersions,
      total,
      ...bad,
      state: 'running',
      endedAt: null,
    };
    const fingerprint = file.fingerprint();
    const outcome = await uploads.complete({ batch, key, fingerprint });
    isBatch = outcome.kind === 'accepted';
    if (outcome.kind === 'gone') throw new OverloadedError('the upload stood still for too long and was given up');
    if (outcome.kind === 'accepted') return { kind: 'accepted', batch };
    return { kind: 'repeat', batch: outcome.first, sameRequest: outcome.fingerprint === fingerprint };
  } finally {
    if (!isBatch) await giveUp(tools, id);
  }
}

/** What the rows of a file came to. */
interface Stored {
  total: number;
  badRows: number;
  /** Why nothing can be made of them; null: nothing is in the way. */
  fault: string | null;
}

async function store(
  { uploads, clock }: UploadTools,
  id: BatchId,
  { targetKind }: BatchRequest,
  file: RecipientFile,
): Promise<Stored> {
  const writing: Promise<Error | null>[] = [];
  const named: string[] = [];
  let [total, badRows] = [0, 0];
  let page = newPage(0);

  async function write(): Promise<void> {
    writing.push(append(uploads, id, closed(page), clock.now()));
    page = newPage(total);
    if (writing.length >= WRITING_MAX) await written(writing);
  }

  try {
    for await (const rows of file.rows()) {
      for (const row of rows) {
        const fault = take(page, row, targetKind);
        if (fault !== null && badRows++ < NAMED_MAX) named.push(fault);
        total++;
        if (page.texts.length >= PAGE_RECIPIENTS_MAX || page.length >= PAGE_LENGTH_MAX) await write();
      }
      if (total > FILE_ROWS_MAX)
        return { total, badRows, fault: `the file has more than ${FILE_ROWS_MAX} rows; send it in parts` };
    }
    if (page.texts.length > 0) await write();
    while (writing.length > 0) await written(writing);
  } finally {
    // Also where it breaks off: the upload is given up when no page is on its way any more.
    await Promise.all(writing);
  }
  return { total, badRows, fault: faultOfAll(total, badRows, named) };
}

function faultOfAll(total: number, badRows: number, named: string[]): string | null {
  if (total === 0) return 'the file has no rows: name at least one recipient';
  if (badRows < total) return null;
  return `none of the ${total} rows can be read: ${named.join('; ')}${total > named.length ? '; …' : ''}`;
}

/** A page that is being filled. */
interface OpenPage {
  first: number;
  texts: string[];
  length: number;
  badRows: number[];
}

function newPage(first: number): OpenPage {
  return { first, texts: [], length: 0, badRows: [] };
}

function closed({ first, texts, badRows }: OpenPage): UploadPage {
  return { first, size: texts.length, recipients: `[${texts.join()}]`, badRows };
}

/** Adds a row; what is wrong with it, null when nothing is. */
function take(page: OpenPage, row: FileRow, kind: BatchRequest['targetKind']): string | null {
  let text = row.fault === undefined ? JSON.stringify(row.recipient) : '';
  const fault = row.fault ?? faultOfRecipient(row.recipient, text.length, kind);
  if (fault !== null) {
    const target = row.fault === undefined ? row.recipient.target : row.target;
    text = JSON.stringify({
      target: target.slice(0, BAD_TARGET_MAX),
      fault: `line ${row.line}: ${fault}`,
    } satisfies Recipient);
    page.badRows.push(page.first + page.texts.length);
  }
  page.texts.push(text);
  page.length += text.length;
  return fault === null ? null : `line ${row.line}: ${fault}`;
}

/** Never rejects: what went wrong is told when it is asked for. */
async function append(uploads: UploadStore, id: BatchId, page: UploadPage, now: number): Promise<Error | null> {
  try {
    if (await uploads.append(id, page, now)) return null;
    return new OverloadedError('the upload stood still for too long and was given up');
  } catch (error) {
    return error as Error;
  }
}

/** Waits for the page that was given first. */
async function written(writing: Promise<Error | null>[]): Promise<void> {
  const error = await writing.shift();
  if (error) throw error;
}

/** What cannot be given up now, the sweep will find. */
async function giveUp({ uploads, log }: UploadTools, id: BatchId): Promise<void> {
  try {
    await uploads.discard(id);
  } catch (error) {
    log.warn({ batchId: id, error }, 'an upload that broke off could not be removed; that is done later');
  }
}
