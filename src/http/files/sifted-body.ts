/** A body with the contents of its files taken out while it comes in; what is left of it can be parsed. */
import { createHash, randomUUID } from 'node:crypto';
import { OverloadedError } from '#ports/unavailable.ts';
import { Refusal } from '../refusal.ts';
import { Base64File } from '#engine/base64-file.ts';
import type { HeldFile } from '#engine/held-file.ts';
import { JsonSifter } from './json-sifter.ts';
import type { Sifted, Sifter } from './sifting.ts';
import { XmlSifter } from './xml-sifter.ts';

/** Bytes of large bodies and files that a node holds at once. */
const HELD_BYTES_MAX = 268_435_456;
/** Characters of a body for each byte of its files: base64 in lines, with some of it escaped. */
const CHARACTERS_PER_BYTE = 1.5;

/** What a body may be. */
export interface BodyLimits {
  /** Bytes without the contents of files. */
  restMaxBytes: number;
  /** Bytes of all files. */
  filesMaxBytes: number;
}

/** What a body is written in. */
export type BodyKind = 'json' | 'xml';

/** A body as it was read. */
export interface ReadBody {
  /** What is left of it, with marks in the places of the contents of files. */
  rest: Buffer;
  /** What it is written in. */
  kind: BodyKind;
  /** SHA-1 (Base64) of the body and its files: the same for the same call, however it is cut into pieces. */
  digest(): string;
}

/** What is held of a call: given back when it is over. */
export class HeldBytes {
  static #all = 0;
  #own = 0;

  /** @throws {OverloadedError} when others hold so much that there is no room. */
  take(bytes: number): void {
    if (HeldBytes.#all + bytes > HELD_BYTES_MAX) throw new OverloadedError('many large calls are being read');
    HeldBytes.#all += bytes;
    this.#own += bytes;
  }

  giveBack(): void {
    HeldBytes.#all -= this.#own;
    this.#own = 0;
  }
}

/** Counts the bytes of the files of a call. @throws {Refusal} too_large. */
export function countFiles({ filesMaxBytes }: BodyLimits, held: HeldBytes): (bytes: number) => void {
  let all = 0;
  return (bytes) => {
    all += bytes;
    if (all > filesMaxBytes) throw tooLarge();
    held.take(bytes);
  };
}

/** The refusal of a body that is too large, whatever part of it is. */
export function tooLarge(): Refusal {
  return new Refusal('too_large', 'the body is larger than this endpoint takes');
}

/** Reads one body. Its methods throw {@link Refusal} and {@link OverloadedError}. */
export class SiftedBody {
  /** The files whose contents were taken out, by their marks. */
  readonly files = new Map<string, Omit<HeldFile, 'name'>>();
  readonly #limits: BodyLimits;
  readonly #member: string;
  readonly #held: HeldBytes;
  readonly #countFiles: (bytes: number) => void;
  readonly #rest: Buffer[] = [];
  /** Nobody who writes a body knows it. */
  readonly #mark = `file-${randomUUID()}-`;
  readonly #digest = createHash('sha1');
  #restBytes = 0;
  #bytes = 0;
  #sifter: Sifter | null = null;
  #kind: BodyKind = 'json';
  #file: Base64File | null = null;

  /** @param countFile called with the bytes of files; may throw. */
  constructor(member: string, limits: BodyLimits, held: HeldBytes, countFile = countFiles(limits, held)) {
    this.#member = member;
    this.#limits = limits;
    this.#held = held;
    this.#countFiles = countFile;
  }

  write(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > mostBytes(this.#limits)) throw tooLarge();
    this.#sifter ??= this.#sifterFor(chunk);
    if (this.#sifter) this.#sifter.write(chunk);
    else this.#addRest(chunk);
  }

  /** @param parts files beside the body. */
  end(parts: readonly HeldFile[] = []): ReadBody {
    if (this.#file) this.#endFile();
    for (const { name, type, sha256 } of parts) this.#digest.update(JSON.stringify([name, type, sha256]));
    const digest = this.#digest.digest('base64');
    return { rest: Buffer.concat(this.#rest, this.#restBytes), kind: this.#kind, digest: () => digest };
  }

  /** Null as long as nothing but blanks has come. */
  #sifterFor(chunk: Buffer): Sifter | null {
    const first = /[^\s\xef\xbb\xbf]/.exec(chunk.toString('latin1'))?.[0];
    if (first === undefined) return null;
    this.#kind = first === '<' ? 'xml' : 'json';
    const sifted: Sifted = {
      rest: (bytes) => {
        this.#digest.update(bytes);
        this.#addRest(bytes);
      },
      begin: () => {
        this.#addRest(Buffer.from(`${this.#mark}${this.files.size}`));
        this.#file = new Base64File();
      },
      add: (text) => {
        const bytes = this.#file!.add(text);
        if (bytes > 0) this.#countFiles(bytes);
      },
      end: () => this.#endFile(),
    };
    return first === '<' ? new XmlSifter(this.#member, sifted) : new JsonSifter(this.#member, sifted);
  }

  #addRest(bytes: Buffer): void {
    this.#restBytes += bytes.length;
    if (this.#restBytes > this.#limits.restMaxBytes) throw tooLarge();
    this.#held.take(bytes.length);
    // A copy: the chunk of the stream may be many times as large.
    this.#rest.push(Buffer.from(bytes));
  }

  #endFile(): void {
    const file = this.#file!.end();
    this.#digest.update(file.sha256);
    this.files.set(`${this.#mark}${this.files.size}`, file);
    this.#file = null;
  }
}

/** Bytes that a body can have at most. */
export function mostBytes({ restMaxBytes, filesMaxBytes }: BodyLimits): number {
  return restMaxBytes + filesMaxBytes * CHARACTERS_PER_BYTE;
}
