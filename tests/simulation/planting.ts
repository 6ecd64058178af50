/** How a fault is planted in the core: what it is told, or what it answers, is changed. */
import { dueAt } from '#domain/timers.ts';
import { advance } from '#domain/transaction.ts';
import type {
  Advance,
  EndName,
  Message,
  MessagePolicy,
  News,
  Stage,
  Transaction,
  TransactionStatus,
} from '#domain/transaction.ts';
import type { Core } from './world.ts';

/** A core that does one thing wrong. */
export interface Fault {
  /** The rule that must catch it, alone: one of the invariants, or what `world.ts` sees to. */
  rule: string;
  core: () => Core;
}

type Advancing = Core['advance'];

export const wrong = (faulty: Advancing): Core => ({ advance: faulty, dueAt });

/** Decides as if the transaction were another one, and hides that. */
export function disguised(
  disguise: (transaction: Transaction) => Transaction,
  undo: (from: Transaction, to: Transaction) => Transaction,
): Core {
  const faulty: Advancing = (transaction, news, now) => {
    const result = advance(disguise(transaction), news, now);
    return { ...result, transaction: undo(transaction, result.transaction) };
  };
  return { advance: faulty, dueAt: (transaction) => dueAt(disguise(transaction)) };
}

/** Decides as if these messages had another policy. */
export function withPolicy(policyOf: (message: Message) => MessagePolicy): Core {
  return disguised(
    (transaction) => ({
      ...transaction,
      messages: transaction.messages.map((message) => ({ ...message, policy: policyOf(message) })),
    }),
    (from, to) => ({
      ...to,
      messages: to.messages.map((message, index) => ({ ...message, policy: from.messages[index]!.policy })),
    }),
  );
}

/** Changes what `advance` answered. */
export function amended(amend: (result: Advance, before: Transaction, news: News) => Advance): Core {
  return wrong((transaction, news, now) => amend(advance(transaction, news, now), transaction, news));
}

/** Changes the messages that `advance` answered. */
export function withMessages(result: Advance, change: (message: Message, index: number) => Message): Advance {
  return { ...result, transaction: { ...result.transaction, messages: result.transaction.messages.map(change) } };
}

/** Changes the stages that `advance` answered. */
export function withStages(result: Advance, change: (stage: Stage, leg: number, at: number) => Stage): Advance {
  const legs = result.transaction.legs.map((leg, position) => {
    return leg.stages ? { ...leg, stages: leg.stages.map((stage, at) => change(stage, position, at)) } : leg;
  });
  return { ...result, transaction: { ...result.transaction, legs } };
}

/** Ends what `advance` answered. */
export function ended(result: Advance, name: EndName, now: number): Advance {
  const status: TransactionStatus = name === 'succeeded' ? { name, endedAt: now, late: false } : { name, endedAt: now };
  const effects = [...result.effects.filter(({ kind }) => kind !== 'end'), { kind: 'end' as const }];
  return { ...result, effects, changed: true, transaction: { ...result.transaction, status } };
}

/** Nothing happens. */
export function nothing(transaction: Transaction): Advance {
  return { transaction, effects: [], entries: [], changed: false };
}

/** True after an end. */
export const isOver = ({ name }: TransactionStatus) => name !== 'scheduled' && name !== 'running';
