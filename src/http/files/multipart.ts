/** Reads `multipart/form-data` (RFC 7578): one part is the call, the others are files. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { BusboyFileStream, BusboyHeaders, BusboyInstance } from '@fastify/busboy';
import { FileCollector } from '#engine/held-file.ts';
import type { HeldFile } from '#engine/held-file.ts';
import { Refusal } from '../refusal.ts';
import { readStream } from './stream-reading.ts';

/** Parts of a call, and the bytes of one's headers. */
const PARTS_MAX = 100;
const HEADER_BYTES_MAX = 8_192;
/** Names of a part that is the call even if it has a file name, as a client gives one to whatever it reads from a file. */
const CALL_NAMES = ['request', 'json', 'xml'];

/** What the parts are handed to. */
export interface PartTaker {
  /** Takes a chunk of the call. May throw. */
  call(chunk: Buffer): void;
  /** Takes the number of bytes that a file has grown by. May throw. */
  countFile(bytes: number): void;
}

/** The files, in their order. @throws {Refusal} for what is no such body, and what `taker` throws. */
export async function readMultipart(
  stream: Readable,
  headers: IncomingHttpHeaders,
  taker: PartTaker,
): Promise<HeldFile[]> {
  const parts = new Parts(taker);
  const parser = parserOf(headers);
  parser.on('file', (field, part, fileName, _encoding, type) => parts.take(part, field, fileName, type));
  parser.on('partsLimit', () => parts.fail(new Refusal('invalid', `the body has more than ${PARTS_MAX} parts`)));
  const finished = new Promise<void>((resolve) => {
    parser.on('finish', resolve);
    parser.on('error', (error: unknown) => {
      parts.fail(new Refusal('invalid', `the body is no multipart/form-data: ${(error as Error).message}`));
      resolve();
    });
  });
  await readStream(stream, (chunk) => {
    parser.write(chunk);
    parts.refuseFailure();
  });
  parser.end();
  await finished;
  return parts.end();
}

/** The parts as they come in. What goes wrong in their streams is kept for whoever reads the body. */
class Parts {
  readonly #taker: PartTaker;
  readonly #files: HeldFile[] = [];
  #hasCall = false;
  #failure: Error | null = null;

  constructor(taker: PartTaker) {
    this.#taker = taker;
  }

  take(part: BusboyFileStream, field: string, fileName: string, type: string): void {
    part.on('error', (error) => this.fail(error));
    const isCall = !fileName || (!this.#hasCall && CALL_NAMES.includes(field));
    if (isCall && this.#hasCall) this.fail(new Refusal('invalid', TWO_CALLS));
    if (isCall) {
      this.#hasCall = true;
      part.on('data', (chunk: Buffer) => this.#attempt(() => this.#taker.call(chunk)));
    } else this.#takeFile(part, fileName, type);
  }

  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** @throws the first failure there was. */
  refuseFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  /** @throws {Refusal} */
  end(): HeldFile[] {
    this.refuseFailure();
    if (!this.#hasCall) throw new Refusal('invalid', NO_CALL);
    return this.#files;
  }

  #takeFile(part: BusboyFileStream, name: string, type: string): void {
    const collector = new FileCollector();
    part.on('data', (chunk: Buffer) =>
      this.#attempt(() => {
        this.#taker.countFile(chunk.length);
        collector.add(chunk);
      }),
    );
    part.on('end', () => this.#files.push({ name, type, ...collector.end(), fault: null }));
  }

  /** After a failure the rest only flows on: a part that nobody reads would hold up the parser. */
  #attempt(work: () => void): void {
    if (this.#failure) return;
    try {
      work();
    } catch (error) {
      this.fail(error as Error);
    }
  }
}

const TWO_CALLS = 'two parts of the body have no file name; give the whole call in one, and file names to the others';
const NO_CALL = 'no part of the body is the call; give it in a part without a file name';

function parserOf(headers: IncomingHttpHeaders): BusboyInstance {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders,
      isPartAFile: () => true,
      limits: { parts: PARTS_MAX, headerSize: HEADER_BYTES_MAX },
    });
  } catch (error) {
    throw new Refusal('invalid', `the body cannot be read: ${(error as Error).message}`);
  }
}
