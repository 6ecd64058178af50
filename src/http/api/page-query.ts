import type { FastifyRequest } from 'fastify';
import { parameter } from '../query.ts';
import { Refusal } from '../refusal.ts';

/** Items of a page when the query names no limit, and at most. */
const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 200;

/** A list's `limit` and `cursor`. @throws {Refusal} invalid. */
export function pageQuery(
  request: FastifyRequest,
  isCursor: (text: string) => boolean,
): { limit: number; cursor: string | null } {
  const limit = parameter(request, 'limit');
  const cursor = parameter(request, 'cursor');
  const number = limit === undefined ? LIMIT_DEFAULT : Number(limit);
  if (!Number.isInteger(number) || number < 1 || number > LIMIT_MAX) {
    throw new Refusal('invalid', `limit must be a whole number from 1 to ${LIMIT_MAX}`);
  }
  if (cursor !== undefined && !isCursor(cursor))
    throw new Refusal('invalid', 'cursor must be the "next" of an earlier page');
  return { limit: number, cursor: cursor ?? null };
}
