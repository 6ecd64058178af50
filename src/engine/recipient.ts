/** Whom a message goes to, and whether he may be written to now (semantics §8): address, consent, suppression, quiet hours. */
import { mayWrite } from '#domain/account.ts';
import type { Account } from '#domain/account.ts';
import type { MessageContent } from '#domain/campaign.ts';
import type { SkipReason } from '#domain/message.ts';
import type { Profile } from '#domain/profile.ts';
import { isQuiet } from '#domain/quiet-hours.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Clock } from '#ports/clock.ts';
import type { OutgoingDevice } from '#ports/provider.ts';
import { addressFor } from './address.ts';
import type { Suppressions } from './suppressions.ts';
import { untilThere } from './until-there.ts';

/** What finding recipients needs. */
export interface RecipientTools {
  suppressions: Suppressions;
  clock: Clock;
  signal: AbortSignal;
}

/** Whom a message is for, and what is known of him. */
export interface Addressee {
  account: Account | null;
  request: TransactionRequest;
  profile: Profile | null;
  /** An earlier attempt was handed over: the night does not call it back. */
  wasHandedOver: boolean;
}

/** An address that may be written to. */
export interface Recipient {
  to: string;
  /** On a push channel, all that are left; null on others. */
  devices: OutgoingDevice[] | null;
}

/** A recipient, or why there is none. */
export type RecipientFound =
  | ({ kind: 'found' } & Recipient)
  | { kind: 'skip'; reason: SkipReason }
  | { kind: 'refuse'; reason: string };

/** Finds the recipient of one message. Who was named by hand, to try a provider, has neither consents nor nights. */
export async function findRecipient(
  tools: RecipientTools,
  { account, request, profile, wasHandedOver }: Addressee,
  { channel, critical }: Pick<MessageContent, 'channel' | 'critical'>,
): Promise<RecipientFound> {
  const address = addressFor(channel, request, profile, account?.defaultRegion ?? null);
  // A campaign cannot outvote its user: what was opted out of is not sent (semantics §2).
  if (!request.test && !mayWrite(account ?? {}, channel, profile?.fields.consents?.[channel]))
    return { kind: 'skip', reason: 'opted_out' };
  if (address.kind === 'none') return { kind: 'skip', reason: 'no_address' };
  if (address.kind === 'invalid') return { kind: 'refuse', reason: 'invalid_address' };
  const isSuppressed = (to: string) =>
    untilThere(() => tools.suppressions.has(account?.id ?? '', channel, to), tools.signal);
  const found = await withoutSuppressed(address, isSuppressed);
  if (found === null) return { kind: 'skip', reason: 'suppressed' };
  const isNight =
    account?.quietHours &&
    isQuiet(account.quietHours, channel, [profile?.fields.timeZone, account.timeZone], tools.clock.now());
  if (isNight && !critical && !request.test && !wasHandedOver) return { kind: 'skip', reason: 'quiet_hours' };
  return { kind: 'found', ...found };
}

async function withoutSuppressed(
  { to, devices }: { to: string; devices?: OutgoingDevice[] },
  isSuppressed: (to: string) => Promise<boolean>,
): Promise<Recipient | null> {
  if (!devices) return (await isSuppressed(to)) ? null : { to, devices: null };
  const refused = await Promise.all(devices.map(({ address }) => isSuppressed(address)));
  const left = devices.filter((_, index) => !refused[index]);
  return left[0] ? { to: left[0].address, devices: left } : null;
}
