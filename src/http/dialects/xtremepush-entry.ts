/** The way into Xtremepush's endpoints: the key is in the body. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Account, Scope } from '#domain/account.ts';
import type { ApiTools } from '../api-tools.ts';
import { accountOf, bearerKey, demand } from '../auth.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import { isMap } from '../call-fields.ts';

const accounts = new WeakMap<FastifyRequest, Account>();

/** Authentication and limits, as soon as the body is read (semantics §5, step 1). A call without a key is a 400 (vendor page). */
export function entrance({ engine, auth }: ApiTools) {
  return (scope: Scope) => async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = auth.recognise(keyOf(request));
    const account = accountOf(engine.config, caller, request);
    demand(caller, scope);
    await takeFromLimit(engine.limits, account.id, 'xtremepush', reply);
    accounts.set(request, account);
  };
}

/** The account of an entered request. */
export function accountIn(request: FastifyRequest): Account {
  return accounts.get(request)!;
}

function keyOf(request: FastifyRequest): string {
  const { body } = request;
  const token = isMap(body) ? body['apptoken'] : undefined;
  const key = token === undefined || token === null || token === '' ? bearerKey(request) : token;
  if (key === null) throw new Refusal('invalid', 'apptoken is missing: give an API key of the account in it');
  if (typeof key !== 'string') throw new Refusal('invalid', 'apptoken must be a text');
  return key;
}
