/** How a history begins: one transaction whose legs are single messages, several at once, or whole journeys. */
import * as fc from 'fast-check';
import { CONDITIONS } from '#domain/campaign.ts';
import { transactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import { MODES } from '#domain/transaction.ts';
import type { MessagePolicy, Mode, Transaction } from '#domain/transaction.ts';
import { layOut, single } from '../support/domain/legs.ts';
import type { StageSetup } from '../support/domain/legs.ts';

/** How a history begins. */
export interface Setup {
  mode: Mode;
  legs: StageSetup[][];
  ttlMs: number | null;
  /** 0: starts at once. */
  startsInMs: number;
  receiptWindowMs: number;
  throttleWaitMs: number;
  tracksEvent: boolean;
  updatesProfile: boolean;
}

/** When every history begins. */
export const EPOCH: Instant = Date.UTC(2026, 0, 1);
const ID = transactionId(EPOCH, new Uint8Array([1, 2, 3, 4, 5, 6]), 0xbeef);
const HOUR_MS = 3_600_000;

/** The transaction as it is accepted. */
export function transactionOf(setup: Setup): Transaction {
  const startAt = EPOCH + setup.startsInMs;
  return {
    id: ID,
    accountId: 'demo',
    txnId: 'order-1',
    userId: 'u1',
    mode: setup.mode,
    createdAt: EPOCH,
    startAt,
    deadline: setup.ttlMs === null ? null : startAt + setup.ttlMs,
    receiptWindowMs: setup.receiptWindowMs,
    throttleWaitMs: setup.throttleWaitMs,
    tracksEvent: setup.tracksEvent,
    updatesProfile: setup.updatesProfile,
    initialProcessing: 'due',
    status: { name: 'scheduled' },
    ...layOut(setup.legs),
  };
}

const retry = fc.record({
  attempts: fc.integer({ min: 1, max: 4 }),
  backoffMs: fc.constantFrom<number[]>([500, 2_000, 8_000], [100], []),
});
const policy: fc.Arbitrary<MessagePolicy> = fc.record(
  {
    retry,
    receiptTimeoutMs: fc.constantFrom(0, 1_000, 60_000),
    onUnknown: fc.constant('leave' as const),
    receipts: fc.constant('none' as const),
  },
  { requiredKeys: [] },
);
const hookPolicy: fc.Arbitrary<MessagePolicy> = fc.record({ retry }, { requiredKeys: [] });
const waitMs = fc.constantFrom(1, 1_000, 60_000, HOUR_MS);

const messageStage: fc.Arbitrary<StageSetup> = fc.record({
  kind: fc.constant('message' as const),
  messages: fc.array(policy, { minLength: 1, maxLength: 3, size: 'max' }),
});
const oneMessage = fc.tuple(policy).map(([one]) => single(one));
const anyStage: fc.Arbitrary<StageSetup> = fc.oneof(
  { weight: 3, arbitrary: messageStage },
  { weight: 2, arbitrary: oneMessage.map(([stage]) => stage!) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), waitMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hook' as const), policy: hookPolicy }) },
);

const STAGES_MAX = 5;

/** At least one stage has messages; a condition is about one before it. */
const journey: fc.Arbitrary<StageSetup[]> = fc
  .array(fc.tuple(anyStage, fc.nat(0xff)), { minLength: 1, maxLength: STAGES_MAX, size: 'max' })
  .filter((stages) => stages.some(([{ kind }]) => kind === 'message'))
  .map((stages) => {
    return stages.map(([stage, dice], index) => {
      const about = stages.flatMap(([{ kind }], other) => (kind === 'message' && other < index ? [other] : []));
      // Every second one has a condition, where it can have one.
      if (about.length === 0 || dice % 2 === 0) return stage;
      const is = CONDITIONS[(dice >> 1) % CONDITIONS.length]!;
      return { ...stage, when: { stage: about[(dice >> 3) % about.length]!, is } };
    });
  });

/** Half of the histories are of single messages alone. */
const legs = fc.oneof(
  fc.array(oneMessage, { minLength: 1, maxLength: 4, size: 'max' }),
  fc.array(
    fc.oneof(
      oneMessage,
      messageStage.map((stage) => [stage]),
      journey,
      journey,
    ),
    {
      minLength: 1,
      maxLength: 3,
      size: 'max',
    },
  ),
);

/** Any beginning. */
export const setups: fc.Arbitrary<Setup> = fc.record({
  mode: fc.constantFrom(...MODES),
  legs,
  ttlMs: fc.constantFrom(null, 1_000, 5_000, 120_000),
  startsInMs: fc.constantFrom(0, 0, 0, 10_000),
  receiptWindowMs: fc.constantFrom(72 * HOUR_MS, 30_000),
  throttleWaitMs: fc.constantFrom(5_000, 0),
  tracksEvent: fc.boolean(),
  updatesProfile: fc.boolean(),
});
