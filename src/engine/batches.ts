/** Batches: accepting, expanding, ending, and what can be told to them. */
import type { Account } from '#domain/account.ts';
import { startOf } from '#domain/batch.ts';
import type { Batch, BatchRequest, BatchVerb, Recipient } from '#domain/batch.ts';
import type { AccountId, BatchId } from '#domain/ids.ts';
import { unreachable } from '#domain/unreachable.ts';
import { acceptAnswered } from './answered-calls.ts';
import type { AnsweredCallTools, AnsweredResult, Answering } from './answered-calls.ts';
import { acceptBatch } from './batch-accept.ts';
import type { BatchResult } from './batch-accept.ts';
import { startEndingBatches } from './batch-end.ts';
import type { EndTools } from './batch-end.ts';
import { startExpanding } from './batch-expand.ts';
import type { ExpandTools } from './batch-expand.ts';
import { acceptUpload } from './batch-upload.ts';
import type { RecipientFile, UploadTools } from './batch-upload.ts';
import { acceptSendouts } from './sendouts.ts';
import type { SendoutGroup, SendoutResult, SendoutTools } from './sendouts.ts';

/** What became of a verb; null: there is no such batch. `message` is for the client. */
export type TurnOutcome = { kind: 'done'; batch: Batch } | { kind: 'conflict'; message: string } | null;

/** The batches of a node. */
export interface Batches {
  accept(account: Account, request: BatchRequest, recipients: Recipient[], key?: string | null): Promise<BatchResult>;
  /** The same from a file, however large. */
  upload(account: Account, request: BatchRequest, file: RecipientFile, key?: string | null): Promise<BatchResult>;
  /** Accepts several batches at once, each of one version of a campaign; all or none. */
  acceptSendouts(account: Account, groups: SendoutGroup[]): Promise<SendoutResult>;
  /** Accepts a batch, which may be of nobody, with the answer that a repeat of the call gets. */
  acceptAnswered(
    account: Account,
    request: BatchRequest,
    recipients: Recipient[],
    answering: Answering,
  ): Promise<AnsweredResult>;
  turn(accountId: AccountId, id: BatchId, verb: BatchVerb): Promise<TurnOutcome>;
  /** Recipients that were accepted, and those whose turn has come, on this node since its start. */
  counters(): { accepted: number; expanded: number };
  /** Resolves when no page is in hand any more. */
  stop(): Promise<void>;
}

/** Starts the work. `works`: whether this node expands and ends batches; accepting it always can. */
export function startBatches(
  tools: ExpandTools & EndTools & SendoutTools & UploadTools & AnsweredCallTools & { works: boolean },
): Batches {
  const { batches, clock } = tools;
  const ender = tools.works ? startEndingBatches(tools) : null;
  const expander = ender && startExpanding(tools, ender.hurry);
  let accepted = 0;

  function note(batch: Batch): void {
    accepted += batch.total;
    expander?.at(startOf(batch));
  }

  return {
    accept: async (account, request, recipients, key = null) => {
      const result = await acceptBatch(tools, account, request, recipients, key);
      if (result.kind === 'accepted') note(result.batch);
      return result;
    },
    upload: async (account, request, file, key = null) => {
      const result = await acceptUpload(tools, account, request, file, key);
      if (result.kind === 'accepted') note(result.batch);
      return result;
    },
    acceptSendouts: async (account, groups) => {
      const result = await acceptSendouts(tools, account, groups);
      if (result.kind === 'accepted') for (const { batch } of result.sendouts) if (batch) note(batch);
      return result;
    },
    acceptAnswered: async (account, request, recipients, answering) => {
      const result = await acceptAnswered(tools, account, request, recipients, answering);
      if (result.kind === 'accepted' && result.batch) note(result.batch);
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
