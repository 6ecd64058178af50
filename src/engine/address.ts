/** The address of a leg (semantics §8): the request's, then the profile's, then none. */
import parsePhoneNumber from 'libphonenumber-js/max';
import type { CountryCode } from 'libphonenumber-js/max';
import type { Channel } from '#domain/campaign.ts';
import { addressOfDevice, isEmailAddress } from '#domain/profile.ts';
import type { Profile } from '#domain/profile.ts';
import type { TransactionRequest } from '#domain/request.ts';
import { unreachable } from '#domain/unreachable.ts';
import type { OutgoingDevice } from '#ports/provider.ts';

/** Devices of one user that a message goes to; those beyond are the ones that were named last. */
const DEVICES_MAX = 20;
/** How a link to a phone number begins (RFC 3966). */
const TEL_URI = /^tel:/i;
/** Normalised phone numbers kept: users get several messages, and parsing costs more than the lookup. */
const PHONES_MAX = 10_000;
let phones = new Map<string, string | null>();
/** Those kept before: a full map becomes this one. Deleting the oldest one by one would walk over all deleted before it. */
let olderPhones = new Map<string, string | null>();

/** What the search for an address came to. */
export type AddressFound =
  | { kind: 'found'; to: string; devices?: OutgoingDevice[] }
  | { kind: 'none' }
  | { kind: 'invalid' };

/** @param defaultRegion ISO 3166 alpha-2, for phone numbers without a country code. */
export function addressFor(
  channel: Channel,
  request: Pick<TransactionRequest, 'userId' | 'email' | 'phone' | 'device'>,
  profile: Profile | null,
  defaultRegion: string | null,
): AddressFound {
  switch (channel) {
    case 'sms':
    case 'whatsapp':
    case 'rcs':
    case 'voice': {
      const phone = firstGiven(request.phone, profile?.fields.phone, subscribed(profile, channel));
      if (phone === null) return { kind: 'none' };
      const to = toE164(phone, defaultRegion);
      return to === null ? { kind: 'invalid' } : { kind: 'found', to };
    }
    case 'email': {
      const email = firstGiven(request.email, profile?.fields.email, subscribed(profile, channel));
      if (email === null) return { kind: 'none' };
      return isEmailAddress(email) ? { kind: 'found', to: email } : { kind: 'invalid' };
    }
    case 'push':
    case 'web_push': {
      const given = firstGiven(request.device);
      const devices = given === null ? devicesOf(profile, channel) : [{ address: given, platform: null }];
      const [first] = devices;
      return first ? { kind: 'found', to: first.address, devices } : { kind: 'none' };
    }
    case 'webhook':
      // A webhook goes to the provider's own URL; whom it is about is the user.
      return { kind: 'found', to: request.userId };
    default:
      return unreachable(channel);
  }
}

/** His devices, and those that he has subscribed to the channel with; each once. */
function devicesOf(profile: Profile | null, channel: Channel): OutgoingDevice[] {
  const found = new Map<string, OutgoingDevice>();
  const add = (given: string | undefined, platform: string | null) => {
    const address = given?.trim();
    if (address && !found.has(address) && found.size < DEVICES_MAX) found.set(address, { address, platform });
  };
  for (const device of profile?.fields.devices ?? [])
    if (device.channel === channel) add(addressOfDevice(device), device.platform?.trim().toLowerCase() || null);
  for (const one of profile?.fields.subscriptions ?? [])
    if (one.channel === channel) add(one.value ?? one.subscriptionId, null);
  return [...found.values()];
}

/** The address of his first subscription to the channel. */
function subscribed(profile: Profile | null, channel: Channel): string | undefined {
  const found = profile?.fields.subscriptions?.find((one) => one.channel === channel);
  return found?.value ?? found?.subscriptionId;
}

/** The first that says something, trimmed: a blank field of a client is no address. */
function firstGiven(...texts: (string | null | undefined)[]): string | null {
  for (const text of texts) if (text?.trim()) return text.trim();
  return null;
}

/** The number in E.164 (`+919876543210`); null for what cannot be a phone number. */
function toE164(phone: string, defaultRegion: string | null): string | null {
  const key = `${defaultRegion ?? ''} ${phone}`;
  const recent = phones.get(key);
  const known = recent === undefined ? olderPhones.get(key) : recent;
  if (known !== undefined) return known;
  // The number alone: one that is found inside of other text is not what somebody gave as his.
  const options = { extract: false, ...(defaultRegion && { defaultCountry: defaultRegion as CountryCode }) };
  const parsed = parsePhoneNumber(phone.replace(TEL_URI, ''), options);
  const normalised = parsed?.isPossible() ? parsed.number : null;
  if (phones.size >= PHONES_MAX / 2) {
    olderPhones = phones;
    phones = new Map();
  }
  phones.set(key, normalised);
  return normalised;
}
