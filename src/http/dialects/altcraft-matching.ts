/** Whom a row of a call means: the vendor's matching modes, as ways to find a user. Vendor page: Matching. */
import { EMAIL_TARGET_LENGTH_MAX } from '#domain/batch.ts';
import type { Recipient } from '#domain/batch.ts';
import { attributeKey } from '#domain/profile.ts';
import { ID_LENGTH_MAX } from '#domain/request.ts';
import { customKey, deviceKey, emailKey, phoneKey } from '#domain/subscription.ts';
import { writingsOf } from '#engine/batch-targets.ts';
import type { Sought } from '#engine/match-users.ts';
import { below, blame, textOf } from '../call-fields.ts';
import type { Field } from '../call-fields.ts';

/** A way to find a user, and where his messages go when it is this one that led to him. */
export interface Way extends Sought {
  to?: Pick<Recipient, 'email' | 'phone' | 'device'>;
}

/** What rows are read with. */
export interface MatchingRules {
  /** For phone numbers without a country code. */
  defaultRegion: string | null;
  /** The call's own, for all rows. */
  fieldName: Field;
}

/** Characters of a value that a profile is looked for by. */
const VALUE_LENGTH_MAX = 1_000;

/** The fields of a row that say whom it means. */
export const KEY_FIELDS = ['email', 'phone', 'profile_id', 'provider', 'subscription_id', 'field_name', 'field_value'];

type ReadWays = (row: Field, rules: MatchingRules) => Way[];

const READERS: Record<string, ReadWays> = {
  email: (row) => {
    const address = email(row);
    return [...inProfile('email', address), ...subscribedBy(address, byEmail)];
  },
  email_profile: (row) => inProfile('email', email(row)),
  email_sub: (row) => subscribedBy(email(row), byEmail),
  phone: (row, rules) => {
    const number = phone(row);
    return [...phoneInProfile(number, rules), ...subscribedBy(number, byPhone(rules))];
  },
  phone_sub: (row, rules) => subscribedBy(phone(row), byPhone(rules)),
  profile_id: (row) => inProfile('user_id', required(row, 'profile_id', ID_LENGTH_MAX)),
  push_sub: (row) => {
    const [provider, id] = [
      required(row, 'provider', VALUE_LENGTH_MAX),
      required(row, 'subscription_id', VALUE_LENGTH_MAX),
    ];
    if (provider === undefined || id === undefined) return [];
    return [{ key: 'subscription', values: [deviceKey(provider, id)], to: { device: id } }];
  },
  custom: (row, rules) => custom(row, rules, 'attribute', attributeKey),
  custom_sub: (row, rules) => custom(row, rules, 'subscription', customKey),
  email_phone: (row, rules) =>
    either(row, 'email', (address, number) => [...inProfile('email', address), ...phoneInProfile(number, rules)]),
  email_phone_sub: (row, rules) =>
    either(row, 'subscription', (address, number) => [
      ...subscribedBy(address, byEmail),
      ...subscribedBy(number, byPhone(rules)),
    ]),
};

/** The modes that are spoken here. */
const MATCHINGS = Object.keys(READERS);

/** How rows are read in the mode of a call. */
export function waysReader(matching: Field): ReadWays {
  const { value = 'email' } = matching;
  if (typeof value === 'string' && Object.hasOwn(READERS, value)) return READERS[value]!;
  blame(
    matching,
    value === 'custom_request'
      ? 'must not be custom_request: queries to the vendor’s database are not supported; match by custom'
      : `must be one of ${MATCHINGS.join(', ')}`,
  );
  return () => [];
}

const email = (row: Field) => required(row, 'email', EMAIL_TARGET_LENGTH_MAX);
const phone = (row: Field) => required(row, 'phone', ID_LENGTH_MAX);

/** The text of a field, trimmed; a number is taken, too. */
function required(row: Field, name: string, lengthMax: number): string | undefined {
  const field = below(row, name);
  const text = textOf(field, lengthMax)?.trim();
  if (field.value === undefined || text === '') return blame(field, 'is missing');
  return text;
}

function inProfile(key: 'email' | 'user_id', value: string | undefined): Way[] {
  return value === undefined ? [] : [{ key, values: [value] }];
}

function phoneInProfile(number: string | undefined, { defaultRegion }: MatchingRules): Way[] {
  return number === undefined ? [] : [{ key: 'phone', values: writingsOf(number, defaultRegion) }];
}

/** An address that is found in a subscription is the one that messages go to. */
function subscribedBy(value: string | undefined, way: (value: string) => Way): Way[] {
  return value === undefined ? [] : [way(value)];
}

function byEmail(address: string): Way {
  return { key: 'subscription', values: [emailKey(address)], to: { email: address } };
}

function byPhone({ defaultRegion }: MatchingRules): (number: string) => Way {
  return (number) => ({
    key: 'subscription',
    values: writingsOf(number, defaultRegion).map(phoneKey),
    to: { phone: number },
  });
}

/** By the e-mail address, and where nobody has it, by the phone number; one of them may be missing. */
function either(
  row: Field,
  firstKey: Way['key'],
  ways: (address: string | undefined, number: string | undefined) => Way[],
): Way[] {
  const address = textOf(below(row, 'email'), EMAIL_TARGET_LENGTH_MAX)?.trim() || undefined;
  const number = textOf(below(row, 'phone'), ID_LENGTH_MAX)?.trim() || undefined;
  if (address === undefined && number === undefined) blame(row, 'has neither email nor phone');
  // The nth way of each row is of the same kind: where there is no address, the first leads to nobody.
  const found = ways(address, number);
  return address === undefined && found.length > 0 ? [{ key: firstKey, values: [] }, ...found] : found;
}

function custom(
  row: Field,
  { fieldName }: MatchingRules,
  key: 'attribute' | 'subscription',
  keyOf: (name: string, value: string | number) => string,
): Way[] {
  const own = below(row, 'field_name');
  const nameAt = own.value === undefined ? fieldName : own;
  const name = textOf(nameAt, VALUE_LENGTH_MAX)?.trim();
  if (nameAt.value === undefined || name === '') blame(nameAt, 'is missing: name the field of the profiles');
  const at = below(row, 'field_value');
  const { value } = at;
  if (value === undefined || value === '') return blame(at, 'is missing') ?? [];
  const isPlain = (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'string';
  if (!isPlain || String(value).length > VALUE_LENGTH_MAX) {
    return blame(at, `must be a text or a number of at most ${VALUE_LENGTH_MAX} characters`) ?? [];
  }
  if (name === undefined) return [];
  return [{ key, values: writtenBoth(value).map((one) => keyOf(name, one)) }];
}

/** What is a number in the call may be a text in the profile, and the other way round, if it is written alike. */
function writtenBoth(value: string | number): (string | number)[] {
  if (typeof value === 'number') return [value, String(value)];
  const number = Number(value);
  return Number.isFinite(number) && String(number) === value ? [value, number] : [value];
}
