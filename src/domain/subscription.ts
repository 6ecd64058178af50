/** Subscriptions of a user to channels, and by what of them he can be found. */
import { isPhoneChannel } from './campaign.ts';
import type { Channel } from './campaign.ts';
import type { Json, JsonObject } from './request.ts';

/** A user's subscription to a channel: with an address, or what a push provider knows it by. */
export interface Subscription {
  channel: Channel;
  /** The e-mail address or the phone number. */
  value?: string;
  /** Of a push: who serves it, and its id there (the device's token). */
  provider?: string;
  subscriptionId?: string;
  /** Facts about the subscription itself. */
  custom?: JsonObject;
}

/** Subscriptions of one profile. */
export const SUBSCRIPTIONS_MAX = 50;

/** The keys by which a user with these subscriptions is found, each once. They are stored: what they look like never changes. */
export function subscriptionKeys(subscriptions: readonly Subscription[]): string[] {
  const keys = new Set<string>();
  for (const { channel, value, provider, subscriptionId, custom } of subscriptions) {
    if (value !== undefined && channel === 'email') keys.add(emailKey(value));
    if (value !== undefined && isPhoneChannel(channel)) keys.add(phoneKey(value));
    if (provider !== undefined && subscriptionId !== undefined) keys.add(deviceKey(provider, subscriptionId));
    for (const [name, fact] of Object.entries(custom ?? {})) if (isPlain(fact)) keys.add(customKey(name, fact));
  }
  return [...keys];
}

/** By an e-mail address, in whatever case. */
export function emailKey(address: string): string {
  return `email ${address.trim().toLowerCase()}`;
}

/** By a phone number, however it is spaced. */
export function phoneKey(phone: string): string {
  return `phone ${phone.replace(/[ \-./()]/g, '')}`;
}

/** By what a push provider knows a device by. */
export function deviceKey(provider: string, subscriptionId: string): string {
  return `device ${JSON.stringify([provider, subscriptionId])}`;
}

/** By a fact: a text is another one than the number that is written alike. */
export function customKey(name: string, value: string | number | boolean): string {
  return `custom ${JSON.stringify([name, value])}`;
}

function isPlain(value: Json): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
