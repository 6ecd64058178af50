/** Takes devices that exist no more out of their owner's profile: the next message is not even tried there. */
import type { Channel } from '#domain/campaign.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { Log } from '#ports/log.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { untilThere } from './until-there.ts';

/** What forgetting needs. */
export interface ForgetTools {
  profiles: ProfileStore;
  log: Log;
  signal: AbortSignal;
}

/**
 * Resolves when the devices that an outcome calls gone are off the profile, at once for all other outcomes. Comes before the
 * outcome is told: after a crash the message goes out again, and its provider says the same again.
 */
export async function forgetDevices(
  { profiles, log, signal }: ForgetTools,
  { accountId, userId }: Transaction,
  channel: Channel,
  outcome: SendOutcome,
): Promise<void> {
  if (channel !== 'push' && channel !== 'web_push') return;
  const gone = outcome.kind === 'accepted' || outcome.kind === 'rejected' ? (outcome.gone ?? []) : [];
  if (gone.length === 0) return;
  const hadThem = await untilThere(() => profiles.forgetDevices(accountId, userId, gone), signal);
  if (hadThem) log.info({ accountId, userId, channel, devices: gone.length }, 'devices that are gone were forgotten');
}
