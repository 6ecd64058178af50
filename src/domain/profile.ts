/** What is known about a user, and how given fields are merged into it (semantics §7). */
import type { AccountId, UserId } from './ids.ts';
import type { JsonObject } from './request.ts';
import type { Subscription } from './subscription.ts';
import { isCalendarDate } from './time.ts';

/** The fields a profile's writer may give; an absent one stays as it is, a `null` overwrites. */
export interface ProfileFields {
  firstName?: string | null;
  lastName?: string | null;
  /** `YYYY-MM-DD`. */
  birthDate?: string | null;
  gender?: string | null;
  email?: string | null;
  phone?: string | null;
  locale?: string | null;
  timeZone?: string | null;
  /** The id that the user had at a former vendor: by it he can be named in batches. */
  internalId?: string | number | null;
  /** Merged key by key; none is ever deleted by a merge. */
  attributes?: JsonObject;
  devices?: Device[];
  /** Given as a whole, like devices. */
  subscriptions?: Subscription[];
  /** Per channel: true opted in, false opted out; absent unknown. */
  consents?: Record<string, boolean>;
}

/** Where push messages go. */
export interface Device {
  channel: 'push' | 'web_push';
  token?: string;
  subscription?: JsonObject;
  platform?: string;
}

/** A user's profile. */
export interface Profile {
  accountId: AccountId;
  userId: UserId;
  fields: ProfileFields;
}

/** Longest e-mail address: RFC 5321 §4.5.3.1 allows 254 octets in a path without its brackets. */
const EMAIL_LENGTH_MAX = 254;
/** And 64 octets before the @. */
const LOCAL_LENGTH_MAX = 64;
/** A part of a domain between dots (RFC 1035 §2.3.4). */
const LABEL_LENGTH_MAX = 63;
/** A mailbox as people have them: no quoted local parts, no comments, a dot in the domain or not. */
const EMAIL = /^[^\s\p{Cc}@"(),:;<>[\\\]]+@[^\s\p{Cc}@"(),:;<>[\\\]]+$/u;
/** Letters of any script, or its form in ASCII. */
const LABEL = /^(?!-)(?:[\w-]|[^\p{ASCII}])+(?<!-)$/u;

/** True for what can be an e-mail address. */
export function isEmailAddress(text: string): boolean {
  if (text.length > EMAIL_LENGTH_MAX || !EMAIL.test(text) || octetsOf(text) > EMAIL_LENGTH_MAX) return false;
  const at = text.indexOf('@');
  const labels = text.slice(at + 1).split('.');
  return (
    octetsOf(text.slice(0, at)) <= LOCAL_LENGTH_MAX &&
    labels.every((label) => label.length <= LABEL_LENGTH_MAX && LABEL.test(label))
  );
}

function octetsOf(text: string): number {
  return /^\p{ASCII}*$/u.test(text) ? text.length : new TextEncoder().encode(text).length;
}

/** The first rule the fields break, in words for their sender; null when they may be written. */
export function faultOfProfile(fields: ProfileFields, path: string): string | null {
  const { birthDate, email, subscriptions = [] } = fields;
  if (typeof birthDate === 'string' && !isCalendarDate(birthDate)) {
    return `${path}.birthDate must be a date such as 1990-05-21`;
  }
  if (typeof email === 'string' && !isEmailAddress(email)) return `${path}.email is not an e-mail address`;
  const bad = subscriptions.findIndex(
    ({ channel, value }) => channel === 'email' && value !== undefined && !isEmailAddress(value),
  );
  return bad === -1 ? null : `${path}.subscriptions[${bad}].value is not an e-mail address`;
}

/** Where pushes to the device go: its token, or its browser's subscription as JSON; undefined: it has neither. */
export function addressOfDevice({ token, subscription }: Device): string | undefined {
  return token ?? (subscription && JSON.stringify(subscription));
}

/**
 * What is left of a user's devices, and of the subscriptions to push channels, without these addresses; null when none of
 * them is his. A browser's subscription is the same when its endpoint is, however it is written.
 */
export function withoutAddresses(
  { devices, subscriptions }: ProfileFields,
  addresses: readonly string[],
): Pick<ProfileFields, 'devices' | 'subscriptions'> | null {
  const gone = new Set(addresses.map(identityOf));
  const stays = (address: string | undefined) => address === undefined || !gone.has(identityOf(address.trim()));
  const left = devices?.filter((device) => stays(addressOfDevice(device)));
  const subscribed = subscriptions?.filter(
    ({ channel, value, subscriptionId }) =>
      (channel !== 'push' && channel !== 'web_push') || stays(value ?? subscriptionId),
  );
  if (left?.length === devices?.length && subscribed?.length === subscriptions?.length) return null;
  return { ...(left && { devices: left }), ...(subscribed && { subscriptions: subscribed }) };
}

/** Of a browser's subscription its endpoint; a token as it is. */
function identityOf(address: string): string {
  if (!address.startsWith('{')) return address;
  try {
    const { endpoint } = JSON.parse(address) as JsonObject;
    return typeof endpoint === 'string' ? endpoint : address;
  } catch {
    // A token that begins like one.
    return address;
  }
}

/** The key of users with this attribute. A text is another value than the number that is written alike. */
export function attributeKey(name: string, value: string | number | boolean): string {
  return JSON.stringify({ [name]: value });
}

/** The fields after a merge: given ones win, attributes and consents key by key. The store does the same in SQL. */
export function mergeProfile(present: ProfileFields, given: ProfileFields): ProfileFields {
  const merged: ProfileFields = { ...present, ...given };
  if (present.attributes || given.attributes) merged.attributes = { ...present.attributes, ...given.attributes };
  if (present.consents || given.consents) merged.consents = { ...present.consents, ...given.consents };
  return merged;
}
