/**
 * The lines in which transactions wait for the pace of their provider or sender (semantics §9). They are rows: what does
 * not get through a gate soon is put into a line, and what has not started yet goes there without having been tried. Nodes
 * take from the front of each line what its gate has room for, singles before those of batches. So a hundred thousand that
 * fall due in the same second start as evenly as the pace is, and cost no memory until their turn.
 */
import { stagesOf } from '#domain/campaign.ts';
import type { CampaignContent } from '#domain/campaign.ts';
import { laneName, laneOf } from '#domain/lane.ts';
import type { AccountId, NodeId, ProviderId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import type { Advancer } from './advance.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Gate } from './gate.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import type { Paces } from './paces.ts';
import type { ProviderHealth } from './provider-health.ts';
import type { ProvidersInUse } from './providers-in-use.ts';

/** How often it is looked whether there are lines, and how often while there are. */
const POLL_MS = 500;
const BUSY_MS = 100;
/** Lines that a node looks after at once; those after them in the alphabet get their turn when these are gone. */
const LANES_MAX = 500;
/** Transactions taken from a line in one go. */
const CLAIM_MAX = 200;
/** How long what was taken is ours: should this node die, it stands in the line again after that. */
const CLAIM_MS = 10_000;

/** What the lines need. */
export interface LineTools {
  transactions: TransactionStore;
  providers: ProvidersInUse;
  health: Pick<ProviderHealth, 'brokenForMs'>;
  paces: Paces;
  config: ConfigCache;
  advancer(): Advancer;
  clock: Clock;
  log: Log;
  node(): NodeId;
}

/** The lines as this node sees them. */
export interface Lines extends Loop {
  /** Of transactions that were claimed because their time has come, those that can start now; the others stand in a line. */
  startable(claimed: StoredTransaction[]): Promise<StoredTransaction[]>;
  /** A message of this node has been put into the line. */
  joined(lane: string): void;
  /**
   * How many of the wanted transactions of a batch may be made now that begin with these contents: none while others stand
   * in line for them. Their places at the gates are then taken. Null: there is no pace to keep.
   */
  places(accountId: AccountId, contents: CampaignContent[], wanted: number): number | null;
}

/** Starts serving the lines. */
export function startLines(tools: LineTools): Lines {
  const { transactions, log } = tools;
  /** The providers in whose lines somebody stood when it was last looked, singles and batches apart. */
  let standing = new Set<string>();
  const loop = startLoop('lines', log, async () => {
    const names = await transactions.lanes(LANES_MAX);
    standing = new Set(names.flatMap((name) => ownLane(name) ?? []));
    for (const name of names.toSorted()) await serve(tools, name);
    return names.length > 0 ? BUSY_MS : POLL_MS;
  });

  /** The first one there is not left until the next poll. */
  function joined(name: string): void {
    const lane = ownLane(name);
    if (lane === null || standing.has(lane)) return;
    standing.add(lane);
    loop.hurry();
  }

  /** The line that a transaction has to stand in before it starts; null: none. Its place at the gates is then taken. */
  async function laneBefore({ transaction, request }: StoredTransaction): Promise<string | null> {
    if (!isAboutToStart(transaction, tools.clock.now())) return null;
    const isBulk = request.batch !== null;
    const contents = await contentsOf(tools.config, transaction);
    const gates = gatesOf(tools, transaction.accountId, contents, isBulk);
    const full = gates.find(({ gate, lane }) => gate.room(isBulk) === 0 || standing.has(lane));
    if (full) return full.lane;
    for (const { gate } of gates) gate.announce(1, isBulk);
    return null;
  }

  return {
    ...loop,
    startable: async (claimed) => {
      const lanes = await Promise.all(claimed.map(laneBefore));
      for (const [lane, its] of Map.groupBy(claimed, (_, index) => lanes[index]!)) {
        if (lane === null) continue;
        await transactions.joinLane(its, lane);
        joined(lane);
      }
      return claimed.filter((_, index) => lanes[index] === null);
    },
    joined,
    places: (accountId, contents, wanted) => {
      const gates = gatesOf(tools, accountId, contents, true);
      const rooms = gates.map(({ gate, lane }) => (standing.has(lane) ? 0 : gate.room(true)));
      const room = Math.min(...rooms, Infinity);
      if (room === Infinity) return null;
      const granted = Math.min(room, wanted);
      for (const { gate } of gates) gate.announce(granted, true);
      return granted;
    },
  };
}

/** Lets as many go from the front of a line as its gate has room for. */
async function serve(tools: LineTools, name: string): Promise<void> {
  const lane = laneOf(name);
  const gate = lane && gateOf(tools, lane);
  const isBulk = lane?.isBulk ?? false;
  // Nobody's line any more: what stands there finds out for itself.
  const room = Math.min(gate?.room(isBulk) ?? CLAIM_MAX, CLAIM_MAX);
  if (room === 0) return;
  const claimed = await tools.transactions.claimLane(name, tools.clock.now(), tools.node(), room, CLAIM_MS);
  gate?.announce(claimed.length, isBulk);
  for (const stored of claimed) void letGo(tools, stored, name);
}

async function letGo({ advancer, log }: LineTools, stored: StoredTransaction, lane: string): Promise<void> {
  try {
    await advancer().tellClaimed(stored, { kind: 'timer', lane });
  } catch (error) {
    log.error({ transactionId: stored.transaction.id, error }, 'a turn in a line broke off; it comes again');
  }
}

function isAboutToStart({ status, startAt, deadline }: Transaction, now: Instant): boolean {
  return status.name === 'scheduled' && now >= startAt && (deadline === null || now < deadline);
}

/** The gates of the providers through which contents send at once, each with the name of its line. */
function gatesOf(
  tools: LineTools,
  accountId: AccountId,
  contents: CampaignContent[],
  isBulk: boolean,
): { gate: Gate; lane: string }[] {
  return beginnings(tools, accountId, contents).flatMap((providerId) => {
    const gate = find(tools, accountId, providerId)?.gate;
    return gate ? [{ gate, lane: laneName({ isBulk, accountId, providerId, sender: null }) }] : [];
  });
}

/** The provider's own line, for that of one of its senders. */
function ownLane(name: string): string | null {
  const lane = laneOf(name);
  return lane && laneName({ ...lane, sender: null });
}

function gateOf(
  tools: LineTools,
  { accountId, providerId, sender }: NonNullable<ReturnType<typeof laneOf>>,
): Gate | null {
  const via = find(tools, accountId, providerId);
  if (!via || sender === null) return via?.gate ?? null;
  return tools.paces.ofSender(via.config, sender);
}

/** One that cannot be opened holds up nobody: what is sent through it is told so. */
function find({ providers, log }: LineTools, accountId: AccountId, id: ProviderId) {
  try {
    return providers.find(accountId, id);
  } catch (error) {
    log.error({ providerId: id, error }, 'a provider could not be opened');
    return null;
  }
}

/**
 * The providers through which contents send at once. Messages that several share find their line only when it is known which
 * of them they go to, and none waits for one that keeps failing while another works.
 */
function beginnings({ health }: LineTools, accountId: AccountId, contents: CampaignContent[]): ProviderId[] {
  const first = contents.flatMap((content) => {
    const [stage] = stagesOf(content);
    const messages = stage?.kind === 'message' ? stage.messages.filter(({ routes }) => !routes) : [];
    return messages.map(({ providers }) => {
      return providers.find((id) => health.brokenForMs(accountId, id) === 0) ?? providers[0]!;
    });
  });
  return [...new Set(first)];
}

/** What a transaction begins with: its first leg, or all of them. */
async function contentsOf(config: ConfigCache, { accountId, mode, legs }: Transaction): Promise<CampaignContent[]> {
  const first = mode === 'all' ? legs : legs.slice(0, 1);
  const contents = first.map(({ campaignId, campaignVersion }) =>
    config.version(accountId, campaignId, campaignVersion),
  );
  return (await Promise.all(contents)).filter((content) => content !== null);
}
