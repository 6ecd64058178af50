/** How the bodies of Altcraft's calls come in: JSON or XML under any name, and large. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SHARED_LENGTH_MAX } from '#domain/batch.ts';
import { acceptBodiesWithFiles } from '../attachments.ts';
import { textOfBody } from '../json-bodies.ts';
import { SliceError, startBreathing } from '../json-in-slices.ts';
import { jsonReader } from '../large-json-bodies.ts';
import { Refusal } from '../refusal.ts';
import { parseXml } from '../xml-in-slices.ts';
import { FORMATS } from './altcraft.ts';
import type { Format } from './altcraft.ts';
import { isMap } from '../call-fields.ts';

/** Bytes of a call without files (vendor page). */
export const CALL_MAX_BYTES = 10_485_760;
/** Elements that are lists, also where there is one of them. */
const LISTS = ['data', 'attach'];

const digests = new WeakMap<FastifyRequest, string>();
const writings = new WeakMap<FastifyRequest, Format>();

/** The scope takes bodies of any type: the vendor's clients send JSON and XML under any name, and files beside them. */
export function acceptJsonAndXml(scope: FastifyInstance): void {
  const readJson = jsonReader(scope, SHARED_LENGTH_MAX);
  acceptBodiesWithFiles(scope, {
    member: 'attach',
    restMaxBytes: CALL_MAX_BYTES,
    parse: (request, { rest, kind, digest }) => {
      digests.set(request, digest());
      writings.set(request, kind);
      return kind === 'xml' ? readXml(rest) : readJson(request, rest);
    },
  });
}

/** How the call is to be answered: as its `format` says, in the body or the address, else as it was written. */
export function formatOf(request: FastifyRequest): Format {
  const { body, query } = request;
  const said = (isMap(body) && wordOf(body['format'])) || wordOf((query as Record<string, unknown>)['format']);
  if (said) return said;
  const isXml = /\bxml\b/.test(request.headers['content-type'] ?? '');
  return writings.get(request) ?? (isXml ? 'xml' : 'json');
}

/** Whether the body is XML. */
export function isXmlBody(request: FastifyRequest): boolean {
  return writings.get(request) === 'xml';
}

/** The SHA-1 (Base64) of the body as it came, with its files. */
export function digestOf(request: FastifyRequest): string {
  return digests.get(request) ?? '';
}

function wordOf(value: unknown): Format | undefined {
  return FORMATS.find((format) => typeof value === 'string' && value.trim().toLowerCase() === format);
}

async function readXml(bytes: Buffer): Promise<unknown> {
  try {
    return await parseXml(textOfBody(bytes), {
      elementMax: SHARED_LENGTH_MAX,
      lists: LISTS,
      breathe: startBreathing(),
    });
  } catch (error) {
    if (error instanceof SliceError) throw new Refusal('invalid', error.message);
    throw error;
  }
}
