/** How large JSON bodies come in: read slice by slice, and no more of them at once than there is room for. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OverloadedError } from '#ports/unavailable.ts';
import { isFile } from './uploads/file-bodies.ts';
import { faultOfJson, textOfBody } from './json-bodies.ts';
import { SliceError, parseInSlices, startBreathing } from './json-in-slices.ts';
import { Refusal } from './refusal.ts';

/** From this size on, in bytes, a body is a large one. */
const LARGE_BYTES = 1_048_576;
/** Large bodies that are taken in at once, per route and node: with what is made of them, each can hold a hundred MB. */
const LARGE_AT_ONCE_MAX = 8;

/**
 * The scope takes JSON and nothing else.
 * @param elementMax characters of one member of the body, or of one element of such a member.
 * @param more `type`: under which `Content-Type`; `asEntries`: as in slicing.
 */
export function acceptLargeJsonBodies(
  scope: FastifyInstance,
  elementMax: number,
  more: { type?: string; asEntries?: readonly string[] } = {},
): void {
  const { type = 'application/json', asEntries = [] } = more;
  const read = jsonReader(scope, elementMax, asEntries);
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(type, { parseAs: 'buffer' }, (request: FastifyRequest, bytes: Buffer) =>
    read(request, bytes),
  );
}

/** Reads a body of JSON slice by slice; undefined: it is empty. Parameters as of {@link acceptLargeJsonBodies}. */
export function jsonReader(scope: FastifyInstance, elementMax: number, asEntries: readonly string[] = []) {
  const parse = scope.getDefaultJsonParser('error', 'error');
  return async (request: FastifyRequest, bytes: Buffer): Promise<unknown> => {
    if (bytes.length === 0) return undefined;
    const parseSlice = (slice: string): unknown => {
      const fault = faultOfJson(slice);
      if (fault !== null) throw new Refusal('invalid', fault);
      const outcome: { fault: Error | null; value?: unknown } = { fault: null };
      void parse(request, slice, (error, value: unknown) => Object.assign(outcome, { fault: error, value }));
      if (outcome.fault) throw outcome.fault;
      return outcome.value;
    };
    try {
      const slicing = { parse: parseSlice, elementMax, asEntries, breathe: startBreathing() };
      return await parseInSlices(textOfBody(bytes), slicing);
    } catch (error) {
      if (error instanceof SliceError) throw new Refusal('invalid', error.message);
      // What the parser says would quote the body, and a key that is in it.
      throw error instanceof SyntaxError ? new Refusal('invalid', NOT_JSON) : error;
    }
  };
}

const NOT_JSON = 'the body is not valid JSON, or has a member that is named __proto__ or constructor.prototype';

/** A hook that lets in as many large bodies as there is room for. @throws {OverloadedError} answered 503. */
export function limitLargeBodies() {
  let large = 0;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (isFile(request.headers['content-type'])) return;
    const length = request.headers['content-length'];
    if (length !== undefined && Number(length) <= LARGE_BYTES) return;
    if (length === undefined && request.headers['transfer-encoding'] === undefined) return;
    if (large >= LARGE_AT_ONCE_MAX) throw new OverloadedError('many large calls are being read');
    large++;
    reply.raw.once('close', () => large--);
  };
}
