/**
 * Makes the transactions of batches: takes pages of recipients, finds their users, accepts a transaction for each as if it
 * had come alone, and settles the page.
 *
 * A crash anywhere makes the page come again, here or on another node, and its transactions are then repeats: their txnIds
 * name the batch and the recipient's place. So each recipient has exactly one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { memberRequest } from '#domain/batch.ts';
import type { Batch, RecipientRefusal } from '#domain/batch.ts';
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { BatchId, CampaignId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { BatchStore, ClaimedPage } from '#ports/batch-store.ts';
import type { Log } from '#ports/log.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { accept } from './accept.ts';
import type { AcceptTools } from './accept.ts';
import { addresseesOf, writeProfiles } from './batch-targets.ts';
import type { Addressee } from './batch-targets.ts';
import type { ConfigCache } from './config-cache.ts';
import { membersInHand } from './batch-hands.ts';
import type { MembersInHand } from './batch-hands.ts';
import type { Lines } from './lines.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import { createRoom } from './room.ts';
import type { Room } from './room.ts';
import { createTicks } from './ticks.ts';

/** How often batches of other nodes, resumed ones, or those from before a restart are looked for. */
const POLL_MS = 500;
/** Pages that a node works on at once: small ones, and those that go at the pace of a provider, which take long and cost little. */
const PAGES_MAX = 100;
/** Recipients in them but for the latter: eight full pages. */
const RECIPIENTS_MAX = 4_000;
const FULL_PAGE = RECIPIENTS_MAX / 8;
/** Pages of one batch: one that is slow must not keep others from their turn. */
const BATCH_PAGES_MAX = 2;
/** Transactions of a page accepted together, and of all pages: what a node does without a pause stays below some 20 ms. */
const SLICE_MAX = 25;
const SLICES_MAX = 50;
/** How often it is looked whether there is room, in this node and at the gates of providers with a pace. */
const ROOM_MS = 5;
const PACED_ROOM_MS = 20;
/** How long a page is ours: should this node die, another takes it after that. */
const CLAIM_MS = 8_000;
/** How often a claim is prolonged, and it is noticed that the batch was paused. */
const RENEW_MS = 1_000;

/** What expanding needs. */
export interface ExpandTools extends Omit<AcceptTools, 'advancer'> {
  batches: BatchStore;
  profiles: ProfileStore;
  log: Log;
  advancer(): AcceptTools['advancer'];
  /** Null on a node that expands nothing. */
  lines: Pick<Lines, 'places'> | null;
}

/** The running expansion. */
export interface Expander extends Loop {
  /** A batch was accepted that starts at this instant. */
  at(instant: Instant): void;
  /** Recipients whose turn has come on this node. */
  expanded(): number;
}

/** Starts expanding. @param onExpanded called when this node has found no more to do than before: a batch may have been its last. */
export function startExpanding(tools: ExpandTools, onExpanded: () => void): Expander {
  const { batches, clock, log } = tools;
  const work = { isStopping: false, pages: new Map<Promise<void>, PageAtWork>(), expanded: 0, told: 0 };
  const hands = membersInHand(tools.advancer, clock);
  const slices = createRoom(SLICES_MAX);
  const loop = startLoop('batches', log, turn);
  const ticks = createTicks(clock, loop.hurry);

  async function turn(): Promise<number> {
    hands.forgetOthers();
    while (!work.isStopping) {
      const [now, atWork] = [clock.now(), [...work.pages.values()]];
      const limit = pagesToTake(atWork);
      if (limit <= 0) break;
      const pages = await batches.claimPages(now, now + CLAIM_MS, limit, busyBatches(atWork));
      for (const page of pages) begin(page);
      if (pages.length > 0) continue;
      if (work.expanded > work.told) onExpanded();
      work.told = work.expanded;
      return POLL_MS;
    }
    return POLL_MS;
  }

  function begin(page: ClaimedPage): void {
    const atWork: PageAtWork = { batch: page.batch.id, recipients: page.recipients.length, isPaced: false };
    const expanding = expand(page, atWork).finally(() => {
      work.pages.delete(expanding);
      loop.hurry();
    });
    work.pages.set(expanding, atWork);
  }

  /** Never throws: a page that breaks off comes again when its claim is over. */
  async function expand(page: ClaimedPage, atWork: PageAtWork): Promise<void> {
    try {
      const keep = keeper(tools, page, () => work.isStopping);
      const onPaced = () => {
        if (!atWork.isPaced) loop.hurry();
        atWork.isPaced = true;
      };
      const refused = await expandPage(tools, page, { hands, slices, mayGoOn: keep, onPaced });
      if (refused === null) return await batches.releasePage(page, clock.now());
      await batches.settlePage(page, { refused });
      work.expanded += page.recipients.length;
    } catch (error) {
      log.warn({ batchId: page.batch.id, first: page.first, error }, 'a page of a batch broke off; it comes again');
    }
  }

  return {
    hurry: loop.hurry,
    at: (instant) => (instant > clock.now() ? ticks.at(instant) : loop.hurry()),
    expanded: () => work.expanded,
    stop: async () => {
      work.isStopping = true;
      ticks.clear();
      await loop.stop();
      await Promise.all(work.pages.keys());
    },
  };
}

/** A page in this node's hands. */
interface PageAtWork {
  batch: BatchId;
  recipients: number;
  /** It goes at the pace of a provider. */
  isPaced: boolean;
}

/** Batches that are not asked for more now. */
function busyBatches(atWork: PageAtWork[]): BatchId[] {
  const isBusy = (its: PageAtWork[]) => its.length >= BATCH_PAGES_MAX || its.some(({ isPaced }) => isPaced);
  return [...Map.groupBy(atWork, ({ batch }) => batch)].filter(([, its]) => isBusy(its)).map(([id]) => id);
}

