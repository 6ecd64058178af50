/** WebEngage's users and events endpoints. Vendor pages: rest-api-tracking-users, rest-api-tracking-events. */
import type { IncomingHttpHeaders } from 'node:http';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ProfileFields } from '#domain/profile.ts';
import type { JsonObject } from '#domain/request.ts';
import { isCalendarDate, parseInstant } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import { Refusal } from '../refusal.ts';
import { map, optional } from './webengage.ts';

/** Characters of a userId, and of an attribute's string value before it is cut (vendor page). */
const USER_ID_MAX = 100;
const VALUE_MAX = 1_000;
/** Characters of a name of an attribute or event (vendor page). */
const NAME_MAX = 50;
/** Names the vendor keeps for itself; such attributes are ignored (vendor page). */
const RESERVED = 'we_';

/** The body of the users endpoint. */
export const UserBody = Type.Object({
  userId: optional(Type.String({ maxLength: USER_ID_MAX })),
  anonymousId: optional(Type.String({ maxLength: USER_ID_MAX })),
  firstName: optional(Type.String()),
  lastName: optional(Type.String()),
  birthDate: optional(Type.String()),
  gender: optional(Type.Enum(['male', 'female', 'other'])),
  email: optional(Type.String()),
  phone: optional(Type.String()),
  company: optional(Type.String()),
  hashedEmail: optional(Type.String()),
  hashedPhone: optional(Type.String()),
  emailOptIn: optional(Type.Boolean()),
  smsOptIn: optional(Type.Boolean()),
  whatsappOptIn: optional(Type.Boolean()),
  rcsOptIn: optional(Type.Boolean()),
  attributes: optional(map),
});
/** See {@link UserBody}. */
export type UserBody = Static<typeof UserBody>;

/** The body of the events endpoint. */
export const EventBody = Type.Object({
  userId: optional(Type.String({ maxLength: USER_ID_MAX })),
  anonymousId: optional(Type.String({ maxLength: USER_ID_MAX })),
  eventName: Type.String({ minLength: 1, maxLength: NAME_MAX }),
  eventTime: optional(Type.String()),
  eventData: optional(map),
});
/** See {@link EventBody}. */
export type EventBody = Static<typeof EventBody>;

/** Whose profile or event it is: userId wins over anonymousId. @throws {Refusal} in the vendor's own words. */
export function userOf({ userId, anonymousId }: { userId?: string | null; anonymousId?: string | null }): string {
  const id = userId || anonymousId;
  if (!id) throw new Refusal('invalid', 'Error: userId and anonymousId cannot be empty.');
  return id;
}

/** The fields a users call gives. @throws {Refusal} for a birthDate of another form than the vendor's or a plain date. */
export function profileFields(body: UserBody): ProfileFields {
  const { firstName, lastName, gender, email, phone, company, hashedEmail, hashedPhone } = body;
  const fields = { firstName, lastName, gender, email, phone, birthDate: birthDateOf(body.birthDate) };
  const consents = { email: body.emailOptIn, sms: body.smsOptIn, whatsapp: body.whatsappOptIn, rcs: body.rcsOptIn };
  const attributes = {
    ...attributesOf((body.attributes ?? {}) as JsonObject),
    ...present({ company, hashedEmail, hashedPhone }),
  };
  const given = Object.entries(consents).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean');
  return {
    ...present(fields),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(given.length > 0 && { consents: Object.fromEntries(given) }),
  };
}

function birthDateOf(text: string | null | undefined): string | null | undefined {
  if (typeof text !== 'string' || isCalendarDate(text)) return text;
  // The vendor's form is a time; a birth date is the day it names there, whatever the offset.
  if (parseInstant(text) !== null && isCalendarDate(text.slice(0, 10))) return text.slice(0, 10);
  throw new Refusal('invalid', 'birthDate must be a date such as 1990-05-21 or 1990-05-21T00:00:00+0530');
}

function attributesOf(attributes: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith(RESERVED)) continue;
    if (name.length >= NAME_MAX)
      throw new Refusal('invalid', `attribute names must be shorter than ${NAME_MAX} characters`);
    kept[name] = typeof value === 'string' ? value.slice(0, VALUE_MAX) : value;
  }
  return kept;
}

function present<Value>(fields: Record<string, Value | undefined>): Record<string, Value> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, Value>;
}

/** When the event happened. @throws {Refusal} for a time without an offset, or none at all. */
export function eventTimeOf({ eventTime }: EventBody, now: Instant): Instant {
  if (eventTime === undefined || eventTime === null) return now;
  const instant = parseInstant(eventTime);
  if (instant === null) throw new Refusal('invalid', 'eventTime must be like 2026-05-21T10:00:00+0530');
  return instant;
}

/** How long a call under the same `x-request-id` is a repeat (vendor page). */
const REPEAT_WINDOW_MS = 4 * 3_600_000;
/** Characters of an `x-request-id`. */
const REQUEST_ID_MAX = 200;

/** The client's own id for a call, if it gives one. @throws {Refusal} for one that is too long. */
export function requestOf(headers: IncomingHttpHeaders): { id: string; windowMs: number } | undefined {
  const id = headers['x-request-id'];
  if (typeof id !== 'string' || id === '') return undefined;
  if (id.length > REQUEST_ID_MAX)
    throw new Refusal('invalid', `x-request-id must have at most ${REQUEST_ID_MAX} characters`);
  return { id, windowMs: REPEAT_WINDOW_MS };
}

/** The answer to both. */
export const QUEUED = { response: { status: 'queued' } };
