/** The way into WebEngage's endpoints: whose request it is, and in which format it is answered. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Account, LimitedApi } from '#domain/account.ts';
import type { ApiTools } from '../api-tools.ts';
import { accountInAddress, bearerKey, demand } from '../auth.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import { inFormat } from './webengage.ts';

/** Authentication and limits, before the body is read (semantics §5, step 1). */
export function entrance({ engine, auth }: ApiTools) {
  return (api: LimitedApi) => async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = auth.recognise(bearerKey(request));
    const { account } = request.params as { account: string };
    if (!accountInAddress(engine.config, caller, account))
      throw new Refusal('not_found', `there is no account "${account}" for this key`);
    demand(caller, 'trigger');
    await takeFromLimit(engine.limits, account, api, reply);
  };
}

/** The account of an entered request. */
export function accountIn({ engine }: ApiTools, request: FastifyRequest): Account {
  return engine.config.account((request.params as { account: string }).account)!;
}

/** Answers in the format the query asks for. */
export function answer(request: FastifyRequest, reply: FastifyReply, body: object) {
  const formatted = inFormat(request.query, body);
  return reply.type(formatted.type).send(formatted.body);
}
