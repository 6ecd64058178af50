/**
 * WebEngage's language: parses its requests into ours, and says our answers and refusals in its words.
 * Vendor pages: multi-campaign-transaction-api, sending-transactional-campaigns, rest-api-getting-started.
 */
import { XMLBuilder } from 'fast-xml-parser';
import Type from 'typebox';
import type { Static } from 'typebox';
import { MODES } from '#domain/transaction.ts';
import type { Mode } from '#domain/transaction.ts';
import { faultOfProfile } from '#domain/profile.ts';
import type { ProfileFields } from '#domain/profile.ts';
import { NOTHING_MORE } from '#domain/request.ts';
import type { JsonObject, TransactionRequest } from '#domain/request.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import { Refusal } from '../refusal.ts';

/** Seconds a single-campaign transaction lives when its request says nothing (vendor page). */
const SINGLE_TTL_DEFAULT_S = 120;
/** Seconds of the single-campaign dedupe window (vendor page). */
const DEDUPE_TTL_S = { minimum: 5, maximum: 1_800 };

/** The vendor's clients leave a field out or send null. */
export const optional = <Schema extends Type.TSchema>(schema: Schema) =>
  Type.Optional(Type.Union([schema, Type.Null()]));
/** A map of whatever the client likes. */
export const map = Type.Record(Type.String(), Type.Unknown());

const UserFields = {
  firstName: optional(Type.String()),
  lastName: optional(Type.String()),
  birthDate: optional(Type.String()),
  gender: optional(Type.String()),
  email: optional(Type.String()),
  phone: optional(Type.String()),
  attributes: optional(map),
};

/** The body of both transaction endpoints. */
export const TransactionBody = Type.Object({
  ttl: Type.Optional(Type.Integer()),
  userId: Type.String(),
  txnId: optional(Type.String()),
  dedupe: optional(Type.Object({ ttl: Type.Integer(DEDUPE_TTL_S) })),
  overrideData: Type.Object({
    context: optional(Type.Object({ token: optional(map) })),
    email: optional(Type.String()),
    phone: optional(Type.String()),
  }),
  trackConfig: optional(
    Type.Object({ eventName: optional(Type.String({ minLength: 1 })), updateUser: optional(Type.Object(UserFields)) }),
  ),
});
/** See {@link TransactionBody}. */
export type TransactionBody = Static<typeof TransactionBody>;

/** The single-campaign body: the same, with overrideData optional. */
export const SingleTransactionBody = Type.Intersect([
  Type.Omit(TransactionBody, ['overrideData']),
  Type.Object({ overrideData: optional(TransactionBody.properties.overrideData) }),
]);
/** See {@link SingleTransactionBody}. */
export type SingleTransactionBody = Static<typeof SingleTransactionBody>;

/** The request a multi-campaign call makes. @throws {Refusal} invalid, in the vendor's parameter names. */
export function transactionRequest(query: unknown, body: TransactionBody): TransactionRequest {
  const { campaignIds, mode } = query as { campaignIds?: string | string[]; mode?: string | string[] };
  const ids = [campaignIds ?? []].flat().flatMap((value) => value.split(','));
  if (ids.length === 0 || ids.includes('')) {
    throw new Refusal('invalid', 'campaignIds is missing; name the campaigns in order: ?campaignIds=~a&campaignIds=~b');
  }
  if (typeof mode !== 'string' || !(MODES as readonly string[]).includes(mode)) {
    throw new Refusal('invalid', `mode must be one of ${MODES.join(', ')}`);
  }
  return requestOf(body, ids, mode as Mode, body.ttl ?? null);
}

/** The request a single-campaign call makes: one leg, tried again within its TTL. */
export function singleTransactionRequest(campaignId: string, body: SingleTransactionBody): TransactionRequest {
  const whole = { ...body, overrideData: body.overrideData ?? {} };
  return requestOf(whole, [campaignId], 'all', body.ttl ?? SINGLE_TTL_DEFAULT_S);
}

function requestOf(body: TransactionBody, campaignIds: string[], mode: Mode, ttl: number | null): TransactionRequest {
  const { overrideData, trackConfig } = body;
  return {
    ...NOTHING_MORE,
    campaignIds,
    mode,
    userId: body.userId,
    txnId: body.txnId ?? null,
    ttl,
    token: (overrideData.context?.token ?? {}) as JsonObject,
    email: isHidden(overrideData.email) ? null : (overrideData.email ?? null),
    phone: overrideData.phone ?? null,
    eventName: trackConfig?.eventName ?? null,
    profile: trackConfig?.updateUser ? profileOf(trackConfig.updateUser) : null,
  };
}

/** An absent field stays as it is; a null is written (semantics §7). */
function profileOf(user: NonNullable<NonNullable<TransactionBody['trackConfig']>['updateUser']>): ProfileFields {
  const { firstName, lastName, birthDate, gender, email, phone, attributes } = user;
  const fields = { firstName, lastName, birthDate, gender, email: isHidden(email) ? undefined : email, phone };
  const profile = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as ProfileFields;
  const fault = faultOfProfile(profile, 'trackConfig.updateUser');
  if (fault) throw new Refusal('invalid', fault);
  return attributes ? { ...profile, attributes: attributes as JsonObject } : profile;
}

/** The vendor's documentation shows addresses as its web host hides them; a curl copied from there gives none. */
const HIDDEN_EMAIL = /^\[email\sprotected\]$/;

function isHidden(email: string | null | undefined): boolean {
  return typeof email === 'string' && HIDDEN_EMAIL.test(email);
}

/** The answer to a multi-campaign call. */
export function transactionAnswer({ transaction, request }: StoredTransaction): object {
  const { txnId, mode, userId } = transaction;
  const data = {
    txnId,
    campaignIds: request.campaignIds,
    mode,
    userId,
    ...(request.ttl !== null && { ttl: request.ttl }),
  };
  return { response: { data, message: 'success', status: 'queued' } };
}

/** The answer to a single-campaign call. */
export function singleTransactionAnswer({ transaction, request }: StoredTransaction): object {
  const { txnId, userId } = transaction;
  const data = { txnId, experimentId: request.campaignIds[0], userId, ttl: request.ttl };
  return { response: { data, message: 'success', status: 'queued' } };
}

/** The dedupe window of a single-campaign call: same account, campaign and user. */
export function dedupeWindow(campaignId: string, body: SingleTransactionBody): { key: string; ttlMs: number } | null {
  const ttlS = body.dedupe?.ttl;
  return ttlS === undefined ? null : { key: JSON.stringify([campaignId, body.userId]), ttlMs: ttlS * 1_000 };
}

/** A refusal in the vendor's words; always JSON, whatever `format` says (vendor page). */
export function refusalAnswer(refusal: Refusal): { body: object; type: string } {
  return { body: { response: { message: refusal.message, status: 'error' } }, type: 'application/json; charset=utf-8' };
}

const xml = new XMLBuilder({ format: false });

/** The answer in the format the query asks for: `?format=xml`, else JSON. */
export function inFormat(query: unknown, answer: object): { body: string | object; type: string } {
  const { format } = query as { format?: unknown };
  if (format !== 'xml') return { body: answer, type: 'application/json; charset=utf-8' };
  return { body: `<?xml version="1.0" encoding="UTF-8"?>${xml.build(answer)}`, type: 'application/xml; charset=utf-8' };
}
