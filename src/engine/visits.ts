/** What becomes of links to us when somebody, or something, follows them. */
import { parseMessageId } from '#domain/ids.ts';
import type { AccountId, MessageId, UserId } from '#domain/ids.ts';
import type { Channel } from '#domain/campaign.ts';
import type { News } from '#domain/transaction.ts';
import type { Log } from '#ports/log.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { TrackingStore } from '#ports/tracking-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import type { Advancer } from './advance.ts';
import { OPEN, REPORT, UNSUBSCRIBE } from './tracking-token.ts';
import type { Tokens } from './tracking-token.ts';
import { untilThere } from './until-there.ts';

/** Visits being told to their transactions at once; more are answered all the same, dropped and counted. */
const TELLING_MAX = 5_000;
/** Visits that are remembered, so that the tenth click on a link is not read, decided and written like the first. */
const TOLD_MAX = 50_000;

/** What visits need. */
export interface VisitTools {
  tracked: TrackingStore;
  tokens: Tokens;
  profiles: ProfileStore;
  log: Log;
  signal: AbortSignal;
  advancer(): Advancer;
}

/** The message whose link was followed. */
export interface Visited {
  accountId: AccountId;
  messageId: MessageId;
  userId: UserId;
  channel: Channel;
}

/** What a visit says about its message. */
export type VisitStatus = 'opened' | 'clicked' | 'unsubscribed';
/** What the user's device reports about its message. */
export type ReportStatus = 'delivered' | 'opened' | 'clicked';

/** Everything that can be done with the links of {@link Tracking}. Null: nobody made such a link. */
export interface Visits {
  click(token: string): Promise<(Visited & { url: string }) | null>;
  open(token: string): Promise<Visited | null>;
  unsubscription(token: string): Promise<Visited | null>;
  reported(token: string): Promise<Visited | null>;
  /**
   * Tells the message's transaction, if there still is one, without anybody waiting for it.
   * @param machine why it was no person, in a word; null: it was one.
   */
  note(visited: Visited, status: VisitStatus, machine: string | null): void;
  /**
   * Tells the message's transaction, if there still is one, what the user's device says; resolves when that is durable.
   * @throws {OverloadedError} when too many are being told, {StoreUnavailableError} when it cannot be written now.
   */
  report(visited: Visited, status: ReportStatus): Promise<void>;
  /** Whether the user takes messages on the channel. */
  isSubscribed(visited: Visited): Promise<boolean>;
  /** Resolves when the user's consent for the channel is stored. */
  subscribe(visited: Visited, isSubscribed: boolean): Promise<void>;
  /** Visits that were not told, because too many were being told. */
  dropped(): number;
}

/** Whose a link is, for each purpose that a link of ours can have. */
function finders({ tracked, tokens }: VisitTools): Pick<Visits, 'click' | 'open' | 'unsubscription' | 'reported'> {
  async function find(token: string, isWanted: (what: number) => boolean) {
    const read = tokens.read(token);
    if (!read || !isWanted(read.what)) return null;
    const found = await tracked.find(read.key, read.what);
    return found && tokens.isGenuine(token, found.messageId, read.what) ? found : null;
  }

  return {
    click: async (token) => {
      const found = await find(token, (what) => what < REPORT);
      return found?.url ? { ...found, url: found.url } : null;
    },
    open: (token) => find(token, (what) => what === OPEN),
    unsubscription: (token) => find(token, (what) => what === UNSUBSCRIBE),
    reported: (token) => find(token, (what) => what === REPORT),
  };
}

/** Visits of one node. */
export function createVisits(tools: VisitTools): Visits {
  const { profiles } = tools;
  const told = new Set<string>();
  let telling = 0;
  let dropped = 0;

  function tell({ accountId, messageId }: Visited, saying: (message: number) => News): Promise<unknown> {
    const { transactionId, ordinal } = parseMessageId(messageId)!;
    const message = ordinal - 1;
    const isThere = ({ messages }: { messages: unknown[] }) => message < messages.length;
    return tools.advancer().tell(accountId, transactionId, saying(message), isThere);
  }

  /** Remembers it; false when it is known already. To be forgotten should it not get told. */
  function isNew(key: string): boolean {
    if (told.has(key)) return false;
    if (told.size >= TOLD_MAX) told.delete(told.values().next().value!);
    told.add(key);
    return true;
  }

  return {
    ...finders(tools),
    note: (visited, status, machine) => {
      const key = `${visited.messageId} ${status} ${machine ?? ''}`;
      if (told.has(key)) return;
      if (telling >= TELLING_MAX) {
        dropped++;
        return;
      }
      isNew(key);
      telling++;
      const saying = (message: number): News =>
        machine === null || status === 'unsubscribed'
          ? { kind: 'receipt', message, status, reason: null }
          : { kind: 'machine_receipt', message, status, reason: machine };
      void untilThere(() => tell(visited, saying), tools.signal)
        .catch((error: unknown) => {
          told.delete(key);
          tools.log.warn({ messageId: visited.messageId, status, error }, 'a visit could not be told');
        })
        .finally(() => telling--);
    },
    report: async (visited, status) => {
      const key = `${visited.messageId} ${status} `;
      if (telling >= TELLING_MAX) throw new OverloadedError(`more than ${TELLING_MAX} reports are being told`);
      if (!isNew(key)) return;
      telling++;
      try {
        await tell(visited, (message) => ({ kind: 'receipt', message, status, reason: null }));
      } catch (error) {
        told.delete(key);
        throw error;
      } finally {
        telling--;
      }
    },
    isSubscribed: async ({ accountId, userId, channel }) => {
      const profile = await profiles.load(accountId, userId);
      return profile?.fields.consents?.[channel] !== false;
    },
    subscribe: async ({ accountId, userId, channel }, isSubscribed) => {
      await profiles.merge(accountId, userId, { consents: { [channel]: isSubscribed } });
    },
    dropped: () => dropped,
  };
}
