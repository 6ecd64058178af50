/** One message to the devices of one user: which of them a provider serves, and what came of it as a whole. */
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingDevice, OutgoingMessage, SendOutcome } from '#ports/provider.ts';
import { SettingsFault } from './settings.ts';

/** Platforms that a setting can name, and characters of each. */
const PLATFORMS_MAX = 20;
const PLATFORM_LENGTH_MAX = 50;

/** The `platforms` setting, in lower case. */
export function readPlatforms(settings: JsonObject, otherwise: readonly string[] | null): readonly string[] | null {
  const { platforms } = settings;
  if (platforms === undefined) return otherwise;
  const isPlatform = (one: unknown): one is string =>
    typeof one === 'string' && one.trim() !== '' && one.length <= PLATFORM_LENGTH_MAX;
  if (!Array.isArray(platforms) || platforms.length > PLATFORMS_MAX || !platforms.every(isPlatform))
    throw new SettingsFault('platforms', 'must be a list of platforms of devices, such as [android]');
  return platforms.map((one) => one.trim().toLowerCase());
}

/**
 * Sends to all devices at once (the engine gives some twenty at most). A device that names no platform is for every provider.
 * @param platforms those that the provider serves; null: all.
 */
export async function sendToDevices(
  { to, devices }: OutgoingMessage,
  platforms: readonly string[] | null,
  sendOne: (device: OutgoingDevice) => Promise<SendOutcome>,
): Promise<SendOutcome> {
  const all = devices ?? [{ address: to, platform: null }];
  const served = all.filter(({ platform }) => platform === null || !platforms || platforms.includes(platform));
  if (served.length === 0) {
    const detail = `none of the user's devices is of ${platforms?.join(', ') ?? 'any platform'}`;
    return { kind: 'rejected', reason: 'no_device', detail, retryable: false, tryElsewhere: true };
  }
  return together(await Promise.all(served.map(sendOne)));
}

/** Reaching one device is enough; where none was reached, what may still have been, or may be later, counts most. */
function together(outcomes: SendOutcome[]): SendOutcome {
  const gone = outcomes.flatMap((one) => (one.kind === 'accepted' || one.kind === 'rejected' ? (one.gone ?? []) : []));
  const withGone = gone.length > 0 ? { gone } : {};
  const accepted = outcomes.find(({ kind }) => kind === 'accepted');
  if (accepted) return { ...accepted, ...withGone };
  const unknown = outcomes.find(({ kind }) => kind === 'unknown');
  if (unknown) return unknown;
  const waits = outcomes.flatMap((one) => (one.kind === 'throttled' ? [one.retryAfterMs] : []));
  if (waits.length > 0) return { kind: 'throttled', retryAfterMs: Math.max(...waits) };
  const rejected = outcomes.filter((one) => one.kind === 'rejected');
  // The word for a device that is gone says least about the others.
  const rank = ({ retryable, gone: its }: (typeof rejected)[number]) => (retryable ? 0 : its ? 2 : 1);
  const [first] = rejected.toSorted((one, other) => rank(one) - rank(other));
  const mayTryElsewhere = rejected.some(({ tryElsewhere, retryable }) => tryElsewhere ?? retryable);
  return { ...first!, tryElsewhere: mayTryElsewhere, ...withGone };
}

/** A device that exists no more. */
export function goneDevice(reason: string, detail: string | null, address: string): SendOutcome {
  return { kind: 'rejected', reason, detail, retryable: false, gone: [address] };
}