function pagesToTake(atWork: PageAtWork[]): number {
  const unpaced = atWork.filter(({ isPaced }) => !isPaced);
  const free = RECIPIENTS_MAX - unpaced.reduce((sum, { recipients }) => sum + recipients, 0);
  return Math.min(PAGES_MAX - atWork.length, Math.ceil(free / FULL_PAGE));
}

/** What a page is made with. */
interface PageTools {
  hands: MembersInHand;
  slices: Room;
  mayGoOn(): Promise<boolean>;
  onPaced(): void;
}

type Refused = { index: number; reason: RecipientRefusal }[];

/** Those without a transaction; null when it had to stop before the end. */
async function expandPage(
  tools: ExpandTools,
  { batch, first, recipients }: ClaimedPage,
  page: PageTools,
): Promise<Refused | null> {
  // Another node may have accepted it on a configuration that this one has not read yet.
  if (!knows(tools.config, batch)) await tools.config.refresh();
  const account = tools.config.account(batch.accountId);
  const config = account && (await pinned(tools.config, batch));
  if (!account || !config) return recipients.map((_, place) => ({ index: first + place, reason: 'invalid' }));
  const { request } = batch;
  const all = await addresseesOf(tools.profiles, account, request, recipients);
  const known = all.filter(({ userId }) => userId !== null);
  if (request.unknownUsers === 'create') await writeProfiles(tools.profiles, account, request, known);
  const refused: Refused = [];
  const begins = (request.mode === 'all' ? request.campaignIds : request.campaignIds.slice(0, 1)).map(
    (id) => config.campaign(account.id, id)!.content,
  );
  for (let begin = 0, size: number | null = 0; begin < all.length; begin += size) {
    size = await placesFor(tools, batch, begins, Math.min(SLICE_MAX, all.length - begin), page);
    if (size === null) return null;
    const slice = all.slice(begin, begin + size);
    const accepting = { ...tools, config, advancer: tools.advancer() };
    await page.slices.enter(size);
    const startedAt = tools.clock.now();
    const reasons = await Promise.all(
      slice.map((one, place) => acceptMember(accepting, account, batch, first + begin + place, one, page.hands)),
    ).finally(() => page.slices.leave(slice.length));
    page.hands.acceptanceTook(tools.clock.now() - startedAt);
    for (const [place, reason] of reasons.entries()) if (reason) refused.push({ index: first + begin + place, reason });
  }
  return refused;
}

/**
 * How many of a batch may be made now; resolves when it is at least one. Null: the page must be given back.
 * @param begins the campaigns that start at once.
 */
async function placesFor(
  { lines }: ExpandTools,
  { id, accountId }: Batch,
  begins: CampaignContent[],
  wanted: number,
  { hands, mayGoOn, onPaced }: PageTools,
): Promise<number | null> {
  for (;;) {
    if (!(await mayGoOn())) return null;
    if (!hands.haveRoom(id)) {
      await sleep(ROOM_MS);
      continue;
    }
    const places = lines?.places(accountId, begins, wanted) ?? null;
    if (places === null) return wanted;
    onPaced();
    if (places > 0) return places;
    await sleep(PACED_ROOM_MS);
  }
}

function knows(config: ConfigCache, { accountId, request, campaignVersions }: Batch): boolean {
  const isKnown = (id: CampaignId, position: number) =>
    config.lastVersion(accountId, id) >= campaignVersions[position]!;
  return config.account(accountId) !== null && request.campaignIds.every(isKnown);
}

/** Why he has no transaction; null: he has. */
async function acceptMember(
  tools: AcceptTools,
  account: NonNullable<ReturnType<ConfigCache['account']>>,
  batch: Batch,
  index: number,
  { userId, recipient }: Addressee,
  hands: MembersInHand,
): Promise<RecipientRefusal | null> {
  if (recipient.fault !== undefined) return 'bad_row';
  if (userId === null) return 'unknown_user';
  const request = memberRequest(batch, index, userId, recipient, tools.clock.now());
  if (request === null) return 'ttl_expired';
  const result = await accept(tools, account, request);
  if (result.kind === 'refused') return 'invalid';
  hands.took(batch.id, result.stored.transaction.id);
  return null;
}

/**
 * The configuration in which the batch's campaigns are as they were when it was accepted (semantics §5). One that has been
 * stopped since is in the way of its own legs alone, when their turn comes. Null: a version is gone.
 */
async function pinned(config: ConfigCache, batch: Batch): Promise<ConfigCache | null> {
  const { accountId, request, campaignVersions } = batch;
  const campaigns = new Map<CampaignId, Campaign>();
  for (const [position, id] of request.campaignIds.entries()) {
    const version = campaignVersions[position]!;
    const content = await config.version(accountId, id, version);
    if (!content) return null;
    const name = config.campaign(accountId, id)?.name ?? id;
    campaigns.set(id, { accountId, id, name, state: 'running', version, content });
  }
  return { ...config, campaign: (_, id) => campaigns.get(id) ?? null };
}

/** Says whether a page may go on, and prolongs its claim now and then. */
function keeper({ batches, clock }: ExpandTools, page: ClaimedPage, isStopping: () => boolean) {
  let renewAt = clock.now() + RENEW_MS;
  return async (): Promise<boolean> => {
    if (isStopping()) return false;
    const now = clock.now();
    if (now < renewAt) return true;
    renewAt = now + RENEW_MS;
    return batches.renewPage(page, now + CLAIM_MS);
  };
}
