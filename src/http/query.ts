/** The query of our own API: each parameter at most once, and none that is misspelt. */
import type { FastifyRequest } from 'fastify';
import { parseInstant } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { Refusal } from './refusal.ts';

/** A parameter; undefined when it is not given. @throws {Refusal} when it is given twice: which one counts would be a guess. */
export function parameter(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  if (Array.isArray(value)) throw new Refusal('invalid', `${name} is given ${value.length} times; give it once`);
  return value;
}

/** A flag, false when it is not given. @throws {Refusal} when it is misspelt: what was meant as a dry run must not be done. */
export function flag(request: FastifyRequest, name: string): boolean {
  const value = parameter(request, name);
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new Refusal('invalid', `${name} must be true or false`);
}

/** One of some words; undefined when it is not given. @throws {Refusal} naming them. */
export function word<Word extends string>(
  request: FastifyRequest,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const value = parameter(request, name);
  if (value === undefined) return undefined;
  const known = words.find((one) => one === value);
  if (known === undefined) throw new Refusal('invalid', `${name} must be one of ${words.join(', ')}`);
  return known;
}

/** A time; undefined when it is not given. The plus of an offset may have come as it is, and so be a blank by now. */
export function instant(request: FastifyRequest, name: string): Instant | undefined {
  const text = parameter(request, name);
  if (text === undefined) return undefined;
  const at = parseInstant(text.replace(' ', '+'));
  if (at === null)
    throw new Refusal('invalid', `${name} must be an ISO-8601 time with an offset, such as 2026-05-21T10:00:00Z`);
  return at;
}
