/**
 * The files of a message in an `http` provider's request. Templates see a mark in the place of each content; the content itself
 * goes into the body while that is being written, a slice at a time: no file is ever there as one long text.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingFile } from '#ports/provider.ts';
import type { RenderedRequest } from './http-request.ts';
import { ContentError } from './http-template.ts';

/** Bytes that are written at once; whole groups of three, so that there is no padding in between. */
const SLICE_BYTES = 49_152;

/** Marks for files, and what templates see. */
export interface MarkedFiles {
  context: JsonObject[];
  byMark: ReadonlyMap<string, OutgoingFile>;
}

/** A request whose body may be written piece by piece. */
export type WritableRequest = Omit<RenderedRequest, 'body'> & { body: string | Buffer | Readable | null };

/** Marks that no value of a message can contain. */
export function markFiles(files: readonly OutgoingFile[]): MarkedFiles {
  const mark = `file-${randomUUID()}-`;
  return {
    context: files.map(({ name, type }, index) => ({ name, type, base64: `${mark}${index}.` })),
    byMark: new Map(files.map((file, index) => [`${mark}${index}.`, file])),
  };
}

/**
 * The request with the contents in the place of their marks. Those that it mentions are read before.
 * @param encode what the body's format does to base64.
 * @throws {ContentError} where a mark stands outside of the body, and what reading a file throws.
 */
export async function withFiles(
  request: RenderedRequest,
  { byMark }: MarkedFiles,
  encode: ((base64: string) => string) | null,
): Promise<WritableRequest> {
  const [first] = byMark.keys();
  const mark = first!.slice(0, -2);
  if ([request.path, ...Object.values(request.headers)].some((text) => text.includes(mark))) {
    throw new ContentError('the content of a file can stand in the body of the request only');
  }
  const texts = request.body?.split(new RegExp(`(${mark}\\d+\\.)`)) ?? [];
  if (texts.length <= 1) return request;
  const parts: (string | Buffer)[] = [];
  for (const text of texts) {
    const file = byMark.get(text);
    parts.push(file ? await file.content() : text);
  }
  const length = parts.reduce((sum, part) => sum + lengthOf(part, encode), 0);
  const headers = { ...request.headers, 'content-length': String(length) };
  return { ...request, headers, body: Readable.from(pieces(parts, encode), { objectMode: false }) };
}

function lengthOf(part: string | Buffer, encode: ((base64: string) => string) | null): number {
  if (typeof part === 'string') return Buffer.byteLength(part);
  if (!encode) return Math.ceil(part.length / 3) * 4;
  let length = 0;
  for (const bytes of written(part, encode)) length += bytes.length;
  return length;
}

function* pieces(parts: (string | Buffer)[], encode: ((base64: string) => string) | null): Generator<Buffer> {
  for (const part of parts) yield* written(part, encode);
}

function* written(part: string | Buffer, encode: ((base64: string) => string) | null): Generator<Buffer> {
  if (typeof part === 'string') {
    if (part !== '') yield Buffer.from(part);
    return;
  }
  for (let at = 0; at < part.length; at += SLICE_BYTES) {
    const base64 = part.toString('base64', at, at + SLICE_BYTES);
    yield Buffer.from(encode ? encode(base64) : base64, 'latin1');
  }
}
