/** Whom a call is for: `target` and `target_with_params`, put together. */
import { EMAIL_TARGET_LENGTH_MAX, RECIPIENTS_MAX } from '#domain/batch.ts';
import type { Recipient, TargetKind } from '#domain/batch.ts';
import { isEmailAddress } from '#domain/profile.ts';
import { ID_LENGTH_MAX } from '#domain/request.ts';
import type { Json } from '#domain/request.ts';
import { Entries } from '../json-in-slices.ts';
import type { Breathe } from '../json-in-slices.ts';
import { at, below, blame, isMap, mapOf, switchOf, textOf } from '../call-fields.ts';
import type { Field } from '../call-fields.ts';

/** How the users are named, and whether the four fields that the vendor documents are written to their profiles. */
export interface TargetRules {
  kind: TargetKind;
  writesProfiles: boolean;
}

/** The users of a call, each once: those of `target` first and in its order, then the others of `target_with_params`. */
export async function recipientsOf(call: Field, rules: TargetRules, breathe: Breathe): Promise<Recipient[]> {
  const [list, map] = [below(call, 'target'), below(call, 'target_with_params')];
  const lengthMax = rules.kind === 'email' ? EMAIL_TARGET_LENGTH_MAX : ID_LENGTH_MAX;
  const recipients = new Map<string, Recipient>();
  const faultsBefore = call.faults.length;
  for (const [index, value] of idsOf(list).entries()) {
    const target = typeof value === 'number' ? String(value) : value;
    const fault = faultOfId(value, lengthMax);
    if (fault === null) recipients.set(target as string, { target: target as string });
    else blame(at(list, index, value), fault);
    const pause = breathe();
    if (pause) await pause;
  }
  for (const [target, value] of entriesOf(map)) {
    const user = at(map, target, value);
    const fault = faultOfId(target, lengthMax);
    if (fault !== null) blame(user, fault);
    const params = mapOf(user) ?? {};
    recipients.set(target, { target, params, ...(rules.writesProfiles && profileOf({ ...user, value: params })) });
    if (recipients.size > RECIPIENTS_MAX) break;
    const pause = breathe();
    if (pause) await pause;
  }
  if (recipients.size > RECIPIENTS_MAX) blame(map, `makes more than ${RECIPIENTS_MAX} users; ${IN_SEVERAL}`);
  else if (recipients.size === 0 && call.faults.length === faultsBefore) blame(call, NOBODY);
  return [...recipients.values()];
}

const NOBODY = 'names nobody: give target (a list of users) or target_with_params (an object keyed by user)';
const IN_SEVERAL = 'send the others in further calls';

function idsOf(field: Field): Json[] {
  const { value } = field;
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    blame(
      field,
      isMap(value) ? 'must be a list; an object is target_with_params' : 'must be a list, also for one user',
    );
    return [];
  }
  if (value.length <= RECIPIENTS_MAX) return value;
  blame(field, `names ${value.length} users; at most ${RECIPIENTS_MAX} are taken in one call, ${IN_SEVERAL}`);
  return [];
}

/** The users with params: what is in a large object, or a small one. */
function entriesOf(field: Field): Iterable<[string, Json]> {
  const value: unknown = field.value;
  return value instanceof Entries ? (value.list as [string, Json][]) : Object.entries(mapOf(field) ?? {});
}

function faultOfId(value: Json, lengthMax: number): string | null {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    return 'must be a text or a whole number; write one of more than 15 digits as a text';
  }
  if (typeof value !== 'string' && typeof value !== 'number') return 'must be a text or a whole number';
  const id = String(value);
  return id.trim() !== '' && id.length <= lengthMax ? null : `must have 1 to ${lengthMax} characters`;
}

/** Exactly the four fields that the vendor writes; what is empty was not given. */
function profileOf(params: Field): Omit<Recipient, 'target' | 'params'> {
  const [emailAt, phoneAt] = [below(params, 'email'), below(params, 'mobile_number')];
  const email = textOf(emailAt, EMAIL_TARGET_LENGTH_MAX)?.trim();
  const phone = textOf(phoneAt, ID_LENGTH_MAX)?.trim();
  if (email && !isEmailAddress(email)) blame(emailAt, 'is not an e-mail address');
  const [ofEmail, ofMobile] = [below(params, 'email_subscription'), below(params, 'mobile_subscription')].map(switchOf);
  const consents = {
    ...(ofEmail !== undefined && { email: ofEmail }),
    ...(ofMobile !== undefined && { sms: ofMobile }),
  };
  return {
    ...(email && { email }),
    ...(phone && { phone }),
    ...(Object.keys(consents).length > 0 && { consents }),
  };
}
