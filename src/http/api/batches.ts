/** Our API: batches. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { startOf } from '#domain/batch.ts';
import type { Batch, BatchVerb, RecipientResult } from '#domain/batch.ts';
import { END_NAMES } from '#domain/transaction.ts';
import { isTransactionId } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { BatchResult } from '#engine/batch-accept.ts';
import type { ApiTools } from '../api-tools.ts';
import { FileBody, limitFiles } from '../uploads/file-bodies.ts';
import { limitLargeBodies } from '../large-json-bodies.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { parameter, word } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { BatchBody, readBatch } from './batch-body.ts';
import { readFileCall } from './batch-file.ts';
import { callerAccount } from './entry.ts';
import { pageQuery } from './page-query.ts';

/** Bytes of a call: 100,000 recipients with some values of their own. */
const CALL_MAX_BYTES = 16_777_216;
/** Characters of an `Idempotency-Key`. */
const KEY_LENGTH_MAX = 100;

/** What the results of a batch can be narrowed to. */
const RESULTS = ['waiting', 'refused', 'running', ...END_NAMES] as const;

function resultsQuery(request: FastifyRequest) {
  const page = pageQuery(request, (text) => /^\d{1,8}$/.test(text));
  return { ...page, result: word(request, 'state', RESULTS) ?? null };
}

/** The endpoints; `registerRoutes` gives them their URLs. */
export function batchEndpoints(tools: ApiTools) {
  const { batches, clock } = tools;

  async function find(request: FastifyRequest): Promise<Batch> {
    const { id } = request.params as { id: string };
    const batch = isTransactionId(id) ? await batches.load(callerAccount(request).id, id) : null;
    if (!batch) throw noBatch(id);
    return batch;
  }

  const turning = (verb: BatchVerb) => ({
    config: { scope: 'trigger' as const },
    handler: async (request: FastifyRequest) => {
      const { id } = request.params as { id: string };
      const outcome = isTransactionId(id) ? await tools.engine.batches.turn(callerAccount(request).id, id, verb) : null;
      if (outcome === null) throw noBatch(id);
      if (outcome.kind === 'conflict') throw new Refusal('conflict', outcome.message);
      return summary(outcome.batch, clock.now());
    },
  });

  return {
    create: {
      bodyLimit: CALL_MAX_BYTES,
      onRequest: [limitLargeBodies(), limitFiles()],
      schema: { body: { content: { 'application/json': { schema: BatchBody } } } },
      config: { scope: 'trigger' as const },
      handler: (request: FastifyRequest, reply: FastifyReply) => create(tools, request, reply),
    },

    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { result, limit, cursor } = resultsQuery(request);
        const batch = await find(request);
        const [counts, { data, next }] = await Promise.all([
          batches.counts(batch),
          batches.results(batch, result, limit, cursor),
        ]);
        return { ...summary(batch, clock.now()), counts, recipients: data.map(recipientView), next };
      },
    },

    /** The results alone: without the counts, which take long to count for a million recipients. */
    recipients: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { result, limit, cursor } = resultsQuery(request);
        const { data, next } = await batches.results(await find(request), result, limit, cursor);
        return { data: data.map(recipientView), next };
      },
    },

    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { limit, cursor } = pageQuery(request, isTransactionId);
        const { data, next } = await batches.list(callerAccount(request).id, limit, cursor);
        return { data: data.map((batch) => summary(batch, clock.now())), next };
      },
    },

    cancel: turning('cancel'),
    pause: turning('pause'),
    resume: turning('resume'),
  };
}

async function create(tools: ApiTools, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  await takeFromLimit(tools.engine.limits, callerAccount(request).id, 'batches', reply);
  const key = keyOf(request);
  const result = await accepted(tools, request, key);
  if (result.kind === 'refused') {
    const { kind, message } = result.refusal;
    throw new Refusal(kind === 'campaign_unknown' ? 'not_found' : kind, message);
  }
  if (result.kind === 'repeat' && !result.sameRequest) {
    throw new Refusal('conflict', `the Idempotency-Key "${key}" was used for another call; use a new one`);
  }
  if (result.kind === 'repeat') reply.header('idempotent-replayed', 'true');
  return reply.code(202).send(firstAnswer(result.batch));
}

function accepted({ engine, isStopping }: ApiTools, request: FastifyRequest, key: string | null): Promise<BatchResult> {
  const account = callerAccount(request);
  const body = request.body as BatchBody | FileBody;
  return body instanceof FileBody
    ? readFileCall(request, body, isStopping).then(({ request: wanted, file }) =>
        engine.batches.upload(account, wanted, file, key),
      )
    : readBatch(body).then(({ request: wanted, recipients }) =>
        engine.batches.accept(account, wanted, recipients, key),
      );
}

function noBatch(id: string): Refusal {
  return new Refusal('not_found', `there is no batch "${id}"; see "carom batches"`);
}

/** The header, or, for what cannot set one, the parameter `key`. */
function keyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key'] ?? parameter(request, 'key');
  if (key === undefined) return null;
  if (typeof key === 'string' && key.length >= 1 && key.length <= KEY_LENGTH_MAX) return key;
  throw new Refusal('invalid', `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters`);
}

/** What a client was told when the batch was accepted: a repeat is told the same. */
function firstAnswer(batch: Batch): object {
  return summary({ ...batch, state: 'running', endedAt: null }, batch.createdAt);
}

function summary(batch: Batch, now: number): object {
  const { id, state, createdAt, endedAt, total, badRows = 0, request } = batch;
  const startAt = startOf(batch);
  return {
    id,
    state: state === 'running' && startAt > now ? 'scheduled' : state,
    campaignIds: request.campaignIds,
    mode: request.mode,
    ttl: request.ttl,
    targetBy: request.targetKind,
    unknownUsers: request.unknownUsers,
    reference: request.reference,
    total,
    badRows,
    createdAt: isoTime(createdAt),
    startAt: isoTime(startAt),
    endedAt: endedAt === null ? null : isoTime(endedAt),
  };
}

function recipientView({ index, target, userId, result, reason, detail, transactionId }: RecipientResult): object {
  return { index, target, userId, state: result, reason, detail: detail ?? null, transactionId };
}
