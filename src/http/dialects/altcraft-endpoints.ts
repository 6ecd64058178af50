/** The handlers of Altcraft's endpoints. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Account } from '#domain/account.ts';
import { startOf } from '#domain/batch.ts';
import type { Batch, Recipient } from '#domain/batch.ts';
import type { Campaign } from '#domain/campaign.ts';
import { isTransactionId } from '#domain/ids.ts';
import type { UserId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import { isoTime } from '#domain/time.ts';
import { matchUsers } from '#engine/match-users.ts';
import type { ApiTools } from '../api-tools.ts';
import { errorHandler } from '../as-refusal.ts';
import { keepAttachments, readAttachments } from '../attachments.ts';
import { startBreathing } from '../json-in-slices.ts';
import type { Breathe } from '../json-in-slices.ts';
import { limitLargeBodies } from '../large-json-bodies.ts';
import { Refusal } from '../refusal.ts';
import { CALL_MAX_BYTES, formatOf, isXmlBody } from './altcraft-body.ts';
import { readCall } from './altcraft-call.ts';
import type { CallRow } from './altcraft-call.ts';
import { accountIn, entrance, nameOfCall } from './altcraft-entry.ts';
import { TOO_LARGE, TYPE_OF, debugOfBadRows, errorAnswer, successAnswer, written, writtenList } from './altcraft.ts';
import type { Format } from './altcraft.ts';
import { below, textOf, wholeBody } from '../call-fields.ts';

/** How long a call that comes again is a repeat (vendor page). */
const REPEAT_MS = 86_400_000;

/** What the calls differ in. */
interface CallShape {
  /** Its rows are in `data`. */
  isBatch: boolean;
  /** A call that nobody is meant by is an error. */
  wantsSomebody: boolean;
  /** The answer names the profiles; else the task. */
  listsProfiles: boolean;
}

const SHAPES = {
  startBatch: { isBatch: true, wantsSomebody: false, listsProfiles: true },
  start: { isBatch: false, wantsSomebody: true, listsProfiles: true },
  startBatchTask: { isBatch: true, wantsSomebody: true, listsProfiles: false },
} satisfies Record<string, CallShape>;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function altcraftEndpoints(tools: ApiTools) {
  const { engine, answers, clock } = tools;
  const enter = entrance(tools);

  async function trigger(request: FastifyRequest, reply: FastifyReply, shape: CallShape): Promise<FastifyReply> {
    const account = accountIn(request);
    const key = nameOfCall(request);
    const first = await answers.find({ accountId: account.id, key }, clock.now());
    if (first !== null) return replay(reply, key, first);
    const { defaultRegion } = account;
    const { body } = request;
    const call = await readCall(body, shape.isBatch, {
      isXml: isXmlBody(request),
      defaultRegion,
      breathe: startBreathing(),
    });
    const files = readAttachments(request, call.attach, { member: 'attach', nameKeys: ['header', 'name'] });
    refuseStopped(engine.config.campaign(account.id, call.request.campaignIds[0]!), call.request.campaignIds[0]!);
    const breathe = startBreathing();
    const members = await membersOf(tools, account, call.rows, breathe);
    if (members.size === 0 && shape.wantsSomebody) throw new Refusal('not_found', NOBODY);
    const found = [...members.values()];
    const format = formatOf(request);
    const debug = debugOfBadRows(call.badRows);
    const list = shape.listsProfiles ? await writtenList(members.keys(), debug, format, breathe) : null;
    const answering = {
      key,
      repeatMs: REPEAT_MS,
      answer: (batch: Batch | null) => list ?? written(successAnswer({ ...debug, task_id: batch!.id }), format),
    };
    const recipients = found.map(({ recipient }) => recipient);
    const attachments = await keepAttachments(tools, account.id, files);
    const wanted = attachments ? { ...call.request, attachments } : call.request;
    const result = await engine.batches.acceptAnswered(account, wanted, recipients, answering);
    if (result.kind === 'refused') throw new Refusal('invalid', aboutRow(result.refusal.message, found));
    if (result.kind === 'repeat') return replay(reply, key, result.body);
    return reply.type(TYPE_OF[format]).send(result.body);
  }

  const triggering = (shape: CallShape) => ({
    bodyLimit: CALL_MAX_BYTES,
    onRequest: limitLargeBodies(),
    preValidation: enter('trigger'),
    handler: (request: FastifyRequest, reply: FastifyReply) => trigger(request, reply, shape),
  });

  return {
    errorHandler: refuse,
    startBatch: triggering(SHAPES.startBatch),
    start: triggering(SHAPES.start),
    startBatchTask: triggering(SHAPES.startBatchTask),

    task: {
      preValidation: enter('read'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const id = taskIdOf(request.body);
        const batch = isTransactionId(id) ? await tools.batches.load(accountIn(request).id, id) : null;
        if (!batch) throw new Refusal('not_found', `there is no task "${id}"`);
        const { waiting, refused, total, ...counts } = await tools.batches.counts(batch);
        const format = formatOf(request);
        const task = { ...stateOf(batch, clock.now()), total, waiting, refused, ...counts };
        return reply.type(TYPE_OF[format]).send(written(successAnswer({ task }), format));
      },
    },
  };
}

