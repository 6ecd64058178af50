/** Hands one message to its provider, or makes one hook's call, and tells what came of it. The intent is stored before. */
import { isWanted } from '#domain/leg.ts';
import type { MessageFacts, SkipReason } from '#domain/message.ts';
import { hasEnded } from '#domain/transaction.ts';
import type { Handover, News, Transaction } from '#domain/transaction.ts';
import { laneName } from '#domain/lane.ts';
import type { Clock } from '#ports/clock.ts';
import type { HookCaller } from '#ports/hook.ts';
import { FileMissingError } from '#ports/file-store.ts';
import type { OutgoingFile, SendOutcome } from '#ports/provider.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';
import type { Advancer } from './advance.ts';
import { afterRefusal, brokenRoute, insteadOfWaiting, leaveRoute, mayPassElsewhere, noteCall } from './failover.ts';
import type { FailoverTools, OpenRoute } from './failover.ts';
import { forgetDevices } from './forget-devices.ts';
import type { ForgetTools } from './forget-devices.ts';
import type { Gate } from './gate.ts';
import type { HookGates } from './hook-gates.ts';
import type { Held } from './in-hand.ts';
import type { Paces } from './paces.ts';
import { prepare, turnOf } from './prepare.ts';
import type { PrepareTools, Prepared } from './prepare.ts';
import type { ProviderInUse } from './providers-in-use.ts';
import type { RateLimits } from './rate-limits.ts';
import { suppressGone } from './suppress.ts';
import type { SuppressTools } from './suppress.ts';
import { tellParked } from './take-receipt.ts';
import { untilThere } from './until-there.ts';

/** What sending needs. */
export interface SendTools extends PrepareTools, ForgetTools, SuppressTools, FailoverTools {
  receipts: ReceiptStore;
  hooks: HookCaller;
  hookGates: HookGates;
  limits: RateLimits;
  paces: Paces;
  clock: Clock;
  advancer(): Advancer;
  /** A message waits in this line. */
  onPaced(lane: string): void;
}

/** Which attempt is answered. */
interface Answers {
  message: number;
  attempt: number;
  handover?: Handover;
}

/** A gate, and the line to wait in where it lets nobody wait. */
interface Passage {
  gate: Gate;
  lane: string;
}

/** Something that can be called once its gates let it through. */
interface Call {
  gate: Gate;
  /** All of them, its own the last. */
  passages: Passage[];
  files: OutgoingFile[] | null;
  /** A message's; null: a hook's. */
  route: OpenRoute | null;
  make(): Promise<SendOutcome>;
  /** Makes the message findable by the provider's reference. */
  keepRef?(ref: string): Promise<void>;
}

/** Makes the call for the message of an index of a held transaction. */
export async function send(tools: SendTools, held: Held, index: number): Promise<void> {
  const { transaction } = held.stored;
  const message = transaction.messages[index]!;
  const { attempts } = message.facts;
  const isFirstOfLeg = transaction.messages[index - 1]?.leg !== message.leg;
  if (attempts === 1 && isFirstOfLeg && message.leg > 0 && transaction.mode !== 'all')
    tools.limits.use(transaction.accountId, 'transaction', 1);
  const prepared = await prepare(tools, held.stored, index);
  const answers: Answers = { message: index, attempt: attempts };
  switch (prepared.kind) {
    case 'skip':
      return tell(tools, transaction, { kind: 'skipped', ...answers, reason: prepared.reason });
    case 'refuse': {
      const { reason, handover, others } = prepared;
      const route = handover && others && { accountId: transaction.accountId, id: handover.provider, others };
      const failover = route && afterRefusal(tools, route);
      const about = { ...answers, ...(handover && { handover }), ...(failover && { failover }) };
      return tell(tools, transaction, { kind: 'rejected', ...about, reason, retryable: false });
    }
    case 'ready': {
      const call = await messageCall(tools, held.stored, prepared, message.facts);
      return callOut(tools, held, call, { ...answers, handover: prepared.handover });
    }
    case 'hook': {
      const gate = tools.hookGates.of(transaction.accountId, transaction.legs[message.leg]!.campaignId);
      const make = () => tools.hooks.call(prepared.call);
      const call = { gate, passages: [{ gate, lane: '' }], files: null, route: null, make };
      return callOut(tools, held, call, answers);
    }
  }
}

