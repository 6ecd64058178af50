/** The way into Altcraft's endpoints: the key is in the body, or in a header. */
import { createHash, hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Account, Scope } from '#domain/account.ts';
import type { ApiTools } from '../api-tools.ts';
import { accountOf, bearerKey, demand } from '../auth.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import { digestOf } from './altcraft-body.ts';
import { isMap } from '../call-fields.ts';

/** The header that names a call. */
const NAME_HEADER = 'request-id';
/** Characters of it. */
const NAME_LENGTH_MAX = 200;
/** Headers by which calls with the same body differ. Those of the way there (host, user agent, traces) differ for a repeat, too. */
const TELLING_HEADERS = ['authorization', 'content-type', 'accept'];

const entered = new WeakMap<FastifyRequest, { account: Account; token: string }>();

/** Authentication and limits, as soon as the body is read (semantics §5, step 1). */
export function entrance({ engine, auth }: ApiTools) {
  return (scope: Scope) => async (request: FastifyRequest, reply: FastifyReply) => {
    const token = tokenOf(request);
    const caller = auth.recognise(token);
    const account = accountOf(engine.config, caller, request);
    demand(caller, scope);
    await takeFromLimit(engine.limits, account.id, 'altcraft', reply);
    entered.set(request, { account, token });
  };
}

/** The account of an entered request. */
export function accountIn(request: FastifyRequest): Account {
  return entered.get(request)!.account;
}

/**
 * What a call is told from others by: its `Request-ID` and its key, else a checksum of address, headers and body (vendor page on
 * deduplication). Base64 of a SHA-1, as the vendor has it.
 */
export function nameOfCall(request: FastifyRequest): string {
  const { token } = entered.get(request)!;
  const id = request.headers[NAME_HEADER];
  if (id !== undefined && (typeof id !== 'string' || id.length === 0 || id.length > NAME_LENGTH_MAX)) {
    throw new Refusal('invalid', `Request-ID must have 1 to ${NAME_LENGTH_MAX} characters`);
  }
  // Without the boundary of a form, which is another one each time.
  const headers = TELLING_HEADERS.map((header) => String(request.headers[header] ?? '').replace(/;\s*boundary=.*/, ''));
  const parts =
    id === undefined ? ['content', request.url, ...headers, digestOf(request)] : ['id', hash('sha256', token), id];
  return createHash('sha1').update(JSON.stringify(parts)).digest('base64');
}

function tokenOf(request: FastifyRequest): string {
  const { body } = request;
  const given = isMap(body) ? body['token'] : undefined;
  const token = given === undefined || given === null || given === '' ? bearerKey(request) : given;
  if (token === null) throw new Refusal('unauthorized', 'no token was given; send an API key of the account as token');
  if (typeof token !== 'string') throw new Refusal('invalid', 'token must be a text');
  return token.trim();
}