/** The users of the rows, each once: the first row that means him counts. */
async function membersOf(
  { profiles }: ApiTools,
  account: Account,
  rows: CallRow[],
  breathe: Breathe,
): Promise<Map<UserId, Member>> {
  const matches = await matchUsers(
    profiles,
    account.id,
    rows.map(({ ways }) => ways),
  );
  const members = new Map<UserId, Member>();
  for (const [row, match] of matches.entries()) {
    if (!match || members.has(match.userId)) continue;
    const { index, ways, params } = rows[row]!;
    const recipient = { target: match.userId, ...(params && { params }), ...ways[match.way]!.to };
    members.set(match.userId, { row: index, recipient });
    const pause = breathe();
    if (pause) await pause;
  }
  return members;
}

/** One who gets the message, and the row that means him. */
interface Member {
  row: number;
  recipient: Recipient;
}

const NOBODY = 'no profile is meant by it; nothing was started';

/** The first one's answer, and the vendor's headers that say so. */
function replay(reply: FastifyReply, key: string, body: string): FastifyReply {
  const format: Format = body.startsWith('<') ? 'xml' : 'json';
  return reply.header('duplicate-key', key).header('duplicate-request', 'true').type(TYPE_OF[format]).send(body);
}

function refuseStopped(campaign: Campaign | null, id: string): void {
  if (!campaign) throw new Refusal('not_found', `there is no campaign ${id}; see "carom campaigns"`);
  const { state } = campaign;
  if (state === 'running') return;
  const remedy = state === 'ended' ? 'make a new campaign' : `start it with "carom campaigns start ${id}"`;
  throw new Refusal(
    'invalid',
    `the campaign ${id} is not active: it is ${state === 'draft' ? 'a draft' : state}; ${remedy}`,
  );
}

/** A fault of a recipient names his place among those found; the client knows rows. */
function aboutRow(message: string, found: Member[]): string {
  return message.replace(/^recipients\[(\d+)\]:/, (_, place) => `data.${found[Number(place)]!.row}:`);
}

function taskIdOf(body: unknown): string {
  const call = wholeBody(body);
  const given = ['task_id', 'id'].map((name) => textOf(below(call, name), 100)).find((id) => id !== undefined);
  if (given === undefined) throw new Refusal('invalid', 'task_id is missing');
  return given.trim();
}

function stateOf(batch: Batch, now: number): JsonObject {
  const { id, state, request, createdAt, endedAt } = batch;
  return {
    id,
    trigger_id: request.campaignIds[0]!,
    status: state === 'running' && startOf(batch) > now ? 'scheduled' : state,
    created: isoTime(createdAt),
    ended: endedAt === null ? null : isoTime(endedAt),
  };
}

/** Errors in the format of the call; a body that is too large has the vendor's own words, and its code. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isOurs = error instanceof Refusal && error.kind === 'too_large';
  const isTooLarge = isOurs || (error as Partial<FastifyError>).statusCode === 413;
  // Fastify would hang up on a client that is still sending: it would see a broken connection, not this answer.
  if (isTooLarge) reply.removeHeader('connection');
  const said = isTooLarge ? new Refusal('invalid', TOO_LARGE) : error;
  const format = formatOf(request);
  const render = (refusal: Refusal) => ({ body: written(errorAnswer(refusal), format), type: TYPE_OF[format] });
  return errorHandler(render)(said, request, reply);
}
