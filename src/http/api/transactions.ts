/** Our API: transactions. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';
import { isTransactionId } from '#domain/ids.ts';
import type { Account } from '#domain/account.ts';
import type { ProfileFields } from '#domain/profile.ts';
import { NOTHING_MORE } from '#domain/request.ts';
import type { JsonObject, TransactionRequest } from '#domain/request.ts';
import { parseInstant } from '#domain/time.ts';
import { END_NAMES, MODES, hasEnded } from '#domain/transaction.ts';
import type { TransactionStatus } from '#domain/transaction.ts';
import type { Refusal as EngineRefusal } from '#engine/plan.ts';
import { replayOf } from '#engine/replay.ts';
import type { StoredTransaction, TransactionFilter } from '#ports/transaction-store.ts';
import type { ApiTools } from '../api-tools.ts';
import { attachmentsOf, keepAttachments, readAttachments } from '../attachments.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { flag, instant, parameter, word } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { dryRunLegs } from './dry-run-view.ts';
import { callerAccount } from './entry.ts';
import { pageQuery } from './page-query.ts';
import { ProfileFieldsSchema } from './profile-schema.ts';
import { transactionSummary, transactionView } from './transaction-view.ts';

const TransactionBody = Type.Object(
  {
    campaignIds: Type.Array(Type.String({ minLength: 1, maxLength: 100 })),
    mode: Type.Enum([...MODES]),
    userId: Type.String(),
    txnId: Type.Optional(Type.String()),
    ttl: Type.Optional(Type.Integer()),
    startAt: Type.Optional(Type.String()),
    token: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    email: Type.Optional(Type.String()),
    phone: Type.Optional(Type.String()),
    track: Type.Optional(Type.Object({ eventName: Type.String({ minLength: 1 }) }, { additionalProperties: false })),
    skipTriggers: Type.Optional(Type.Boolean()),
    profile: Type.Optional(ProfileFieldsSchema),
    attachments: Type.Optional(Type.Array(Type.Unknown())),
  },
  { additionalProperties: false },
);
type TransactionBody = Static<typeof TransactionBody>;

const ReplayBody = Type.Object({ txnId: Type.Optional(Type.String()) }, { additionalProperties: false });

/** What a list can be filtered by. */
const STATES: readonly TransactionStatus['name'][] = ['scheduled', 'running', ...END_NAMES];

/** Characters of an event's name. */
const EVENT_NAME_MAX = 100;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function transactionEndpoints(tools: ApiTools) {
  const { engine, transactions } = tools;

  const find = (request: FastifyRequest) => findTransaction(tools, request);
  const view = (stored: StoredTransaction) => wholeView(tools, stored);

  return {
    create: {
      schema: { body: TransactionBody },
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const account = callerAccount(request);
        await takeFromLimit(engine.limits, account.id, 'transaction', reply);
        const body = request.body as TransactionBody;
        const wanted = requestOf(body);
        const files = readAttachments(request, body.attachments, { member: 'attachments' });
        if (flag(request, 'dryRun')) return dryRun(tools, request, { ...wanted, attachments: attachmentsOf(files) });
        return accept(
          tools,
          account,
          { ...wanted, attachments: await keepAttachments(tools, account.id, files) },
          reply,
        );
      },
    },

    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const stored = await find(request);
        return view(stored);
      },
    },

    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { limit, cursor } = pageQuery(request, isTransactionId);
        const page = await transactions.list(filterOf(request, callerAccount(request).id), limit, cursor);
        return { data: page.data.map(transactionSummary), next: page.next };
      },
    },

    cancel: {
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest) => {
        const { transaction } = await find(request);
        if (hasEnded(transaction)) throw alreadyEnded(transaction.status.name);
        const after = await engine.cancel(transaction.accountId, transaction.id);
        if (after && after.status.name !== 'cancelled') throw alreadyEnded(after.status.name);
        const stored = await find(request);
        return view(stored);
      },
    },

    replay: {
      schema: { body: ReplayBody },
      config: { scope: 'trigger' as const },
      // Nothing has to be said.
      preValidation: async (request: FastifyRequest) => {
        request.body ??= {};
      },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        await takeFromLimit(engine.limits, callerAccount(request).id, 'transaction', reply);
        const { txnId = null } = request.body as Static<typeof ReplayBody>;
        return accept(tools, callerAccount(request), await replayable(tools, await find(request), txnId), reply);
      },
    },
  };
}

async function findTransaction({ transactions }: ApiTools, request: FastifyRequest): Promise<StoredTransaction> {
  const { id } = request.params as { id: string };
  const accountId = callerAccount(request).id;
  const byId = isTransactionId(id) ? await transactions.load(accountId, id) : null;
  const stored = byId ?? (await transactions.loadByTxnId(accountId, id));
  if (!stored) throw new Refusal('not_found', `there is no transaction with the id or txnId "${id}"`);
  return stored;
}

