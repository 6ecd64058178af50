/**
 * A leg as a whole: what its messages together come to. In the fallback modes a leg is judged by the messages of its first
 * message stage alone, its *leads*: what comes after them in a journey decides nothing (semantics §12).
 */
import { endedBadly, isSettled } from './message.ts';
import type { MessageState } from './message.ts';
import type { Message, Transaction } from './transaction.ts';
import { unreachable } from './unreachable.ts';

/** The messages of a leg, hooks included. */
export function messagesOfLeg({ messages }: Transaction, position: number): Message[] {
  return messages.filter(({ leg }) => leg === position);
}

/** The messages that the leg is judged by. */
export function leadsOfLeg(transaction: Transaction, position: number): Message[] {
  return messagesOfLeg(transaction, position).filter((message) => isLead(transaction, message));
}

/** True for a message by which its leg is judged. */
export function isLead({ legs }: Transaction, { leg, stage }: Message): boolean {
  const { stages } = legs[leg]!;
  return stages === undefined || stages.findIndex(({ kind }) => kind === 'message') === stage;
}

/** True once the leg has had its turn, or will not get one. */
export function hasHadTurn(transaction: Transaction, position: number): boolean {
  const { stages } = transaction.legs[position]!;
  if (stages) return stages[0]!.state.name !== 'pending';
  return messagesOfLeg(transaction, position).some(({ state }) => state.name !== 'pending');
}

/** True once something of the leg has begun: it was not skipped before its turn. */
export function hasBegun({ legs, messages }: Transaction, position: number): boolean {
  if (messages.some(({ leg, facts }) => leg === position && facts.queuedAt !== undefined)) return true;
  return legs[position]!.stages?.some(({ state: { name } }) => name === 'waiting' || name === 'done') ?? false;
}

/** True when nothing more will be handed over for the leg, and no answer or wait is open. */
export function isFinished(transaction: Transaction, position: number): boolean {
  const { stages } = transaction.legs[position]!;
  const isOver = stages?.every(({ state }) => state.name === 'done' || state.name === 'skipped') ?? true;
  return isOver && messagesOfLeg(transaction, position).every(({ state }) => isSettled(state));
}

/** True when the leg hands its chain to the next one: none of its leads can be delivered any more, as far as is known. */
export function legEndedBadly(transaction: Transaction, position: number): boolean {
  return leadsOfLeg(transaction, position).every(({ state }) => endedBadly(state));
}

/** The success criterion of the fallback modes: semantics §2, rows "provider accepted" and "receipt: delivered / read". */
export function legHasLanded(transaction: Transaction, position: number): boolean {
  const { mode, legs } = transaction;
  if (mode === 'all') return false;
  // Another one may be delivered too; the journey that goes on is the first one's.
  if (legs.some(({ hasLanded }) => hasLanded)) return legs[position]!.hasLanded === true;
  return leadsOfLeg(transaction, position).some(({ state: { name } }) => {
    if (name === 'delivered' || name === 'read') return true;
    if (mode !== 'fallback_on_attempt_failure') return false;
    // A receipt of any kind proves that the provider took the message, also one that overtook the provider's answer.
    return name === 'accepted' || name === 'sent' || (name === 'undelivered' && isCurrent(transaction, position));
  });
}

/** No later leg has had its turn. */
function isCurrent(transaction: Transaction, position: number): boolean {
  return !transaction.legs.some((_, other) => other > position && hasHadTurn(transaction, other));
}

/** True once a leg of the chain has landed, whether or not its journey is over. */
export function chainHasLanded(transaction: Transaction): boolean {
  return transaction.legs.some((_, position) => legHasLanded(transaction, position));
}

/**
 * False for a message that must not go out (again) although it is on its way there: the chain has landed with another
 * leg, or its own leg has failed before it.
 */
export function isWanted(transaction: Transaction, message: Message): boolean {
  if (transaction.status.name !== 'running') return false;
  if (transaction.mode === 'all') return true;
  if (chainHasLanded(transaction)) return legHasLanded(transaction, message.leg);
  // The chain has gone on without it, even if one of its leads was accepted after all.
  if (!isCurrent(transaction, message.leg)) return false;
  return isLead(transaction, message) || !legEndedBadly(transaction, message.leg);
}

/** The state a leg is in: that of its lead, or of the one of its leads that came furthest. */
export function legState(transaction: Transaction, position: number): MessageState {
  const [first, ...others] = leadsOfLeg(transaction, position);
  return others.reduce((best, { state }) => (progress(state) > progress(best) ? state : best), first!.state);
}

/** How far a message has come among those of one stage; open ones stand above those that ended badly. */
function progress(state: MessageState): number {
  switch (state.name) {
    case 'skipped':
      return 0;
    case 'rejected':
      return 1;
    case 'undelivered':
      return 2;
    case 'unknown':
      return state.retryAt === null ? 3 : 6;
    case 'unconfirmed':
      return 4;
    case 'pending':
      return 5;
    case 'queued':
      return 6;
    case 'sending':
      return 7;
    case 'accepted':
      return 8;
    case 'sent':
      return 9;
    case 'delivered':
      return 10;
    case 'read':
      return 11;
    default:
      return unreachable(state);
  }
}
