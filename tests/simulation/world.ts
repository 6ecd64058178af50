/**
 * A small world in which one transaction lives. Providers answer in any way they like, receipts come early, late, twice
 * and in any order, nodes crash, clocks jump, timers fire when they please. The world knows what really happened (who
 * was handed what); the transaction knows only its news. Everything follows from a setup and a list of numbers.
 */
import { RECEIPT_STATUSES } from '#domain/message.ts';
import type { ReceiptStatus, SkipReason } from '#domain/message.ts';
import type { ProviderId } from '#domain/ids.ts';
import { chooseProvider } from '#domain/provider-choice.ts';
import type { Instant } from '#domain/time.ts';
import { standsIn } from '#domain/timers.ts';
import { isSending } from '#domain/transaction.ts';
import type { Advance, News, Transaction } from '#domain/transaction.ts';
import { EPOCH, transactionOf } from './setup.ts';
import type { Setup } from './setup.ts';

/** What the world drives. */
export interface Core {
  advance(transaction: Transaction, news: News, now: Instant): Advance;
  dueAt(transaction: Transaction): Instant | null;
}

/** One step of a history. */
export interface Moment {
  now: Instant;
  news: News;
  /** An answer to an attempt that another one has followed, or an answer for the second time. */
  isStale: boolean;
  before: Transaction;
  result: Advance;
}

/** What really happened to one message or hook, whatever the transaction was told. */
export interface Truth {
  sends: number;
  rescueSends: number;
  throttledAnswers: number;
  /** An attempt that is over reached the provider, or may have. */
  handedOver: boolean;
  /** The provider has it, or may have it: its receipts are legal. */
  taken: boolean;
  /** An answer was lost, by timeout or by a crash. */
  answerLost: boolean;
  /** The providers that said, or may have said, that they have it. */
  takers: Set<ProviderId>;
  /** The provider each handover went to, in order. */
  asked: ProviderId[];
}

/** One handover that no answer has been recorded for. */
interface Attempt {
  message: number;
  attempt: number;
  /** The how many-eth handover of its message it is, throttled ones and resends included. */
  serial: number;
  /** Whom it went to. */
  provider: ProviderId;
  /** The provider has it, answered or not. */
  arrived: boolean;
}

/** A world, changed in place by {@link act} and {@link settle}. */
export interface World {
  core: Core;
  setup: Setup;
  now: Instant;
  transaction: Transaction;
  /** Attempts of the living node. */
  live: Attempt[];
  /** Attempts of nodes that were taken for dead; they may still answer. */
  zombies: Attempt[];
  answers: News[];
  truths: Truth[];
  emitted: { track: number; upsert: number };
  history: Moment[];
  /** Called after every step; throws when something does not hold. */
  check: (world: World, moment: Moment) => void;
}

const HOUR_MS = 3_600_000;
/** Through which every message may go, the best first. */
export const PROVIDERS: [ProviderId, ...ProviderId[]] = ['p', 'q', 'r'];

/** Makes a world and triggers its transaction, unless it is scheduled. */
export function begin(core: Core, setup: Setup, check: World['check']): World {
  const transaction = transactionOf(setup);
  const truths = transaction.messages.map(() => ({
    sends: 0,
    rescueSends: 0,
    throttledAnswers: 0,
    handedOver: false,
    taken: false,
    answerLost: false,
    takers: new Set<ProviderId>(),
    asked: [],
  }));
  const world: World = {
    core,
    setup,
    now: EPOCH,
    transaction: deepFreeze(transaction),
    live: [],
    zombies: [],
    answers: [],
    truths,
    emitted: { track: 0, upsert: 0 },
    history: [],
    check,
  };
  if (setup.startsInMs === 0) tell(world, { kind: 'started' });
  return world;
}

/** Gives the transaction its news, does its effects, and has everything checked. */
export function tell(world: World, news: News, isStale = false): void {
  const { core, now, transaction: before } = world;
  const result = deepFreeze(core.advance(before, news, now));
  world.transaction = result.transaction;
  for (const effect of result.effects) {
    if (effect.kind === 'track' || effect.kind === 'upsert') world.emitted[effect.kind] += 1;
    if (effect.kind !== 'send') continue;
    const { facts } = result.transaction.messages[effect.message]!;
    const truth = world.truths[effect.message]!;
    truth.sends += 1;
    const provider = chooseProvider(PROVIDERS, facts)!.id;
    truth.asked.push(provider);
    const { attempts: attempt } = facts;
    world.live.push({ message: effect.message, attempt, serial: truth.sends, provider, arrived: false });
    const isResend = before.messages[effect.message]!.state.name === 'sending';
    if (news.kind === 'rescued' && isResend) truth.rescueSends += 1;
  }
  const moment: Moment = { now, news, isStale, before, result };
  world.history.push(moment);
  world.check(world, moment);
}

