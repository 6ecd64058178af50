/**
 * Suppression lists: what must not be written to any more (semantics §2). A channel whose list is empty costs nothing; of
 * the others, the questions of a few ms share a statement.
 */
import { domainToASCII } from 'node:url';
import type { Account } from '#domain/account.ts';
import type { Channel } from '#domain/campaign.ts';
import type { AccountId } from '#domain/ids.ts';
import type { Suppression } from '#domain/suppression.ts';
import type { Instant } from '#domain/time.ts';
import type { SuppressionStore } from '#ports/suppression-store.ts';
import { addressFor } from './address.ts';

/** The lists of all accounts. */
export interface Suppressions {
  /** @param to an address as messages go to it. */
  has(accountId: AccountId, channel: Channel, to: string): Promise<boolean>;
  /** Resolves when it is durable; other nodes know within a second. Its address may be written in any way. */
  add(suppression: Suppression): Promise<void>;
  /** Reads which lists have got their first entry, on other nodes. */
  refresh(): Promise<void>;
}

/** Knows of no list with entries before it is refreshed. */
export function createSuppressions(store: SuppressionStore): Suppressions {
  const used = new Set<string>();
  let readAt: Instant | null = null;
  return {
    has: async (accountId, channel, to) =>
      used.has(`${channel} ${accountId}`) &&
      (await store.has({ accountId, channel, address: comparableAddress(channel, to) })),
    add: async (suppression) => {
      const { accountId, channel, address } = suppression;
      if (!used.has(`${channel} ${accountId}`)) await store.use({ accountId, channel });
      used.add(`${channel} ${accountId}`);
      await store.put({ ...suppression, address: comparableAddress(channel, address) });
    },
    refresh: async () => {
      const read = await store.used(readAt);
      for (const { accountId, channel } of read.channels) used.add(`${channel} ${accountId}`);
      readAt = read.readAt;
    },
  };
}

/** An address as people write it, in the form that is stored; null when it can be none of the channel. */
export function suppressionAddress(
  { defaultRegion }: Pick<Account, 'defaultRegion'>,
  channel: Channel,
  text: string,
): string | null {
  const given = { userId: text, email: text, phone: text, device: text };
  const found = addressFor(channel, given, null, defaultRegion);
  return found.kind === 'found' ? comparableAddress(channel, found.to) : null;
}

/** No mailbox differs from another one by capitals alone; domains may be written in their own script or not. */
function comparableAddress(channel: Channel, address: string): string {
  if (channel !== 'email') return address;
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  return `${address.slice(0, at)}@${domainToASCII(domain) || domain}`.toLowerCase();
}