/** The whole of it; what its batch gave all its recipients is read from there. */
async function wholeView(
  { transactions, batches }: ApiTools,
  { transaction: { accountId, id }, request }: StoredTransaction,
): Promise<object> {
  const [history, batch] = await Promise.all([
    transactions.history(accountId, id),
    request.batch && batches.load(accountId, request.batch.id),
  ]);
  if (!history) throw new Refusal('not_found', 'the transaction has just been removed: its time was over');
  const attachments = batch?.request.attachments ?? request.attachments ?? [];
  return transactionView(history.stored, history.timeline, attachments);
}

/** Its request once more. @throws {Refusal} when it cannot be replayed. */
async function replayable(
  { batches }: ApiTools,
  stored: StoredTransaction,
  txnId: string | null,
): Promise<TransactionRequest> {
  const { name } = stored.transaction.status;
  if (!hasEnded(stored.transaction)) {
    const remedy = 'it can be replayed when it has ended, or cancel it first';
    throw new Refusal('conflict', `the transaction is ${name}; ${remedy}`);
  }
  const wanted = await replayOf(batches, stored, txnId);
  if (wanted) return wanted;
  throw new Refusal('conflict', 'the batch of the transaction is forgotten, and with it what it said');
}

/** Makes the transaction and answers; a repeat gets the first one's answer. */
async function accept(
  { engine }: ApiTools,
  account: Account,
  wanted: TransactionRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const result = await engine.accept(account, wanted);
  if (result.kind === 'refused') throw refusalOf(result.refusal);
  if (result.kind === 'repeat' && !result.sameRequest) {
    const message = `txnId "${wanted.txnId}" was used for another request; use a new one, or repeat the same request`;
    throw new Refusal('txn_id_reused', message);
  }
  if (result.kind !== 'accepted') reply.header('idempotent-replayed', 'true');
  return reply.code(202).send(firstAnswer(result.stored));
}

function alreadyEnded(state: string): Refusal {
  return new Refusal('conflict', `the transaction has ended already (${state}); what was sent cannot be recalled`);
}

/** What a client was told when the transaction was accepted: a repeat is told the same, whatever has happened since. */
function firstAnswer(stored: StoredTransaction): object {
  const { transaction } = stored;
  const name = transaction.startAt > transaction.createdAt ? 'scheduled' : 'running';
  return transactionSummary({ ...stored, transaction: { ...transaction, status: { name } } });
}

function requestOf(body: TransactionBody): TransactionRequest {
  const startAt = body.startAt === undefined ? null : parseInstant(body.startAt);
  if (body.startAt !== undefined && startAt === null) {
    throw new Refusal('invalid', 'startAt must be an ISO-8601 time with an offset, such as 2026-05-21T10:00:00+05:30');
  }
  if ((body.track?.eventName.length ?? 0) > EVENT_NAME_MAX) {
    throw new Refusal('invalid', `track.eventName must have at most ${EVENT_NAME_MAX} characters`);
  }
  return {
    ...NOTHING_MORE,
    campaignIds: body.campaignIds,
    mode: body.mode,
    userId: body.userId,
    txnId: body.txnId ?? null,
    ttl: body.ttl ?? null,
    startAt,
    token: (body.token ?? {}) as JsonObject,
    params: (body.params ?? {}) as JsonObject,
    email: body.email ?? null,
    phone: body.phone ?? null,
    eventName: body.track?.eventName ?? null,
    skipTriggers: body.skipTriggers ?? false,
    profile: (body.profile as ProfileFields | undefined) ?? null,
  };
}

function refusalOf({ kind, message }: EngineRefusal): Refusal {
  return new Refusal(kind === 'campaign_unknown' ? 'not_found' : kind, message);
}

async function dryRun({ engine }: ApiTools, request: FastifyRequest, wanted: TransactionRequest): Promise<object> {
  const outcome = await engine.dryRun(callerAccount(request), wanted);
  if (outcome.kind === 'refused') throw refusalOf(outcome.refusal);
  const { transaction, messages } = outcome;
  const contents = wanted.campaignIds.map((id) => engine.config.campaign(transaction.accountId, id)!.content);
  return {
    ...transactionSummary({ transaction, request: wanted, version: 0, node: null }),
    state: 'dry_run',
    legs: dryRunLegs(transaction, messages, contents),
  };
}

function filterOf(request: FastifyRequest, accountId: string): TransactionFilter {
  const state = word(request, 'state', STATES);
  const userId = parameter(request, 'userId');
  const campaignId = parameter(request, 'campaignId');
  const since = instant(request, 'since');
  return {
    accountId,
    ...(state && { state }),
    ...(userId && { userId }),
    ...(campaignId && { campaignId }),
    ...(since !== undefined && { since }),
  };
}
