/** How files of recipients come in: as they are sent, piece by piece, and no more of them at once than there is room for. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OverloadedError } from '#ports/unavailable.ts';
import { Refusal } from '../refusal.ts';

/** Bytes of a file. */
const FILE_MAX_BYTES = 2_147_483_648;
/** Files that a node takes in at once: of each some megabytes are in memory. */
const FILES_AT_ONCE_MAX = 8;
/** A client that sends nothing for so long has gone. */
const SILENCE_MAX_MS = 60_000;
/** The whole of a file takes no longer. */
const FILE_TIME_MAX_MS = 3_600_000;
/** How long the rest of a refused file is read: a client that is hung up on while it sends would not see the answer. */
const REST_MS = 10_000;

/** What a file can be. */
const FILE_TYPES = { 'text/csv': 'csv', 'application/x-ndjson': 'ndjson' } as const;
export type FileFormat = (typeof FILE_TYPES)[keyof typeof FILE_TYPES];

/** A file that has not been read. */
export class FileBody {
  readonly format: FileFormat;
  /** Parses a JSON text as the other bodies of the scope are parsed. */
  readonly parseJson: (text: string) => unknown;
  readonly #stream: Readable;

  constructor(format: FileFormat, stream: Readable, parseJson: (text: string) => unknown) {
    this.format = format;
    this.parseJson = parseJson;
    this.#stream = stream;
  }

  /**
   * Its bytes, once, as UTF-8 text without a byte order mark and as they came. `isStopping`: whether this node is.
   * @throws {Refusal} when it is no UTF-8, too large, too slow, breaks off, or this node stops.
   */
  async *pieces(isStopping: () => boolean): AsyncGenerator<{ bytes: Buffer; text: string }> {
    const stream = this.#stream;
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const endsBy = Date.now() + FILE_TIME_MAX_MS;
    const awaitPiece = () => setTimeout(() => stream.destroy(), SILENCE_MAX_MS);
    let silence = awaitPiece();
    let length = 0;
    try {
      for await (const bytes of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        length += bytes.length;
        if (length > FILE_MAX_BYTES) throw new Refusal('too_large', TOO_LARGE);
        if (Date.now() > endsBy) throw new Refusal('invalid', TOO_SLOW);
        if (isStopping()) throw new Refusal('unavailable', STOPPING, { retryAfterS: 1 });
        const text = decoded(decoder, bytes);
        clearTimeout(silence);
        yield { bytes, text };
        silence = awaitPiece();
      }
      decoded(decoder, null);
    } catch (error) {
      throw error instanceof Refusal ? error : new Refusal('invalid', 'the file broke off before its end');
    } finally {
      clearTimeout(silence);
    }
  }
}

const TOO_LARGE = `the file is larger than ${FILE_MAX_BYTES} bytes; send it in parts`;
const TOO_SLOW = `the file took longer than ${FILE_TIME_MAX_MS / 60_000} minutes; send it in parts`;
const STOPPING = 'this node is stopping, and nothing of the file was accepted; send it again under the same key';
const NOT_UTF8 =
  'the file is not UTF-8: save it as UTF-8 ("CSV UTF-8" in a spreadsheet), so that names arrive as they are';

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer | null): string {
  try {
    return bytes === null ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal('invalid', NOT_UTF8);
    throw error;
  }
}

/** The pieces as they are, and the SHA-256 of those that have come. */
export function fingerprinted<Piece extends { bytes: Buffer }>(
  pieces: AsyncIterable<Piece>,
  salt: string,
): { pieces: AsyncGenerator<Piece>; fingerprint(): string } {
  const hash = createHash('sha256').update(salt);
  async function* hashed(): AsyncGenerator<Piece> {
    for await (const piece of pieces) {
      hash.update(piece.bytes);
      yield piece;
    }
  }
  return { pieces: hashed(), fingerprint: () => hash.copy().digest('hex') };
}

/** The connections on which a file is being sent. */
const sending = new WeakSet<Socket>();

/** The scope takes files beside what it takes already. */
export function acceptFileBodies(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error');
  for (const [type, format] of Object.entries(FILE_TYPES)) {
    scope.addContentTypeParser(type, (request: FastifyRequest, stream, done) => {
      sending.add(request.raw.socket);
      const parseJson = (text: string): unknown => {
        const outcome: { fault: Error | null; value?: unknown } = { fault: null };
        void parse(request, text, (error, value: unknown) => Object.assign(outcome, { fault: error, value }));
        if (outcome.fault) throw outcome.fault;
        return outcome.value;
      };
      done(null, new FileBody(format, stream, parseJson));
    });
  }
}

/** A hook that lets in as many files as there is room for, and sees to it that a refused client hears why. */
export function limitFiles() {
  let files = 0;
  return async ({ headers, raw }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!isFile(headers['content-type'])) return;
    if (files >= FILES_AT_ONCE_MAX) throw new OverloadedError('many files are being read');
    files++;
    reply.raw.once('finish', () => {
      if (raw.complete) return;
      raw.resume();
      setTimeout(() => raw.complete || raw.destroy(), REST_MS).unref();
    });
    reply.raw.once('close', () => {
      files--;
      sending.delete(raw.socket);
    });
  };
}

/** Whether a body of this `Content-Type` is a file of recipients. */
export function isFile(contentType: string | undefined): boolean {
  return contentType !== undefined && contentType.split(';')[0]!.trim().toLowerCase() in FILE_TYPES;
}

/** A request that takes long is cut off; one that sends a file is not: {@link FileBody} has limits of its own. */
export function letFilesTakeLong({ server }: FastifyInstance): void {
  const listeners = server.listeners('clientError');
  server.removeAllListeners('clientError');
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && sending.has(socket)) return;
    for (const listener of listeners) listener(error, socket);
  });
}
