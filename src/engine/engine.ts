/** Puts the engine together, starts its loops, and stops it without losing anything. */
import type { Account } from '#domain/account.ts';
import type { AccountId, NodeId, TransactionId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { AnswerStore } from '#ports/answer-store.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { CircuitStore } from '#ports/circuit-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { ConfigStore } from '#ports/config-store.ts';
import type { EventStore } from '#ports/event-store.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { HookCaller } from '#ports/hook.ts';
import type { Log } from '#ports/log.ts';
import type { NodeStore } from '#ports/node-store.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { Provider, ProviderTools } from '#ports/provider.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import type { SendoutStore } from '#ports/sendout-store.ts';
import type { StatsStore } from '#ports/stats-store.ts';
import type { SuppressionStore } from '#ports/suppression-store.ts';
import type { Templates } from '#ports/templates.ts';
import type { TokenStore } from '#ports/token-store.ts';
import type { TrackingStore } from '#ports/tracking-store.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import type { UploadStore } from '#ports/upload-store.ts';
import type { WebhookSender, WriteEvent } from '#ports/webhook-sender.ts';
import type { WebhookStore } from '#ports/webhook-store.ts';
import { atMost } from './at-most.ts';
import { accept } from './accept.ts';
import type { AcceptResult, DedupeWindow } from './accept.ts';
import { createAdvancer } from './advance.ts';
import type { Advancer } from './advance.ts';
import { batchRequests } from './batch-requests.ts';
import { startBatches } from './batches.ts';
import type { Batches } from './batches.ts';
import { configCache } from './config-cache.ts';
import type { ConfigCache } from './config-cache.ts';
import { counts } from './count.ts';
import type { Counts } from './count.ts';
import { eventTracking } from './event-tracking.ts';
import type { TrackEvent } from './event-tracking.ts';
import { startEventStarts } from './event-starts.ts';
import type { EventStarts } from './event-starts.ts';
import { dryRun } from './dry-run.ts';
import type { DryRun } from './dry-run.ts';
import { fairTurns } from './fair-turns.ts';
import { hookGates } from './hook-gates.ts';
import { messageFiles } from './message-files.ts';
import { startLines } from './lines.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import { createPaces } from './paces.ts';
import { startKeepingPromises } from './promised.ts';
import { providersInUse } from './providers-in-use.ts';
import type { ProvidersInUse } from './providers-in-use.ts';
import { profileAhead } from './profile-ahead.ts';
import { startProviderHealth } from './provider-health.ts';
import type { ProviderHealth } from './provider-health.ts';
import { startPruning } from './prune.ts';
import { rateLimits } from './rate-limits.ts';
import type { RateLimits } from './rate-limits.ts';
import { contentParser } from './render.ts';
import { withRecentRefs } from './recent-refs.ts';
import { startRescuing } from './rescue.ts';
import { send } from './send.ts';
import { receiptTaker } from './take-receipt.ts';
import type { ReceiptTaker } from './take-receipt.ts';
import { startTokenPool } from './token-pool.ts';
import { createTracking } from './tracking.ts';
import { trackingTokens } from './tracking-token.ts';
import { createVisits } from './visits.ts';
import type { Visits } from './visits.ts';
import { createSuppressions } from './suppressions.ts';
import type { Suppressions } from './suppressions.ts';
import { stayingOpen } from './stay-open.ts';
import { startWaking } from './wake.ts';
import { startWebhooks } from './webhooks.ts';
import type { Webhooks } from './webhooks.ts';

/** How often the configuration of other nodes is looked for: their changes are followed within 1 s. */
const CONFIG_POLL_MS = 500;
/** How often counts are written and parked receipts matched. */
const HOUSEKEEPING_MS = 1_000;
/** How long a stop waits for what is under way; the whole of it may take 10 s. */
const DRAIN_MS = 6_000;
/** Then for turns of loops and for calls to providers; what a provider answers after that is lost, and sent again. */
const CLOSE_MS = 500;
/** And for the last words to the database, each. */
const GOODBYE_MS = 500;

/** The outside world, as the engine is given it. */
export interface World {
  transactions: TransactionStore;
  profiles: ProfileStore;
  events: EventStore;
  files: FileStore;
  receipts: ReceiptStore;
  nodes: NodeStore;
  config: ConfigStore;
  stats: StatsStore;
  batches: BatchStore;
  circuits: CircuitStore;
  answers: AnswerStore;
  uploads: UploadStore;
  sendouts: SendoutStore;
  suppressionStore: SuppressionStore;
  tracked: TrackingStore;
  tokenStore: TokenStore;
  templates: Templates;
  hooks: HookCaller;
  webhookStore: WebhookStore;
  webhookSender: WebhookSender;
  writeEvent: WriteEvent;
  clock: Clock;
  log: Log;
  /** Carom's address as vendors see it, without a trailing slash. */
  publicUrl: string;
  /** This process, for people. */
  nodeName: string;
  /** Whether this node takes timers and rescues (roles `all` and `worker`). */
  works: boolean;
  openProvider(config: ProviderConfig, tools: Pick<ProviderTools, 'schedule' | 'receive'>): Provider;
  /** Whether it has to be open for receipts to come in: nodes that work then open it as soon as it is configured. */
  staysOpen(config: ProviderConfig): boolean;
}

/** A running engine: what the API is built on. */
export interface Engine {
  config: ConfigCache;
  suppressions: Suppressions;
  limits: RateLimits;
  receipts: ReceiptTaker;
  providers: ProvidersInUse;
  /** How the providers that this node uses fare. */
  health: ProviderHealth;
  visits: Visits;
  webhooks: Webhooks;
  accept(account: Account, request: TransactionRequest, window?: DedupeWindow | null): Promise<AcceptResult>;
  /** The same for many recipients. */
  batches: Omit<Batches, 'stop'>;
  /** Tracks an event, with the campaigns that it starts. */
  track: TrackEvent;
  /** Transactions that this node has started by events, and campaigns that it could not start any more. */
  eventStarts(): EventStarts['counts'];
  /** What the request would do. */
  dryRun(account: Account, request: TransactionRequest): Promise<DryRun>;
  /** Null: there is no such transaction. */
  cancel(accountId: AccountId, id: TransactionId): Promise<Transaction | null>;
  /** Transactions in this node's hands. */
  inHand(): number;
  /** Finishes what is under way (bounded), hands back the rest, and says goodbye. */
  stop(): Promise<void>;
}

/** Joins the nodes and starts working. */
export async function startEngine(world: World): Promise<Engine> {
  const { clock, log } = world;
  const identity = { node: (await world.nodes.join(world.nodeName)) satisfies NodeId, name: world.nodeName };
  const abort = new AbortController();
  const shared = await whatIsKnown(world, identity, abort.signal);
  const { config, suppressions, limits, pool, tokens, counts: counted } = shared;
  const webhooks = startWebhooks(shared);

  // The loops and the advancer know each other; none of them runs before this function returns to the event loop.
  const inUse: { advancer?: Advancer } = {};
  const advancer = () => inUse.advancer!;
  const promises = startKeepingPromises({ ...world, advancer });
  const paces = createPaces(pool, clock);
  const providers = providersInUse(
    config,
    (one) => world.openProvider(one, { schedule: promises, receive: (given) => receipts.take(one, given) }),
    paces,
    log,
  );
  const health = startProviderHealth(world.circuits, clock, log);
  const ways = { providers, health, paces, advancer };
  const lines = world.works ? startLines({ ...shared, ...ways }) : null;
  const tracking = createTracking({ ...shared, tokens });
  const made = { ...whatMessagesAreMadeOf(world, abort.signal), tracking };
  const sending = { ...shared, ...made, ...ways, onPaced: (lane: string) => lines?.joined(lane) };
  const waker = lines && startWaking({ ...shared, advancer, lines });
  const starts = world.works ? startEventStarts({ ...shared, advancer }) : null;
  const track = eventTracking({ ...shared, hurry: () => starts?.hurry() });
  inUse.advancer = createAdvancer({
    ...shared,
    track,
    webhooks,
    send: (held, message) => send(sending, held, message),
    wakeAt: (instant) => waker?.at(instant),
  });
  const receipts = receiptTaker({ ...shared, advancer: advancer() });
  const batches = startBatches({ ...shared, advancer, lines, onBatchEnded: webhooks.batchEnded });
  const rescuer = startRescuing({ ...world, advancer: advancer(), identity });
  const stayOpen = world.works ? stayingOpen(config, providers, (one) => world.staysOpen(one), log) : null;
  const loops: Loop[] = [promises, rescuer, health, ...keepHouse(log, { ...shared, counted, receipts, stayOpen })];
  if (waker && lines) loops.push(waker, lines, startPruning(world, clock, log));

  return {
    config,
    suppressions,
    limits,
    receipts,
    providers,
    health,
    webhooks,
    visits: createVisits({ ...shared, tokens, advancer }),
    accept: (account, request, window = null) => accept({ ...shared, advancer: advancer() }, account, request, window),
    batches,
    track,
    eventStarts: () => starts?.counts ?? { started: 0, refused: 0 },
    dryRun: (account, request) => dryRun(sending, account, request, clock.now()),
    cancel: (accountId, id) => advancer().tell(accountId, id, { kind: 'cancelled' }),
    inHand: () => advancer().size(),
    stop: stopper({
      world,
      identity,
      advancer,
      beforeDrain: () => Promise.all([waker?.stop(), lines?.stop(), lines && batches.stop(), starts?.stop()]),
      drained: () => paces.close(),
      abort,
      close: () => Promise.all([...loops.map((loop) => loop.stop()), webhooks.stop(), providers.close()]),
      lastWords: () => Promise.all([counted.flush(), pool.stop()]),
    }),
  };
}

/** What a node knows before it does anything, and what it counts: almost everything needs some of it. */
async function whatIsKnown(world: World, identity: { node: NodeId }, signal: AbortSignal) {
  const { clock, log } = world;
  const config = configCache(world.config);
  const suppressions = createSuppressions(world.suppressionStore);
  await Promise.all([config.refresh(), suppressions.refresh()]);
  const node = () => identity.node;
  const pool = startTokenPool({ tokens: world.tokenStore, clock, log, node });
  return {
    ...world,
    receipts: withRecentRefs(world.receipts),
    config,
    suppressions,
    pool,
    limits: rateLimits(config, pool),
    tokens: trackingTokens(await world.tracked.secret()),
    counts: counts(world.stats, log),
    profileAhead: profileAhead(world.profiles),
    signal,
    node,
  };
}

/** Each keeps something that many messages need. */
function whatMessagesAreMadeOf({ templates, batches, files }: World, signal: AbortSignal) {
  return {
    parse: contentParser(templates),
    turns: fairTurns(),
    batchRequests: batchRequests(batches),
    hookGates: hookGates(),
    messageFiles: messageFiles(files, signal),
  };
}

/** The loops that look after what is in memory. */
function keepHouse(
  log: Log,
  {
    config,
    suppressions,
    counted,
    receipts,
    stayOpen,
  }: {
    config: ConfigCache;
    suppressions: Suppressions;
    counted: Counts;
    receipts: ReceiptTaker;
    stayOpen: (() => void) | null;
  },
): Loop[] {
  // At once: what comes in for them before they are open would be refused.
  stayOpen?.();
  return [
    startLoop('configuration', log, async () => {
      await Promise.all([config.refresh(), suppressions.refresh()]);
      stayOpen?.();
      return CONFIG_POLL_MS;
    }),
    startLoop('housekeeping', log, async () => {
      await counted.flush();
      await receipts.matchParked();
      return HOUSEKEEPING_MS;
    }),
  ];
}

/** What a stop has to end, in this order. */
interface Stopping {
  world: Pick<World, 'log' | 'nodes' | 'hooks' | 'webhookSender'>;
  identity: { node: NodeId };
  advancer(): Advancer;
  /** Takes nothing new. */
  beforeDrain(): Promise<unknown>;
  drained(): void;
  abort: AbortController;
  close(): Promise<unknown>;
  lastWords(): Promise<unknown>;
}

/** Finishes what is under way, each step in its time, and says goodbye. */
function stopper({ world, identity, advancer, abort, ...steps }: Stopping): () => Promise<void> {
  const { log, nodes, hooks, webhookSender } = world;
  return async () => {
    await atMost(CLOSE_MS, steps.beforeDrain());
    steps.drained();
    await atMost(DRAIN_MS, advancer().idle());
    abort.abort();
    await atMost(CLOSE_MS, Promise.all([steps.close(), hooks.close(), webhookSender.close()]));
    await goodbye(log, steps.lastWords);
    const inHand = advancer().size();
    // With transactions still in hand the node is left to be found dead: its leases are then taken over.
    if (inHand === 0) await goodbye(log, () => nodes.leave(identity.node));
    else log.warn({ inHand }, 'stopped with transactions in hand; another node will take them over');
  };
}

/** Last words to a database that may be gone. */
async function goodbye(log: Log, words: () => Promise<unknown>): Promise<void> {
  try {
    await atMost(GOODBYE_MS, words());
  } catch (error) {
    log.warn({ error }, 'the database could not be told of the stop');
  }
}
