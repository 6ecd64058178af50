/** How the rules read a transaction: by themselves, so that a mistake of the core is not shared. */
import { endedBadly, isSettled } from '#domain/message.ts';
import type { MessageState } from '#domain/message.ts';
import type { Message, Stage, Transaction } from '#domain/transaction.ts';

export const isOpen = ({ status }: Transaction) => status.name === 'running' || status.name === 'scheduled';
export const isChain = ({ mode }: Transaction) => mode !== 'all';
export const isUp = ({ name }: MessageState) => name === 'delivered' || name === 'read';
/** Waits to be sent for the first time or again. */
export const waits = ({ state }: Message) => !isSettled(state) && state.name !== 'sending';
/** Its turn has not come, or its time is not up. */
export const isAhead = ({ state }: Stage) => state.name === 'pending' || state.name === 'waiting';
export const isOver = ({ state }: Stage) => state.name === 'done' || state.name === 'skipped';
export const wasCut = ({ state }: Message | Stage) => state.name === 'skipped' && state.reason === 'ttl_expired';

/** The positions of the legs. */
export function positions({ legs }: Transaction): number[] {
  return [...legs.keys()];
}

/** The messages and hooks of a leg. */
export function ofLeg({ messages }: Transaction, leg: number): Message[] {
  return messages.filter((message) => message.leg === leg);
}

/** The messages and hooks of a stage. */
export function ofStage({ messages }: Transaction, leg: number, stage: number): Message[] {
  return messages.filter((message) => message.leg === leg && message.stage === stage);
}

/** The messages that a leg of a chain is judged by: those of its first stage that has any. */
export function leads(transaction: Transaction, leg: number): Message[] {
  const own = ofLeg(transaction, leg).filter(({ isHook }) => !isHook);
  return own.filter(({ stage }) => stage === own[0]!.stage);
}

/** True for one of them. */
export function isLead(transaction: Transaction, message: Message): boolean {
  return leads(transaction, message.leg).includes(message);
}

/** True once the leg has been triggered. */
export function hasStarted(transaction: Transaction, leg: number): boolean {
  const { stages } = transaction.legs[leg]!;
  const began = stages?.some(({ state }) => state.name !== 'pending' && state.name !== 'skipped') ?? false;
  return began || ofLeg(transaction, leg).some(({ facts }) => facts.queuedAt !== undefined);
}

/** The last leg that has been triggered; -1: none. */
export function currentLeg(transaction: Transaction): number {
  return positions(transaction).findLastIndex((leg) => hasStarted(transaction, leg));
}

/** True when none of the messages that the leg is judged by can arrive any more, as far as is known. */
export function hasFailed(transaction: Transaction, leg: number): boolean {
  return leads(transaction, leg).every(({ state }) => endedBadly(state));
}

/** The success criterion of the fallback modes (semantics §2), for one leg. */
export function landsWith(transaction: Transaction, leg: number): boolean {
  const states = leads(transaction, leg).map(({ state }) => state);
  if (states.some(isUp)) return isChain(transaction);
  return (
    transaction.mode === 'fallback_on_attempt_failure' &&
    states.some(({ name }) => name === 'accepted' || name === 'sent')
  );
}

/** Deep equality of plain values; `undefined` members count. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let keys = 0;
  for (const key in left) {
    keys += 1;
    if (!same(left[key], right[key])) return false;
  }
  for (const _ in right) keys -= 1;
  return keys === 0;
}
