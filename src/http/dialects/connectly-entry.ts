/** The way into Connectly's endpoints: the key is in a header, the account in the address. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Account, Scope } from '#domain/account.ts';
import type { ApiTools } from '../api-tools.ts';
import { accountInAddress, bearerKey, demand } from '../auth.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import { coded } from './connectly.ts';

const KEY_HEADER = 'x-api-key';

/** Authentication and limits, before the body is read (semantics §5, step 1). */
export function entrance({ engine, auth }: ApiTools) {
  return (scope: Scope) => async (request: FastifyRequest, reply: FastifyReply) => {
    const key = keyOf(request);
    if (key === null) throw new Refusal('unauthorized', 'no API key was given; send it in the header X-API-Key');
    const caller = auth.recognise(key);
    const id = idIn(request);
    if (!accountInAddress(engine.config, caller, id)) {
      const message = `there is no business "${id}" for this key`;
      throw coded('BUSINESS_KEY_SECRET_ABSENT', new Refusal('not_found', message));
    }
    demand(caller, scope);
    await takeFromLimit(engine.limits, id, 'connectly', reply);
  };
}

/** The account of an entered request. */
export function accountIn({ engine }: ApiTools, request: FastifyRequest): Account {
  return engine.config.account(idIn(request))!;
}

function idIn(request: FastifyRequest): string {
  return (request.params as { account: string }).account;
}

function keyOf(request: FastifyRequest): string | null {
  const header = request.headers[KEY_HEADER];
  return typeof header === 'string' && header.trim() !== '' ? header.trim() : bearerKey(request);
}