/** The links are written down before the message goes out: no click can come before its link is known. */
async function messageCall(
  tools: SendTools,
  { transaction: { accountId, userId }, request }: StoredTransaction,
  { content: { tracking }, message: untracked, via, others }: Extract<Prepared, { kind: 'ready' }>,
  { answerLost }: MessageFacts,
): Promise<Call> {
  const { messageId, channel } = untracked;
  const isReported = via.provider.devicesReport === true;
  const about = { accountId, messageId, userId, channel, tracking, isReported };
  const texts = await tools.tracking.track({ ...about, texts: untracked });
  const message = { ...untracked, ...texts };
  return {
    gate: via.gate,
    passages: passagesOf(tools.paces, via, message.from, request.batch !== null),
    files: message.attachments,
    route: { accountId, id: via.config.id, config: via.config, others, mayHaveIt: answerLost === true, isProbe: false },
    make: () => via.provider.send(message).catch(withoutFile),
    ...(via.provider.receiptsByRef && {
      keepRef: async (ref: string) => {
        const add = () => tools.receipts.addRef(accountId, via.config.id, ref, messageId, tools.clock.now());
        // What had come for the message before its reference was known.
        for (const receipt of await untilThere(add, tools.signal)) {
          const told = () => tellParked({ ...tools, advancer: tools.advancer() }, messageId, receipt);
          await untilThere(told, tools.signal);
        }
      },
    }),
  };
}

function passagesOf(paces: Paces, { config, gate }: ProviderInUse, from: string | null, isBulk: boolean): Passage[] {
  const lane = { isBulk, accountId: config.accountId, providerId: config.id };
  const own = { gate, lane: laneName({ ...lane, sender: null }) };
  const senders = from === null ? null : paces.ofSender(config, from);
  return senders ? [{ gate: senders, lane: laneName({ ...lane, sender: from }) }, own] : [own];
}

/** Goes through the gates, one after the other. @returns the line to wait in, where one lets nobody wait. */
async function comeThrough(passages: Passage[], isBulk: boolean): Promise<string | null> {
  for (const [index, { gate, lane }] of passages.entries()) {
    if (await gate.enter(isBulk)) continue;
    leaveAll(passages.slice(0, index), true);
    return lane;
  }
  return null;
}

function leaveAll(passages: Passage[], wereUnused: boolean): void {
  for (const { gate } of passages) gate.leave(wereUnused);
}

/** Sending again would not bring it back. */
function withoutFile(error: unknown): SendOutcome {
  if (!(error instanceof FileMissingError)) throw error;
  return { kind: 'rejected', reason: 'attachment_missing', detail: error.message, retryable: false };
}

async function callOut(tools: SendTools, held: Held, call: Call, answers: Answers): Promise<void> {
  try {
    const hindrance = hindranceTo(tools, call, answers);
    if (hindrance) return await tell(tools, held.stored.transaction, hindrance);
    await tools.messageFiles.withRoom(call.files, () => callInTurn(tools, held, call, answers));
  } finally {
    if (call.route) leaveRoute(tools, call.route);
  }
}

/** The provider is paused, or keeps failing while another one works. */
function hindranceTo(tools: SendTools, { gate, route }: Call, answers: Answers): News | null {
  const retryAfterMs = gate.pausedForMs(tools.clock.now());
  if (retryAfterMs > 0) return throttled(tools, route, answers, retryAfterMs);
  const broken = route && brokenRoute(tools, route);
  return broken && { kind: 'throttled', ...answers, ...broken, isBroken: true };
}

function throttled(tools: SendTools, route: OpenRoute | null, answers: Answers, retryAfterMs: number): News {
  const failover = route ? insteadOfWaiting(tools, route) : undefined;
  return { kind: 'throttled', ...answers, retryAfterMs, ...(failover && { failover }) };
}

/** As {@link comeThrough}. Who waits while the provider's circuit opens, and can go elsewhere, does not wait any longer. */
async function comeThroughOrLeave(
  tools: SendTools,
  call: Call,
  answers: Answers,
  isBulk: boolean,
): Promise<string | News | null> {
  const through = comeThrough(call.passages, isBulk);
  const { route } = call;
  if (!route || route.others.length === 0 || route.isProbe || route.mayHaveIt) return through;
  const { promise: leaving, resolve: leave } = Promise.withResolvers<News>();
  const callOff = tools.health.whenBroken(route.config, () => {
    const hindrance = hindranceTo(tools, call, answers);
    if (hindrance) leave(hindrance);
  });
  const first = await Promise.race([through, leaving]).finally(callOff);
  if (typeof first === 'object' && first !== null) void passUnused(through, call.passages);
  return first;
}

