/** A vendor's answer and receipts reach us in any order; what they come to must not depend on it. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as fc from 'fast-check';
import { isPositive } from '#domain/message.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { dueAt } from '#domain/timers.ts';
import { MODES, advance } from '#domain/transaction.ts';
import type { MessagePolicy, News } from '#domain/transaction.ts';
import type { StageSetup } from '../support/domain/legs.ts';
import type { Setup } from './setup.ts';
import { tellStory } from './story.ts';
import { begin, giveAnswer, giveReceipt, tell } from './world.ts';
import type { Core } from './world.ts';

const CORE: Core = { advance, dueAt };
const RUNS = Number(process.env.CAROM_SIMULATION_RUNS ?? 20_000) / 10;

/** What vendors that keep to their own documents report about one message they took, duplicates aside. */
const LEGAL: ReceiptStatus[][] = [
  [],
  ['accepted'],
  ['sent'],
  ['sent', 'delivered'],
  ['accepted', 'sent', 'delivered', 'read'],
  ['delivered', 'opened', 'clicked'],
  ['delivered', 'opened', 'unsubscribed'],
  ['undelivered'],
  ['accepted', 'sent', 'undelivered'],
  ['undelivered', 'delivered'],
];

const policy = fc.constantFrom<MessagePolicy>({}, { receiptTimeoutMs: 60_000 });
/** A leg of one or two messages. */
const messages = fc
  .array(policy, { minLength: 1, maxLength: 2 })
  .map((policies): StageSetup[] => [{ kind: 'message', messages: policies }]);
const setup: fc.Arbitrary<Setup> = fc.record({
  mode: fc.constantFrom(...MODES),
  legs: fc.array(messages, { minLength: 1, maxLength: 3 }),
  ttlMs: fc.constantFrom(null, 60_000),
  startsInMs: fc.constant(0),
  receiptWindowMs: fc.constant(72 * 3_600_000),
  throttleWaitMs: fc.constant(5_000),
  tracksEvent: fc.boolean(),
  updatesProfile: fc.boolean(),
});

/** Where one order of the same news leads: every other message is refused. */
function outcome(core: Core, start: Setup, order: News[]): { names: string[]; story: string } {
  const world = begin(core, start, () => undefined);
  for (const news of order) {
    if (news.kind === 'receipt') giveReceipt(world, 0, news.status);
    else giveAnswer(world, news);
  }
  for (let message = 1; message < world.transaction.messages.length; message++) {
    if (world.transaction.messages[message]!.state.name !== 'sending') continue;
    tell(world, { kind: 'rejected', message, attempt: 1, reason: 'blocked', retryable: false });
  }
  const { status, messages } = world.transaction;
  return { names: [status.name, messages[0]!.state.name], story: tellStory(world) };
}

function assertSameOutcome(core: Core, start: Setup, answer: News, statuses: ReceiptStatus[], keys: number[]): void {
  const news: News[] = [
    answer,
    ...statuses.map((status): News => ({ kind: 'receipt', message: 0, status, reason: null })),
  ];
  const keyOf = new Map(news.map((one, index) => [one, keys[index % keys.length]! + index / 100]));
  const shuffled = news.toSorted((one, other) => keyOf.get(one)! - keyOf.get(other)!);
  const [inOrder, mixed] = [outcome(core, start, news), outcome(core, start, shuffled)];
  assert.deepEqual(mixed.names, inOrder.names, `${inOrder.story}\n\nbut\n\n${mixed.story}`);
}

describe('the order of a provider’s words does not matter', () => {
  const keys = fc.array(fc.nat(9), { minLength: 6, maxLength: 6, size: 'max' });
  const doubled = fc
    .tuple(fc.constantFrom(...LEGAL), fc.boolean())
    .map(([legal, twice]) => (twice ? [...legal, ...legal] : legal));

  const accepted: News = { kind: 'accepted', message: 0, attempt: 1, ref: 'r' };
  const afterAcceptance = (core: Core) =>
    fc.property(setup, doubled, keys, (start, statuses, order) => {
      assertSameOutcome(core, start, accepted, statuses, order);
    });

  test('when it accepted', () => {
    fc.assert(afterAcceptance(CORE), { numRuns: RUNS });
  });

  test('when its answer was lost and the message delivered', () => {
    const lost: News = { kind: 'unknown', message: 0, attempt: 1, reason: 'timeout' };
    const delivered = doubled.filter((statuses) => statuses.some(isPositive));
    const property = fc.property(setup, delivered, keys, (start, statuses, order) => {
      assertSameOutcome(CORE, start, lost, statuses, order);
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('and a core that does not listen while it sends is found out', () => {
    const deaf: Core['advance'] = (transaction, news, now) => {
      const isEarly = news.kind === 'receipt' && transaction.messages[news.message]!.state.name === 'sending';
      return advance(transaction, isEarly ? { kind: 'timer' } : news, now);
    };
    assert.ok(fc.check(afterAcceptance({ advance: deaf, dueAt }), { endOnFailure: true }).failed);
  });
});