type Action = (world: World, dice: number) => void;

const WAITS_MS = [1, 100, 600, 2_000, 5_000, 9_000, 60_000, 30 * HOUR_MS, 73 * HOUR_MS];
const LATENESS_MS = [0, 0, 0, 1, 700, 20_000, HOUR_MS, -1];

/** What can happen; an action named more often happens more often. */
const ACTIONS: Action[] = [
  ...times(6, (world, dice) => answer(world, world.live, dice)),
  ...times(4, (world, dice) => bringReceipt(world, dice, true)),
  ...times(4, fireTimer),
  ...times(2, (world, dice) => void (world.now += pick(WAITS_MS, dice))),
  ...times(2, crash),
  (world, dice) => bringReceipt(world, dice, false),
  bringMachineReceipt,
  (world, dice) => answer(world, world.zombies, dice),
  repeatAnswer,
  (world) => tell(world, { kind: 'timer' }),
  (world) => rescue(world),
  (world, dice) => void (world.now -= pick(WAITS_MS, dice)),
  (world, dice) => (dice % 4 === 0 ? tell(world, { kind: 'cancelled' }) : startAgain(world)),
];

function times(count: number, action: Action): Action[] {
  return Array.from({ length: count }, () => action);
}

/** Lets one thing happen; the number says which. */
export function act(world: World, choice: number): void {
  pick(ACTIONS, choice)(world, Math.floor(choice / ACTIONS.length));
}

/** What a provider may say; `attempt` and `message` are the attempt's. */
const ANSWERS: ((on: Pick<Attempt, 'message' | 'attempt'>, dice: number) => News)[] = [
  ...Array.from({ length: 4 }, () => (on: Pick<Attempt, 'message' | 'attempt'>): News => ({
    kind: 'accepted',
    ...on,
    ref: `r${on.message}`,
  })),
  (on) => ({ kind: 'rejected', ...on, reason: 'invalid_number', retryable: false }),
  (on) => ({ kind: 'rejected', ...on, reason: 'blocked', retryable: false }),
  (on) => ({ kind: 'rejected', ...on, reason: '503', retryable: true }),
  (on) => ({ kind: 'rejected', ...on, reason: '503', retryable: true }),
  (on) => ({ kind: 'unknown', ...on, reason: 'timeout' }),
  (on) => ({ kind: 'unknown', ...on, reason: 'timeout' }),
  (on, dice) => ({ kind: 'throttled', ...on, retryAfterMs: pick([0, 100, 1_000, 3_000, 6_000, 90_000], dice) }),
  (on, dice) => ({ kind: 'throttled', ...on, retryAfterMs: pick([0, 100, 1_000, 3_000, 6_000, 90_000], dice) }),
  (on, dice) => ({ kind: 'paced', ...on, lane: pick(['its provider', 'its sender'], dice) }),
  (on, dice) => ({
    kind: 'skipped',
    ...on,
    reason: pick<SkipReason>(['no_address', 'opted_out', 'suppressed', 'ttl_expired'], dice),
  }),
  (on) => ({ kind: 'skipped', ...on, reason: 'campaign_not_running' }),
];

function answer(world: World, among: Attempt[], dice: number): void {
  if (among.length === 0) return;
  const index = dice % among.length;
  const { message, attempt, serial, provider, arrived } = among[index]!;
  among.splice(index, 1);
  const answered = pick(ANSWERS, Math.floor(dice / 4))({ message, attempt }, Math.floor(dice / 64));
  const said = arrived ? answered : elsewhere(world, provider, answered, dice);
  const denies = said.kind === 'skipped' || said.kind === 'throttled' || said.kind === 'paced';
  const handover = { channel: 'sms', provider, to: `+${serial}`, at: world.now } as const;
  const news: News =
    arrived && denies
      ? { kind: 'unknown', message, attempt, reason: 'broken pipe' }
      : { ...said, ...(serial % 2 && { handover }) };
  giveAnswer(world, news, serial < world.truths[message]!.sends, provider);
}

/** Most of the time another provider works, where there is one that has not been asked; it is not always the next one. */
function elsewhere(world: World, from: ProviderId, said: News, dice: number): News {
  if (dice % 4 === 0 || (said.kind !== 'throttled' && (said.kind !== 'rejected' || !said.retryable))) return said;
  const { facts, isHook } = world.transaction.messages[said.message]!;
  const others = chooseProvider(PROVIDERS, facts)?.others ?? [];
  if (isHook || others.length === 0) return said;
  const isBroken = said.kind === 'throttled' && dice % 8 === 1;
  return { ...said, ...(isBroken && { isBroken }), failover: { from, to: pick(others, dice >> 3) } };
}

