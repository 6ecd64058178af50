/** Who a batch's recipients are: finds users by what they are named by, and writes the profiles that a batch creates. */
import type { Account } from '#domain/account.ts';
import type { BatchRequest, Recipient } from '#domain/batch.ts';
import type { UserId } from '#domain/ids.ts';
import { isEmailAddress } from '#domain/profile.ts';
import type { ProfileFields } from '#domain/profile.ts';
import { unreachable } from '#domain/unreachable.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { addressFor } from './address.ts';

/** A recipient and his user. */
export interface Addressee {
  /** Null: nobody has the target. */
  userId: UserId | null;
  /** With the address that he is named by, where there is no profile to have one. */
  recipient: Recipient;
}

/** Finds the users of some recipients, all at once; those whom nobody knows become what the batch says. */
export async function addresseesOf(
  profiles: ProfileStore,
  account: Account,
  request: BatchRequest,
  recipients: Recipient[],
): Promise<Addressee[]> {
  const found = await find(
    profiles,
    account,
    request,
    recipients.map(({ target }) => target),
  );
  return recipients.map((recipient) => {
    if (recipient.fault !== undefined) return { userId: null, recipient };
    const userId = found.get(recipient.target);
    if (userId !== undefined) return { userId, recipient };
    if (request.unknownUsers === 'skip' || isNoAddress(recipient, request)) return { userId: null, recipient };
    return { userId: recipient.target, recipient: withAddress(recipient, request) };
  });
}

/** Writes what the recipients say into their profiles, those that there are and new ones. Merging twice changes nothing. */
export async function writeProfiles(
  profiles: ProfileStore,
  { id }: Account,
  { targetKind }: BatchRequest,
  addressees: Addressee[],
): Promise<void> {
  await Promise.all(
    addressees.map(({ userId, recipient: { target, email, phone, consents } }) => {
      const isNew = userId === target && targetKind === 'internal_id';
      const fields: ProfileFields = {
        ...(email !== undefined && { email }),
        ...(phone !== undefined && { phone }),
        ...(consents && { consents }),
        ...(isNew && { internalId: target }),
      };
      return profiles.merge(id, userId!, fields);
    }),
  );
}

async function find(
  profiles: ProfileStore,
  { id, defaultRegion }: Account,
  { targetKind, unknownUsers }: BatchRequest,
  targets: string[],
): Promise<Map<string, UserId>> {
  switch (targetKind) {
    case 'user_id':
      // Whoever is not known is taken at his word, so it need not be asked.
      return unknownUsers === 'skip' ? profiles.findUsers(id, 'user_id', targets) : new Map();
    case 'email':
    case 'internal_id':
      return profiles.findUsers(id, targetKind, targets);
    case 'phone':
      return findByPhone(profiles, id, defaultRegion, targets);
    case 'internal_or_user_id': {
      const byInternal = await profiles.findUsers(id, 'internal_id', targets);
      const rest = targets.filter((target) => !byInternal.has(target));
      return new Map([...byInternal, ...(await profiles.findUsers(id, 'user_id', rest))]);
    }
    default:
      return unreachable(targetKind);
  }
}

async function findByPhone(
  profiles: ProfileStore,
  accountId: string,
  defaultRegion: string | null,
  targets: string[],
): Promise<Map<string, UserId>> {
  const writings = new Map(targets.map((target) => [target, writingsOf(target, defaultRegion)]));
  const found = await profiles.findUsers(accountId, 'phone', [...writings.values()].flat());
  const users = new Map<string, UserId>();
  for (const [target, its] of writings) {
    const writing = its.find((one) => found.has(one));
    if (writing !== undefined) users.set(target, found.get(writing)!);
  }
  return users;
}

/** How a number may be written in a profile: as it was given, and as E.164 with and without its plus. */
export function writingsOf(phone: string, defaultRegion: string | null): string[] {
  const address = addressFor('sms', { userId: '', email: null, phone }, null, defaultRegion);
  return address.kind === 'found' ? [phone, address.to, address.to.slice(1)] : [phone];
}

/** Nobody is made of what cannot be an address. */
function isNoAddress({ target }: Recipient, { targetKind }: BatchRequest): boolean {
  return targetKind === 'email' && !isEmailAddress(target);
}

/** What he is named by is where he can be reached. */
function withAddress(recipient: Recipient, { targetKind }: BatchRequest): Recipient {
  if (targetKind === 'email') return { ...recipient, email: recipient.email ?? recipient.target };
  if (targetKind === 'phone') return { ...recipient, phone: recipient.phone ?? recipient.target };
  return recipient;
}
