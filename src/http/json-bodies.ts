/** How JSON bodies are read. What could not be stored is refused here, once, rather than found in the middle of a batch. */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from './refusal.ts';

/** Bytes of a body, unless a route says otherwise. */
export const BODY_MAX_BYTES = 1_048_576;
/** How deep lists and objects may be nested: far less than what V8 and PostgreSQL can walk without running out of stack. */
export const NESTING_MAX = 100;
const NOT_UTF8 = 'the body is not UTF-8';

/** The scope takes JSON and nothing else. An empty body is none: many clients send the header with every request. */
export function acceptJsonBodies(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error');
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    if (bytes.length === 0) return done(null, undefined);
    const text = bytes.toString();
    const fault = isUtf8(bytes) ? faultOfJson(text) : NOT_UTF8;
    return fault === null ? parse(request, text, done) : done(new Refusal('invalid', fault));
  });
}

/** Reads a JSON body that is there whole, by the same rules. */
export function jsonBodyReader(scope: FastifyInstance): (request: FastifyRequest, bytes: Buffer) => Promise<unknown> {
  const parse = scope.getDefaultJsonParser('error', 'error');
  return (request, bytes) =>
    new Promise((resolve, reject) => {
      const text = textOfBody(bytes);
      const fault = faultOfJson(text);
      if (fault !== null) throw new Refusal('invalid', fault);
      void parse(request, text, (error, value: unknown) => (error ? reject(error) : resolve(value)));
    });
}

/** The text of a body. @throws {Refusal} when it is none. */
export function textOfBody(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Refusal('invalid', NOT_UTF8);
  return bytes.toString();
}

/** What is wrong with a JSON text before it is parsed; null when nothing is that this can tell. */
export function faultOfJson(text: string): string | null {
  if (isTooDeep(text)) return `the body is nested more than ${NESTING_MAX} levels deep`;
  if (text.includes('\\u') && saysUnstorable(text)) {
    return 'the body has the character U+0000 or half a surrogate pair, which cannot be stored';
  }
  return null;
}

/** Escapes from left to right: whole surrogate pairs, then what PostgreSQL keeps in no text, then all others. */
const ESCAPES = /\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(?<unstorable>u0000|ud[89a-f][0-9a-f]{2})|.)/gi;

function saysUnstorable(text: string): boolean {
  for (const { groups } of text.matchAll(ESCAPES)) if (groups!['unstorable'] !== undefined) return true;
  return false;
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isInString = !isInString;
    else if (isInString) at += character === '\\' ? 1 : 0;
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    if (depth > NESTING_MAX) return true;
  }
  return false;
}
