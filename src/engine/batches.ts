/** Batches: accepting, expanding, ending, and what can be told to them. */
import type { Account } from '#domain/account.ts';
import { startOf } from '#domain/batch.ts';
import type { Batch, BatchRequest, BatchVerb, Recipient } from '#domain/batch.ts';
import type { AccountId, BatchId } from '#domain/ids.ts';
import { unreachable } from '#domain/unreachable.ts';
import { acceptBatch } from './batch-accept.ts';
import type { BatchResult } from './batch-accept.ts';
import { startEndingBatches } from './batch-end.ts';
import type { EndTools } from './batch-end.ts';
import { startExpanding } from './batch-expand.ts';
import type { ExpandTools } from './batch-expand.ts';

/** What became of a verb; null: there is no such batch. `message` is for the client. */
export type TurnOutcome = { kind: 'done'; batch: Batch } | { kind: 'conflict'; message: string } | null;

/** The batches of a node. */
export interface Batches {
  accept(account: Account, request: BatchRequest, recipients: Recipient[], key?: string | null): Promise<BatchResult>;
  turn(accountId: AccountId, id: BatchId, verb: BatchVerb): Promise<TurnOutcome>;
  /** Recipients that were accepted, and those whose turn has come, on this node since its start. */
  counters(): { accepted: number; expanded: number };
  /** Resolves when no page is in hand any more. */
  stop(): Promise<void>;
}

/** Starts the work. `works`: whether this node expands and ends batches; accepting it always can. */
export function startBatches(tools: ExpandTools & EndTools & { works: boolean }): Batches {
  const { batches, clock } = tools;
  const ender = tools.works ? startEndingBatches(tools) : null;
  const expander = ender && startExpanding(tools, ender.hurry);
  let accepted = 0;
  return {
    accept: async (account, request, recipients, key = null) => {
      const result = await acceptBatch(tools, account, request, recipients, key);
      if (result.kind === 'accepted') {
        accepted += result.batch.total;
        expander?.at(startOf(result.batch));
      }
      return result;
    },
    turn: async (accountId, id, verb) => {
      const batch = await batches.turn(accountId, id, verb, clock.now());
      if (!batch) return null;
      expander?.hurry();
      ender?.hurry();
      if (batch.state === STATE_AFTER[verb]) return { kind: 'done', batch };
      return { kind: 'conflict', message: whyNot(verb, batch) };
    },
    counters: () => ({ accepted, expanded: expander?.expanded() ?? 0 }),
    stop: async () => {
      await Promise.all([expander?.stop(), ender?.stop()]);
    },
  };
}

const STATE_AFTER = { pause: 'paused', resume: 'running', cancel: 'cancelled' } as const;

function whyNot(verb: BatchVerb, { state }: Batch): string {
  switch (verb) {
    case 'pause':
      return state === 'running'
        ? 'all transactions of the batch have been made already; to stop them, cancel it'
        : `the batch is ${state}; only a running one can be paused`;
    case 'resume':
      return `the batch is ${state}; only a paused one can be resumed`;
    case 'cancel':
      return `the batch has ended already; what was sent cannot be recalled`;
    default:
      return unreachable(verb);
  }
}