/** Who has left stands at the gate all the same: its turn is the next one's. */
async function passUnused(through: Promise<string | null>, passages: Passage[]): Promise<void> {
  if ((await through) === null) leaveAll(passages, true);
}

async function callInTurn(tools: SendTools, held: Held, call: Call, answers: Answers): Promise<void> {
  const { transaction, request } = held.stored;
  const lane = await comeThroughOrLeave(tools, call, answers, request.batch !== null);
  if (typeof lane === 'string') {
    await tell(tools, transaction, { kind: 'paced', ...answers, lane });
    return tools.onPaced(lane);
  }
  if (lane !== null) return tell(tools, transaction, lane);
  let outcome: SendOutcome | null = null;
  let obstacle: ReturnType<typeof obstacleTo> = null;
  try {
    // Providers of tenants' own making render templates before they call.
    outcome = await tools.turns.run(turnOf(transaction.accountId, request), () => {
      // Much may have happened while it waited its turn.
      obstacle = obstacleTo(tools, held.stored.transaction, call, answers);
      if (obstacle !== null) return null;
      if (answers.handover) answers.handover.at = tools.clock.now();
      return call.make();
    });
  } finally {
    leaveAll(call.passages, obstacle !== null);
  }
  if (outcome) {
    if (answers.handover) {
      if (call.route) noteCall(tools, call.route, outcome, tools.clock.now() - (answers.handover.at ?? 0));
      await forgetDevices(tools, transaction, answers.handover.channel, outcome);
      await suppressGone(tools, transaction, answers.message, answers.handover, outcome);
    }
    return take(tools, held, call, answers, outcome);
  }
  if (obstacle !== null && obstacle !== 'answered') return tell(tools, transaction, obstacle);
}

/** Why not to call after all, as news; `answered` when a receipt has settled the message already, null when nothing is in the way. */
function obstacleTo(
  tools: SendTools,
  transaction: Transaction,
  call: Call,
  answers: Answers,
): News | 'answered' | null {
  const { message, attempt } = answers;
  const tooLate = whyTooLate(transaction, message, attempt, tools.clock.now());
  if (tooLate === 'answered') return tooLate;
  if (tooLate) return { kind: 'skipped', message, attempt, reason: tooLate };
  return hindranceTo(tools, call, answers);
}

/** A reason not to call after all; `answered` when a receipt has settled the message already. */
function whyTooLate(
  transaction: Transaction,
  index: number,
  attempt: number,
  now: number,
): SkipReason | 'answered' | null {
  const message = transaction.messages[index]!;
  if (message.state.name !== 'sending' || message.facts.attempts !== attempt) return 'answered';
  if (transaction.status.name === 'cancelled') return 'cancelled';
  if (hasEnded(transaction) || !isWanted(transaction, message)) return 'chain_succeeded';
  return transaction.deadline !== null && now >= transaction.deadline ? 'ttl_expired' : null;
}

/** The answer, as news. */
async function take(
  tools: SendTools,
  { stored: { transaction } }: Held,
  call: Call,
  answers: Answers,
  outcome: SendOutcome,
): Promise<void> {
  switch (outcome.kind) {
    case 'accepted':
      if (outcome.ref !== null) await call.keepRef?.(outcome.ref);
      return tell(tools, transaction, { kind: 'accepted', ...answers, ref: outcome.ref });
    case 'rejected': {
      const { reason, detail, retryable } = outcome;
      const words = detail ? `${reason}: ${detail}` : reason;
      const failover = call.route && mayPassElsewhere(outcome) ? afterRefusal(tools, call.route) : undefined;
      const about = { ...answers, ...(failover && { failover }) };
      return tell(tools, transaction, { kind: 'rejected', ...about, reason: words, retryable });
    }
    case 'throttled':
      call.gate.pauseUntil(tools.clock.now() + outcome.retryAfterMs);
      return tell(tools, transaction, throttled(tools, call.route, answers, outcome.retryAfterMs));
    case 'unknown':
      return tell(tools, transaction, { kind: 'unknown', ...answers, reason: outcome.reason });
  }
}

async function tell(tools: SendTools, { accountId, id }: Transaction, news: News): Promise<void> {
  await tools.advancer().tell(accountId, id, news);
}
