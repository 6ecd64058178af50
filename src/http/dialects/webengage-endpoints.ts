/** The handlers of WebEngage's endpoints. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faultOfProfile } from '#domain/profile.ts';
import type { LimitedApi } from '#domain/account.ts';
import type { JsonObject } from '#domain/request.ts';
import { newUuid } from '#engine/accept.ts';
import type { AcceptResult } from '#engine/accept.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import type { ApiTools } from '../api-tools.ts';
import { bearerKey, demand } from '../auth.ts';
import { errorHandler } from '../as-refusal.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import * as tracking from './webengage-tracking.ts';
import * as words from './webengage.ts';

interface Params {
  account: string;
  campaign: string;
}

/** The endpoints; {@link registerRoutes} gives them their URLs. */
export function webengageEndpoints(tools: ApiTools) {
  const { engine, auth } = tools;

  /** Authentication and limits come before the body is read (semantics §5, step 1). */
  const enter = (api: LimitedApi) => async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = auth.recognise(bearerKey(request));
    const { account } = request.params as Params;
    const isTheirs = caller.accountId === null || caller.accountId === account;
    if (!isTheirs || !engine.config.account(account)) throw new Refusal('not_found', `there is no account "${account}" for this key`);
    demand(caller, 'trigger');
    takeFromLimit(engine.limits, account, api, reply);
  };

  function answer(request: FastifyRequest, reply: FastifyReply, body: object) {
    const formatted = words.inFormat(request.query, body);
    return reply.type(formatted.type).send(formatted.body);
  }

  /** The transaction to answer with: this one, or the first one of a repeat. */
  function settled(result: AcceptResult, reply: FastifyReply): StoredTransaction {
    switch (result.kind) {
      case 'accepted':
        return result.stored;
      case 'repeat':
      case 'duplicate':
        reply.header('idempotent-replayed', 'true');
        return result.stored;
      case 'refused': {
        const { kind, message } = result.refusal;
        throw new Refusal(kind === 'campaign_unknown' ? 'not_found' : kind, message);
      }
    }
  }

  const accountOf = (request: FastifyRequest) => engine.config.account((request.params as Params).account)!;

  return {
    errorHandler: errorHandler(words.refusalAnswer),

    transaction: {
      schema: { body: words.TransactionBody },
      onRequest: enter('transaction'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const wanted = words.transactionRequest(request.query, request.body as words.TransactionBody);
        const stored = settled(await engine.accept(accountOf(request), wanted), reply);
        return answer(request, reply, words.transactionAnswer(stored));
      },
    },

    singleTransaction: {
      schema: { body: words.SingleTransactionBody },
      onRequest: enter('transaction'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const { campaign } = request.params as Params;
        const body = request.body as words.SingleTransactionBody;
        const wanted = words.singleTransactionRequest(campaign, body);
        const stored = settled(await engine.accept(accountOf(request), wanted, words.dedupeWindow(campaign, body)), reply);
        return answer(request, reply, words.singleTransactionAnswer(stored));
      },
    },

    users: {
      schema: { body: tracking.UserBody },
      onRequest: enter('users'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const body = request.body as tracking.UserBody;
        const userId = tracking.userOf(body);
        const fields = tracking.profileFields(body);
        const fault = faultOfProfile(fields, 'user');
        if (fault) throw new Refusal('invalid', fault);
        await tools.profiles.merge(accountOf(request).id, userId, fields);
        return answer(request, reply, tracking.QUEUED);
      },
    },

    events: {
      schema: { body: tracking.EventBody },
      onRequest: enter('events'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const body = request.body as tracking.EventBody;
        const accountId = accountOf(request).id;
        const requestId = request.headers['x-request-id'];
        const now = tools.clock.now();
        await tools.events.track({
          id: typeof requestId === 'string' ? tracking.eventIdOf(accountId, requestId) : newUuid(now),
          accountId,
          userId: tracking.userOf(body),
          eventName: body.eventName,
          eventTime: tracking.eventTimeOf(body, now),
          eventData: (body.eventData ?? {}) as JsonObject,
        });
        return answer(request, reply, tracking.QUEUED);
      },
    },
  };
}
