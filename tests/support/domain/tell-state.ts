/** Where a transaction is, on one line. */
import type { Leg, Message, Transaction } from '#domain/transaction.ts';

/**
 * `running: accepted, sending`: the status and the state of each leg's message; a skipped one says its reason. Several
 * messages are joined by `+`, the stages of a journey by ` → `, each with its own state before its messages'.
 */
export function tellState(transaction: Transaction): string {
  const { status, legs, messages } = transaction;
  const late = status.name === 'succeeded' && status.late ? ' late' : '';
  const told = legs.map((leg, position) => {
    return (
      tellStages(
        leg,
        messages.filter((message) => message.leg === position),
      ) + (leg.hasLanded ? ' landed' : '')
    );
  });
  return `${status.name}${late}: ${told.join(', ')}`;
}

function tellStages({ stages }: Leg, messages: Message[]): string {
  if (!stages) return messages.map(tellMessage).join('+');
  const told = stages.map(({ kind, state }, index) => {
    const own = messages.filter(({ stage }) => stage === index).map(tellMessage);
    const name = state.name === 'skipped' ? state.reason : state.name;
    return `${kind === 'message' ? '' : `${kind} `}${name}${own.length === 0 ? '' : `:${own.join('+')}`}`;
  });
  return `(${told.join(' → ')})`;
}

function tellMessage({ state }: Message): string {
  return state.name === 'skipped' ? state.reason : state.name;
}
