/** A batch from a file: what all its recipients share is in the query, they themselves are the body. */
import type { FastifyRequest } from 'fastify';
import { TARGET_KINDS, UNKNOWN_USERS } from '#domain/batch.ts';
import type { BatchRequest } from '#domain/batch.ts';
import type { JsonObject } from '#domain/request.ts';
import { MODES } from '#domain/transaction.ts';
import type { RecipientFile } from '#engine/batch-upload.ts';
import { openCsv } from '../uploads/csv-rows.ts';
import { fingerprinted } from '../uploads/file-bodies.ts';
import type { FileBody } from '../uploads/file-bodies.ts';
import { ndjsonRows } from '../uploads/ndjson-rows.ts';
import { faultOfJson } from '../json-bodies.ts';
import { instant, parameter, word } from '../query.ts';
import { Refusal } from '../refusal.ts';

const PARAMETERS = [
  'account',
  'campaignIds',
  'mode',
  'ttl',
  'startAt',
  'params',
  'reference',
  'targetBy',
  'unknownUsers',
  'key',
];
/** Characters of a reference, as in the JSON API. */
const REFERENCE_MAX = 1_000;

/** What is asked for, and the file. @throws {Refusal} naming the parameter that cannot be read, or what the file lacks. */
export async function readFileCall(
  request: FastifyRequest,
  body: FileBody,
  isStopping: () => boolean,
): Promise<{ request: BatchRequest; file: RecipientFile }> {
  const shared = sharedOf(request, body.parseJson);
  // The kind of the file is part of the call: the same bytes can be read as either.
  const salt = JSON.stringify([shared, body.format]);
  const { pieces, fingerprint } = fingerprinted(body.pieces(isStopping), salt);
  const rest = async () => {
    while ((await pieces.next()).done !== true);
  };
  if (body.format === 'ndjson') {
    const wanted = { ...shared, targetKind: shared.targetKind ?? 'user_id' };
    const rows = () => ndjsonRows(pieces, { request: wanted, parseJson: body.parseJson });
    return { request: wanted, file: { rows, rest, fingerprint } };
  }
  const { targetKind, rows } = await openCsv(pieces, shared.targetKind);
  return { request: { ...shared, targetKind }, file: { rows, rest, fingerprint } };
}

/** What the query says; a null `targetKind` is left to the file. */
type Shared = Omit<BatchRequest, 'targetKind'> & { targetKind: BatchRequest['targetKind'] | null };

function sharedOf(request: FastifyRequest, parseJson: FileBody['parseJson']): Shared {
  const unknown = Object.keys(request.query as object).find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) {
    throw new Refusal(
      'invalid',
      `the query has "${unknown}", which is not known; it can have ${PARAMETERS.join(', ')}`,
    );
  }
  const reference = parameter(request, 'reference') ?? null;
  if (reference !== null && (reference === '' || reference.length > REFERENCE_MAX)) {
    throw new Refusal('invalid', `reference must have 1 to ${REFERENCE_MAX} characters`);
  }
  return {
    campaignIds: campaignIdsOf(request),
    mode: word(request, 'mode', MODES) ?? 'all',
    ttl: ttlOf(request),
    startAt: instant(request, 'startAt') ?? null,
    params: paramsOf(request, parseJson),
    overrides: null,
    reference,
    targetKind: word(request, 'targetBy', TARGET_KINDS) ?? null,
    unknownUsers: word(request, 'unknownUsers', UNKNOWN_USERS) ?? 'send',
  };
}

function campaignIdsOf(request: FastifyRequest): string[] {
  const { campaignIds = [] } = request.query as { campaignIds?: string | string[] };
  return [campaignIds].flat().flatMap((text) => text.split(','));
}

function ttlOf(request: FastifyRequest): number | null {
  const text = parameter(request, 'ttl');
  if (text === undefined) return null;
  // What is no number is refused with the range that it must be in.
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

function paramsOf(request: FastifyRequest, parseJson: FileBody['parseJson']): JsonObject {
  const text = parameter(request, 'params');
  if (text === undefined) return {};
  const value = faultOfJson(text) === null ? parsed(text, parseJson) : null;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new Refusal('invalid', 'params must be a JSON object such as {"city": "Pune"}, percent-encoded');
}

/** Null where it cannot be parsed: no object either. */
function parsed(text: string, parseJson: FileBody['parseJson']): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
