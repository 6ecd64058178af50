/** `carom trigger --file`: a batch of the recipients in a file. */
import { open } from 'node:fs/promises';
import type { BatchView, RecipientView } from './batch-view.ts';
import { drawProgress } from './batch-view.ts';
import { followBatch } from './batches.ts';
import { answer } from './client-command.ts';
import type { Session } from './client-command.ts';
import { CommandFailure } from './failure.ts';
import { findFile, keyOfFile, upload } from './upload.ts';

/** Refused recipients that are read at a time, and those that are shown where nobody wants a file of them. */
const PAGE = 200;
const SHOWN = 5;

/** What can be said with `--file`. */
export interface FileOptions {
  file: string;
  mode: string;
  ttl?: number | undefined;
  startAt?: string | undefined;
  param?: object | undefined;
  targetBy?: string | undefined;
  unknownUsers?: string | undefined;
  uploadKey?: string | undefined;
  errors?: string | undefined;
  follow?: true | undefined;
}

/** A batch as it was accepted. */
type Accepted = BatchView & { badRows: number };

/** Sends the file; shows what it came to. @throws {CommandFailure} also when some of its recipients were refused. */
export async function triggerFile(session: Session, campaignIds: string[], options: FileOptions): Promise<void> {
  const { io } = session;
  const file = await findFile(options.file);
  const query = queryOf(campaignIds, options);
  const key = options.uploadKey ?? (await keyOfFile(file, query));
  const { body, headers } = await upload(session, file, query, key);
  const accepted = body as Accepted;
  const { id, total, badRows } = accepted;
  if (headers.get('idempotent-replayed') === 'true') {
    io.err(
      `this file was sent before, as batch ${id}: nothing is sent twice. To send it once more, name it with --upload-key\n`,
    );
  }
  let refused = await tellRefused(session, id, badRows, options.errors);
  if (options.follow) {
    const batch = await followBatch(session, id, { limit: '1' });
    // Whoever is unknown, or came too late, is known only now.
    if (batch.counts['refused'] !== refused)
      refused = await tellRefused(session, id, batch.counts['refused'] ?? 0, options.errors);
    answer(session, batch, () => drawProgress(batch, session.style));
    if (batch.state === 'cancelled') throw new CommandFailure('the batch was cancelled');
  } else {
    answer(session, accepted, () => drawAccepted(accepted));
  }
  if (refused === 0) return;
  const where = options.errors === undefined ? '--errors FILE writes them down' : `see ${options.errors}`;
  throw new CommandFailure(`${refused} of ${total} recipients were refused; ${where}`);
}

function queryOf(campaignIds: string[], options: FileOptions): Record<string, string | undefined> {
  const { mode, ttl, startAt, param, targetBy, unknownUsers } = options;
  return {
    campaignIds: campaignIds.join(),
    mode,
    ttl: ttl?.toString(),
    startAt,
    params: param && JSON.stringify(param),
    targetBy,
    unknownUsers,
  };
}

function drawAccepted({ id, state, total, badRows }: Accepted): string {
  const bad = badRows === 0 ? '' : `, ${badRows} of them refused`;
  return [`batch       ${id}`, `state       ${state}`, `recipients  ${total}${bad}`].join('\n');
}

/** Writes the refused ones down, or shows the first of them. @returns how many they are. */
async function tellRefused(session: Session, id: string, count: number, path: string | undefined): Promise<number> {
  if (path !== undefined) await writeRefused(session, id, path);
  else if (count > 0) {
    const { data } = await refusedOf(session, id, SHOWN, undefined);
    for (const { index, target, reason, detail } of data) {
      session.io.err(`  ${detail ?? `recipient ${index} (${target}): ${reason}`}\n`);
    }
    if (count > data.length) session.io.err(`  … and ${count - data.length} more\n`);
  }
  return count;
}

interface RefusedPage {
  data: RecipientView[];
  next: string | null;
}

async function refusedOf(
  { client }: Session,
  id: string,
  limit: number,
  cursor: string | undefined,
): Promise<RefusedPage> {
  const query = { state: 'refused', limit: String(limit), cursor };
  const { body } = await client.request('GET', `/v1/batches/${encodeURIComponent(id)}/recipients`, { query });
  return body as RefusedPage;
}

/** Page by page: a million of them are not kept in memory. */
async function writeRefused(session: Session, id: string, path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.write(line(['index', 'target', 'reason', 'detail']));
    let cursor: string | undefined;
    do {
      const { data, next } = await refusedOf(session, id, PAGE, cursor);
      const rows = data.map(({ index, target, reason, detail }) =>
        line([String(index), target, reason, detail ?? null]),
      );
      await file.write(rows.join(''));
      cursor = next ?? undefined;
    } while (cursor !== undefined);
  } finally {
    await file.close();
  }
}

/** A row of CSV. */
function line(cells: (string | null)[]): string {
  const quoted = cells.map((cell) =>
    /[",;\r\n]/.test(cell ?? '') ? `"${cell!.replaceAll('"', '""')}"` : (cell ?? ''),
  );
  return `${quoted.join()}\n`;
}
