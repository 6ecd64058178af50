/** Legs as tests name them: single messages, several at once, or whole journeys. */
import type { When } from '#domain/campaign.ts';
import type { Leg, Message, MessagePolicy, Stage, Transaction } from '#domain/transaction.ts';

/** One step of a leg's journey. */
export type StageSetup = { when?: When } & (
  | { kind: 'message'; messages: MessagePolicy[] }
  | { kind: 'hook'; policy: MessagePolicy }
  | { kind: 'wait'; waitMs: number }
);

/** A leg of a single message. */
export const single = (policy: MessagePolicy): StageSetup[] => [{ kind: 'message', messages: [policy] }];

/** The legs and their messages as they are accepted; campaigns are `c0`, `c1`, … */
export function layOut(legs: StageSetup[][]): Pick<Transaction, 'legs' | 'messages'> {
  return {
    legs: legs.map(legOf),
    messages: legs.flatMap((stages, leg) => stages.flatMap((stage, index) => messagesOf(stage, leg, index))),
  };
}

function legOf(stages: StageSetup[], position: number): Leg {
  const leg = { campaignId: `c${position}`, campaignVersion: position + 1 };
  const isSingle = stages.length === 1 && stages[0]!.kind === 'message';
  return isSingle ? leg : { ...leg, stages: stages.map(stageOf) };
}

function stageOf({ when, ...stage }: StageSetup): Stage {
  const rest = { ...(when && { when }), state: { name: 'pending' } } as const;
  return stage.kind === 'wait' ? { kind: 'wait', waitMs: stage.waitMs, ...rest } : { kind: stage.kind, ...rest };
}

function messagesOf(setup: StageSetup, leg: number, stage: number): Message[] {
  const message = (policy: MessagePolicy): Message => {
    return { leg, stage, policy, state: { name: 'pending' }, facts: { attempts: 0 } };
  };
  if (setup.kind === 'message') return setup.messages.map(message);
  return setup.kind === 'hook' ? [{ ...message(setup.policy), isHook: true }] : [];
}
