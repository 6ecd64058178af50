/** The handlers of WebEngage's transaction endpoints. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AcceptResult } from '#engine/accept.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import type { ApiTools } from '../api-tools.ts';
import { errorHandler } from '../as-refusal.ts';
import { Refusal } from '../refusal.ts';
import { accountIn, answer, entrance } from './webengage-entry.ts';
import * as words from './webengage.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function webengageEndpoints(tools: ApiTools) {
  const { engine } = tools;
  const enter = entrance(tools);

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

  return {
    errorHandler: errorHandler(words.refusalAnswer),

    transaction: {
      schema: { body: words.TransactionBody },
      onRequest: enter('transaction'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const wanted = words.transactionRequest(request.query, request.body as words.TransactionBody);
        const stored = settled(await engine.accept(accountIn(tools, request), wanted), reply);
        return answer(request, reply, words.transactionAnswer(stored));
      },
    },

    singleTransaction: {
      schema: { body: words.SingleTransactionBody },
      onRequest: enter('transaction'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const { campaign } = request.params as { campaign: string };
        const body = request.body as words.SingleTransactionBody;
        const wanted = words.singleTransactionRequest(campaign, body);
        const stored = settled(
          await engine.accept(accountIn(tools, request), wanted, words.dedupeWindow(campaign, body)),
          reply,
        );
        return answer(request, reply, words.singleTransactionAnswer(stored));
      },
    },
  };
}
