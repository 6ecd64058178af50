/** Hands one message to its provider, or makes one hook's call, and tells what came of it. The intent is stored before. */
import { isWanted } from '#domain/leg.ts';
import type { SkipReason } from '#domain/message.ts';
import { hasEnded } from '#domain/transaction.ts';
import type { Handover, News, Transaction } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { HookCaller } from '#ports/hook.ts';
import type { SendOutcome } from '#ports/provider.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import type { Advancer } from './advance.ts';
import type { Gate } from './gate.ts';
import type { HookGates } from './hook-gates.ts';
import type { Held } from './in-hand.ts';
import { prepare } from './prepare.ts';
import type { PrepareTools, Prepared } from './prepare.ts';
import type { RateLimits } from './rate-limits.ts';
import { tellParked } from './take-receipt.ts';
import { untilThere } from './until-there.ts';

/** What sending needs. */
export interface SendTools extends PrepareTools {
  receipts: ReceiptStore;
  hooks: HookCaller;
  hookGates: HookGates;
  limits: RateLimits;
  clock: Clock;
  advancer(): Advancer;
}

/** Which attempt is answered. */
interface Answers {
  message: number;
  attempt: number;
  handover?: Handover;
}

/** Something that can be called once its gate lets it through. */
interface Call {
  gate: Gate;
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
      const { reason, handover } = prepared;
      const refused = { kind: 'rejected', ...answers, reason, retryable: false } as const;
      return tell(tools, transaction, handover ? { ...refused, handover } : refused);
    }
    case 'ready':
      return callOut(tools, held, await messageCall(tools, transaction, prepared), {
        ...answers,
        handover: prepared.handover,
      });
    case 'hook': {
      const gate = tools.hookGates.of(transaction.accountId, transaction.legs[message.leg]!.campaignId);
      return callOut(tools, held, { gate, make: () => tools.hooks.call(prepared.call) }, answers);
    }
  }
}

/** The links are written down before the message goes out: no click can come before its link is known. */
async function messageCall(
  tools: SendTools,
  transaction: Transaction,
  { content: { tracking }, message: untracked, via }: Extract<Prepared, { kind: 'ready' }>,
): Promise<Call> {
  const { accountId, userId } = transaction;
  const { messageId, channel } = untracked;
  const texts = await tools.tracking.track({ accountId, messageId, userId, channel, tracking, texts: untracked });
  const message = { ...untracked, ...texts };
  return {
    gate: via.gate,
    make: () => via.provider.send(message),
    ...(via.provider.receiptsByRef && {
      keepRef: async (ref: string) => {
        const add = () => tools.receipts.addRef(accountId, via.config.id, ref, messageId, tools.clock.now());
        // What had come for the message before its reference was known.
        for (const receipt of await untilThere(add, tools.signal)) {
          const told = () => tellParked(tools.receipts, tools.advancer(), messageId, receipt);
          await untilThere(told, tools.signal);
        }
      },
    }),
  };
}

async function callOut(tools: SendTools, held: Held, call: Call, answers: Answers): Promise<void> {
  const { transaction } = held.stored;
  const retryAfterMs = call.gate.pausedForMs(tools.clock.now());
  if (retryAfterMs > 0) return tell(tools, transaction, { kind: 'throttled', ...answers, retryAfterMs });
  await call.gate.enter();
  let outcome: SendOutcome | null = null;
  let obstacle: ReturnType<typeof obstacleTo> = null;
  try {
    // Providers of tenants' own making render templates before they call.
    outcome = await tools.turns.run(transaction.accountId, () => {
      // Much may have happened while it waited its turn.
      obstacle = obstacleTo(held.stored.transaction, call.gate, answers, tools.clock.now());
      if (obstacle !== null) return null;
      if (answers.handover) answers.handover.at = tools.clock.now();
      return call.make();
    });
  } finally {
    call.gate.leave();
  }
  if (outcome) return take(tools, held, call, answers, outcome);
  if (obstacle !== null && obstacle !== 'answered') return tell(tools, transaction, obstacle);
}

/** Why not to call after all, as news; `answered` when a receipt has settled the message already, null when nothing is in the way. */
function obstacleTo(transaction: Transaction, gate: Gate, answers: Answers, now: number): News | 'answered' | null {
  const { message, attempt } = answers;
  const tooLate = whyTooLate(transaction, message, attempt, now);
  if (tooLate === 'answered') return tooLate;
  if (tooLate) return { kind: 'skipped', message, attempt, reason: tooLate };
  const retryAfterMs = gate.pausedForMs(now);
  return retryAfterMs > 0 ? { kind: 'throttled', ...answers, retryAfterMs } : null;
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
      return tell(tools, transaction, { kind: 'rejected', ...answers, reason: words, retryable });
    }
    case 'throttled':
      call.gate.pauseUntil(tools.clock.now() + outcome.retryAfterMs);
      return tell(tools, transaction, { kind: 'throttled', ...answers, retryAfterMs: outcome.retryAfterMs });
    case 'unknown':
      return tell(tools, transaction, { kind: 'unknown', ...answers, reason: outcome.reason });
  }
}

async function tell(tools: SendTools, { accountId, id }: Transaction, news: News): Promise<void> {
  await tools.advancer().tell(accountId, id, news);
}
