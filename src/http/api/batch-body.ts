/** The body of a call for many recipients. Its recipients are read one by one: there may be a hundred thousand. */
import Type from 'typebox';
import type { Static } from 'typebox';
import { RECIPIENTS_MAX, TARGET_KINDS, UNKNOWN_USERS } from '#domain/batch.ts';
import type { BatchRequest, Recipient } from '#domain/batch.ts';
import type { JsonObject } from '#domain/request.ts';
import { parseInstant } from '#domain/time.ts';
import { MODES } from '#domain/transaction.ts';
import { startBreathing } from '../json-in-slices.ts';
import { Refusal } from '../refusal.ts';
import { CONSENTS } from './profile-schema.ts';

/** Characters of a phone number as people write it. */
const PHONE_LENGTH_MAX = 100;

/** What ajv checks; recipients are left to {@link readBatch}, which lets others in between. */
export const BatchBody = Type.Object(
  {
    campaignIds: Type.Array(Type.String({ minLength: 1, maxLength: 100 })),
    mode: Type.Optional(Type.Enum([...MODES])),
    ttl: Type.Optional(Type.Integer()),
    startAt: Type.Optional(Type.String()),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    reference: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
    targetBy: Type.Optional(Type.Enum([...TARGET_KINDS])),
    unknownUsers: Type.Optional(Type.Enum([...UNKNOWN_USERS])),
    recipients: Type.Array(Type.Unknown()),
  },
  { additionalProperties: false },
);
/** A body that ajv let through. */
export type BatchBody = Static<typeof BatchBody>;

/** What is asked for. @throws {Refusal} naming the first recipient that cannot be read, and why. */
export async function readBatch(body: BatchBody): Promise<{ request: BatchRequest; recipients: Recipient[] }> {
  const startAt = body.startAt === undefined ? null : parseInstant(body.startAt);
  if (body.startAt !== undefined && startAt === null) {
    throw new Refusal('invalid', 'startAt must be an ISO-8601 time with an offset, such as 2026-05-21T10:00:00+05:30');
  }
  const request: BatchRequest = {
    campaignIds: body.campaignIds,
    mode: body.mode ?? 'all',
    ttl: body.ttl ?? null,
    startAt,
    params: (body.params ?? {}) as JsonObject,
    overrides: null,
    reference: body.reference ?? null,
    targetKind: body.targetBy ?? 'user_id',
    unknownUsers: body.unknownUsers ?? 'send',
  };
  return { request, recipients: await readRecipients(body.recipients, request) };
}

async function readRecipients(given: unknown[], request: BatchRequest): Promise<Recipient[]> {
  if (given.length > RECIPIENTS_MAX) {
    const message = `recipients has ${given.length} entries; at most ${RECIPIENTS_MAX} are allowed in one call, send the others in further calls`;
    throw new Refusal('invalid', message);
  }
  const breathe = startBreathing();
  const recipients: Recipient[] = [];
  for (const [index, entry] of given.entries()) {
    const read = readRecipient(entry, request);
    if ('fault' in read) throw blamed(index, read.field, read.fault);
    recipients.push(read.recipient);
    const pause = breathe();
    if (pause) await pause;
  }
  return recipients;
}

const FIELDS = ['userId', 'target', 'params', 'email', 'phone', 'consents'];

/** A recipient as clients write him; or what is wrong with him, and in which field (null: with all of him). */
export function readRecipient(
  entry: unknown,
  { targetKind, unknownUsers }: Pick<BatchRequest, 'targetKind' | 'unknownUsers'>,
): { recipient: Recipient } | { field: string | null; fault: string } {
  const blame = (field: string | null, fault: string) => ({ field, fault });
  if (!isMap(entry)) return blame(null, 'must be an object such as {"userId": "u-1"}');
  const unknown = Object.keys(entry).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) return blame(unknown, `is not known; the fields are ${FIELDS.join(', ')}`);
  const { userId, target = userId, params, email, phone, consents } = entry;
  if (userId !== undefined && (targetKind !== 'user_id' || entry['target'] !== undefined)) {
    return blame('userId', 'is the target itself: give one of both, and userId only where targetBy is user_id');
  }
  if (target === undefined) return blame('target', 'is missing');
  if (typeof target !== 'string' && !(typeof target === 'number' && Number.isSafeInteger(target)))
    return blame('target', 'must be a text or a whole number');
  if (params !== undefined && !isMap(params)) return blame('params', 'must be an object');
  if (email !== undefined && typeof email !== 'string') return blame('email', 'must be a text');
  if (phone !== undefined && !(typeof phone === 'string' && phone.length <= PHONE_LENGTH_MAX)) {
    return blame('phone', `must be a text of at most ${PHONE_LENGTH_MAX} characters`);
  }
  if (consents !== undefined) {
    if (unknownUsers !== 'create') return blame('consents', 'are written only with "unknownUsers": "create"');
    if (!isConsents(consents)) {
      return blame('consents', `must be an object of true and false by ${CONSENTS.join(', ')}`);
    }
  }
  const recipient: Recipient = {
    target: String(target),
    ...(params !== undefined && { params: params as JsonObject }),
    ...(email !== undefined && { email }),
    ...(phone !== undefined && { phone }),
    ...(consents !== undefined && { consents: consents as Record<string, boolean> }),
  };
  return { recipient };
}

function blamed(index: number, field: string | null, message: string): Refusal {
  const path = field === null ? ['recipients', index] : ['recipients', index, field];
  const where = `recipients[${index}]${field === null ? '' : `.${field}`}`;
  return new Refusal('invalid', `${where} ${message}`, { faults: [{ path, message }] });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isConsents(value: unknown): boolean {
  if (!isMap(value)) return false;
  const channels: readonly string[] = CONSENTS;
  return Object.entries(value).every(([channel, given]) => channels.includes(channel) && typeof given === 'boolean');
}
