/** A file that came with a call, in memory until the call is accepted. */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

/** Bytes that are collected before they become a piece: what many small pieces of a stream leave behind is freed sooner. */
const PIECE_BYTES = 1_048_576;

/** A file that has been read, or what is wrong with it, in words that follow its place. */
export interface HeldFile {
  /** As the call says, beside the content or in it. */
  name: string | null;
  type: string | null;
  sizeBytes: number;
  sha256: string;
  pieces: Buffer[];
  fault: string | null;
}

/** Makes a held file of the bytes of a stream. */
export class FileCollector {
  readonly #pieces: Buffer[] = [];
  readonly #hash: Hash = createHash('sha256');
  #piece: Buffer | null = null;
  #filled = 0;
  #size = 0;

  /** Takes a copy. */
  add(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#size += bytes.length;
    for (let at = 0; at < bytes.length;) {
      this.#piece ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
      const copied = bytes.copy(this.#piece, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < PIECE_BYTES) continue;
      this.#pieces.push(this.#piece);
      this.#piece = null;
      this.#filled = 0;
    }
  }

  /** Drops what has been collected: it is of no use. */
  drop(): void {
    this.#pieces.length = 0;
    this.#piece = null;
    this.#filled = 0;
  }

  end(): Pick<HeldFile, 'sizeBytes' | 'sha256' | 'pieces'> {
    if (this.#piece) this.#pieces.push(Buffer.from(this.#piece.subarray(0, this.#filled)));
    this.#piece = null;
    return { sizeBytes: this.#size, sha256: this.#hash.digest('hex'), pieces: this.#pieces };
  }
}
