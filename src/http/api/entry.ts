/** The way into our own API: every request is authenticated, scoped and given its account before its body is read. */
import type { FastifyRequest } from 'fastify';
import type { Account, Scope } from '#domain/account.ts';
import type { ApiTools } from '../api-tools.ts';
import { accountOf, bearerKey, demand } from '../auth.ts';
import type { Caller } from '../auth.ts';
import { Refusal } from '../refusal.ts';

const callers = new WeakMap<FastifyRequest, { caller: Caller; account: Account | null }>();

/** The hook of the scope; a route names its scope in `config.scope`, and `config.account: false` when it is about none. */
export function enter({ auth, engine }: ApiTools) {
  return async (request: FastifyRequest): Promise<void> => {
    const { scope, account: wantsAccount = true } = request.routeOptions.config as unknown as {
      scope?: Scope;
      account?: boolean;
    };
    const caller = auth.recognise(bearerKey(request));
    if (scope) demand(caller, scope);
    callers.set(request, { caller, account: wantsAccount ? accountOf(engine.config, caller, request) : null });
  };
}

/** The account the request is about. */
export function callerAccount(request: FastifyRequest): Account {
  const account = callers.get(request)?.account;
  if (!account) throw new Error(`the route ${request.routeOptions.url} was not entered with an account`);
  return account;
}

/** Who calls. */
export function callerOf(request: FastifyRequest): Caller {
  const entered = callers.get(request);
  if (!entered) throw new Refusal('unauthorized', 'no API key was given');
  return entered.caller;
}
