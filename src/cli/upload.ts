/** Sends a file to the server, with a bar on a terminal, and again where its answer was lost: the key sees to it that it is one call. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { ServerAbsent, ServerRefusal } from './client.ts';
import type { Answer } from './client.ts';
import type { Session } from './client-command.ts';
import { messageOf, usage } from './failure.ts';

/** How often a file is sent whose answer does not come, and the pause before the second time; then twice that, and so on. */
const TRIES_MAX = 4;
const PAUSE_MS = 1_000;
/** Between two drawings of the bar. */
const REDRAW_MS = 100;
const BAR_CELLS = 30;
const MEGABYTE = 1_000_000;
/** Characters of a key that is made of the file. */
const KEY_LENGTH = 40;

const TYPES: Record<string, string> = {
  '.csv': 'text/csv',
  '.ndjson': 'application/x-ndjson',
  '.jsonl': 'application/x-ndjson',
};

/** A file of recipients. */
export interface RecipientsFile {
  path: string;
  /** Its `Content-Type`. */
  type: string;
  bytes: number;
}

/** Looks at the file. @throws {CommandFailure} usage, when there is none, or it is neither CSV nor NDJSON. */
export async function findFile(path: string): Promise<RecipientsFile> {
  const type = TYPES[extname(path).toLowerCase()];
  if (type === undefined) {
    throw usage(`the name of a file with recipients ends in ${Object.keys(TYPES).join(', ')}, unlike "${path}"`);
  }
  try {
    const found = await stat(path);
    if (found.isFile()) return { path, type, bytes: found.size };
  } catch (error) {
    throw usage(`the file "${path}" cannot be read: ${messageOf(error)}`);
  }
  throw usage(`"${path}" is no file`);
}

/** A name for the call that is the same whenever the same file is sent with the same options. */
export async function keyOfFile({ path }: RecipientsFile, query: object): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(query));
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return `file-${hash.digest('hex').slice(0, KEY_LENGTH)}`;
}

/** Sends it. @throws {CommandFailure} when the server does not want it, or does not answer. */
export async function upload(
  session: Session,
  file: RecipientsFile,
  query: Record<string, string | undefined>,
  key: string,
): Promise<Answer> {
  const { client, io } = session;
  const headers = { 'content-type': file.type, 'idempotency-key': key };
  for (let tries = 1; ; tries++) {
    const bar = barOf(session, file);
    try {
      return await client.upload('/v1/batches', { query, headers, pieces: () => counted(file.path, bar.draw) });
    } catch (error) {
      if (tries === TRIES_MAX || !mayPass(error, tries)) throw error;
      bar.clear();
      io.err(`${(error as Error).message}\nthe file is sent again (${tries + 1} of ${TRIES_MAX})\n`);
      await io.sleep(PAUSE_MS * 2 ** (tries - 1));
    } finally {
      bar.clear();
    }
  }
}

/** Where nobody answers at all, nobody will in a second. */
function mayPass(error: unknown, tries: number): boolean {
  if (error instanceof ServerRefusal) return error.status === 503;
  if (!(error instanceof ServerAbsent)) return false;
  const { cause } = (error.cause ?? {}) as { cause?: { code?: string } };
  return tries > 1 || cause?.code !== 'ECONNREFUSED';
}

async function* counted(path: string, onSent: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of createReadStream(path)) {
    yield piece as Buffer;
    bytes += (piece as Buffer).length;
    onSent(bytes);
  }
}

/** Drawn in one line that is taken away in the end. Only on a terminal. */
function barOf({ io, json, style }: Session, { path, bytes }: RecipientsFile) {
  if (!io.isTty || json) return { draw: () => undefined, clear: () => undefined };
  let drawnAt = Number.NEGATIVE_INFINITY;
  const [full, empty] = style.ascii ? ['#', '.'] : ['█', '░'];
  const megabytes = (count: number) => (count / MEGABYTE).toFixed(1);
  return {
    draw: (sent: number) => {
      const now = io.now();
      if (now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      const share = bytes === 0 ? 1 : Math.min(1, sent / bytes);
      const cells = Math.round(share * BAR_CELLS);
      const bar = full.repeat(cells) + empty.repeat(BAR_CELLS - cells);
      const numbers = `${Math.floor(share * 100)} %  ${megabytes(sent)} of ${megabytes(bytes)} MB`;
      io.out(`\r\u001b[K${basename(path)} ${bar} ${numbers}`);
    },
    clear: () => {
      if (drawnAt !== Number.NEGATIVE_INFINITY) io.out('\r\u001b[K');
      drawnAt = Number.NEGATIVE_INFINITY;
    },
  };
}