/** Lets a provider answer; what it really did is noted first. */
export function giveAnswer(world: World, news: News, isStale = false, provider: ProviderId = PROVIDERS[0]): void {
  if (!('attempt' in news)) return;
  const truth = world.truths[news.message]!;
  if (news.kind === 'throttled' || news.kind === 'paced') truth.throttledAnswers += 1;
  else if (news.kind !== 'skipped') truth.handedOver = true;
  if (news.kind === 'accepted' || news.kind === 'unknown') {
    truth.taken = true;
    truth.takers.add(provider);
  }
  if (news.kind === 'unknown') truth.answerLost = true;
  world.answers.push(news);
  tell(world, news, isStale);
}

/** An answer comes a second time: its record was repeated after a lost connection. */
function repeatAnswer(world: World, dice: number): void {
  if (world.answers.length > 0) tell(world, pick(world.answers, dice), true);
}

/** A receipt; a legal one is for a message the provider may have, any other for whichever message or hook. */
function bringReceipt(world: World, dice: number, legal: boolean): void {
  const status = pick(RECEIPT_STATUSES, dice);
  const message = pickMessage(world, Math.floor(dice / RECEIPT_STATUSES.length), legal);
  if (message !== undefined) giveReceipt(world, message, status);
}

/** Software opens what was sent, or follows a link in it. */
function bringMachineReceipt(world: World, dice: number): void {
  const message = pickMessage(world, dice >> 2, dice % 4 > 0);
  const status = dice % 2 === 0 ? 'opened' : 'clicked';
  if (message !== undefined) tell(world, { kind: 'machine_receipt', message, status, reason: 'link_scanner' });
}

function pickMessage(world: World, dice: number, legal: boolean): number | undefined {
  const all = [...world.transaction.messages.keys()];
  const among = all.filter((message) => {
    const isKnown = world.truths[message]!.taken || world.live.some((on) => on.message === message);
    return !legal || (isKnown && !world.transaction.messages[message]!.isHook);
  });
  return among[dice % among.length];
}

/** Brings a receipt for a message. */
export function giveReceipt(world: World, message: number, status: ReceiptStatus): void {
  for (const on of world.live) {
    if (on.message !== message) continue;
    arrive(world, on);
    world.truths[message]!.takers.add(on.provider);
  }
  tell(world, { kind: 'receipt', message, status, reason: status === 'undelivered' ? 'absent' : null });
}

/** The timer fires when it is due, a little early, or as late as it likes. */
function fireTimer(world: World, dice: number): void {
  const due = world.core.dueAt(world.transaction);
  const lane = standsIn(world.transaction)?.lane;
  if (lane !== undefined && dice % 2 === 0) return tell(world, { kind: 'timer', lane });
  if (due !== null) world.now = Math.max(world.now, due + pick(LATENESS_MS, dice));
  tell(world, { kind: 'timer' });
}

/** The sending node dies, or seems to: its attempts may have arrived, and may be answered yet. Sometimes it is noticed at once. */
function crash(world: World, dice: number): void {
  for (const on of world.live) if (dice % 4 > 1) arrive(world, on);
  world.zombies.push(...world.live);
  world.live = [];
  if (dice % 2 === 0) rescue(world);
}

function arrive(world: World, attempt: Attempt): void {
  attempt.arrived = true;
  Object.assign(world.truths[attempt.message]!, { taken: true, handedOver: true });
}

/** The dead node is noticed. One that only seemed dead keeps its attempts, as a zombie. */
function rescue(world: World): void {
  world.zombies.push(...world.live);
  world.live = [];
  for (const [message, { state }] of world.transaction.messages.entries()) {
    if (state.name === 'sending') world.truths[message]!.answerLost = true;
  }
  tell(world, { kind: 'rescued' });
}

/** A second `started`: the acceptor and a timer met. */
function startAgain(world: World): void {
  if (world.now >= world.transaction.startAt) tell(world, { kind: 'started' });
}

/** More steps than any transaction needs to come to rest. */
const SETTLE_STEPS_MAX = 2_000;

/** From here on nothing is lost: every provider answers, every timer fires, the dead are noticed. False: it never rests. */
export function settle(world: World, dice: number): boolean {
  let seed = dice;
  for (let steps = 0; steps < SETTLE_STEPS_MAX; steps++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const due = world.core.dueAt(world.transaction);
    const lane = standsIn(world.transaction)?.lane;
    if (world.live.length > 0) answer(world, world.live, seed >>> 8);
    else if (isSending(world.transaction)) rescue(world);
    else if (lane !== undefined) tell(world, { kind: 'timer', lane });
    else if (due === null) return true;
    else {
      world.now = Math.max(world.now, due);
      tell(world, { kind: 'timer' });
    }
  }
  return false;
}

function pick<T>(from: readonly T[], dice: number): T {
  return from[dice % from.length]!;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const key in value) deepFreeze(value[key]);
  return value;
}
