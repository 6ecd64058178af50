/** Random histories of one transaction: whatever happens to it, the rules of docs/semantics.md hold after every step. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as fc from 'fast-check';
import { MODES, advance } from '#domain/transaction.ts';
import { dueAt } from '#domain/timers.ts';
import { FAULTS } from './faults.ts';
import { INVARIANTS, restFault } from './invariants.ts';
import { act, begin, settle, tellStory } from './world.ts';
import type { Core, Moment, Setup, World } from './world.ts';

/** More with `CAROM_SIMULATION_RUNS=2000000 npm test -- simulation`; a failure prints its seed and path. */
const RUNS = Number(process.env.CAROM_SIMULATION_RUNS ?? 20_000);
/** To see the same histories again: the seed that a failure printed. */
const SEED = process.env.CAROM_SIMULATION_SEED === undefined ? {} : { seed: Number(process.env.CAROM_SIMULATION_SEED) };
/** A planted fault must be found within so many histories. */
const FAULT_RUNS_MAX = 20_000;
const STEPS_MAX = 30;

const policy = fc.record(
  {
    retry: fc.record({
      attempts: fc.integer({ min: 1, max: 4 }),
      backoffMs: fc.constantFrom<number[]>([500, 2_000, 8_000], [100], []),
    }),
    receiptTimeoutMs: fc.constantFrom(0, 1_000, 60_000),
    onUnknown: fc.constant('leave' as const),
    receipts: fc.constant('none' as const),
  },
  { requiredKeys: [] },
);
const setup: fc.Arbitrary<Setup> = fc.record({
  mode: fc.constantFrom(...MODES),
  legs: fc.array(policy, { minLength: 1, maxLength: 4, size: 'max' }),
  ttlMs: fc.constantFrom(null, 1_000, 5_000, 120_000),
  startsInMs: fc.constantFrom(0, 0, 0, 10_000),
  receiptWindowMs: fc.constantFrom(72 * 3_600_000, 30_000),
  throttleWaitMs: fc.constantFrom(5_000, 0),
  tracksEvent: fc.boolean(),
  updatesProfile: fc.boolean(),
});
const choices = fc.array(fc.nat(0xffff), { maxLength: STEPS_MAX, size: 'max' });

const REST = 'every history comes to rest';
/** Kept by the world itself: every transaction is deeply frozen. */
const FROZEN = 'the argument is not changed';
const RULES = [...Object.keys(INVARIANTS), REST];

/** Lives one history to its end, under the named rules. */
function live(core: Core, start: Setup, steps: number[], rules = RULES): World {
  const world = begin(core, start, (now, moment) => checkRules(now, moment, rules));
  for (const choice of steps) act(world, choice);
  const fault = settle(world, steps.length) ? restFault(world) : 'it does not';
  if (fault !== null && rules.includes(REST)) throw new Error(`${REST}: ${fault}\n${tellStory(world)}`);
  return world;
}

function checkRules(world: World, moment: Moment, rules: string[]): void {
  for (const rule of rules) {
    const fault = INVARIANTS[rule]?.(world, moment) ?? null;
    if (fault !== null) throw new Error(`${rule}: ${fault}\n${tellStory(world)}`);
  }
}

describe('histories', () => {
  test(`${RUNS} random histories keep every rule`, () => {
    const seen = new Set<string>();
    const property = fc.property(setup, choices, (start, steps) => {
      for (const { news, result } of live({ advance, dueAt }, start, steps).history) {
        seen.add(news.kind);
        const { status, legs } = result.transaction;
        seen.add(status.name === 'succeeded' && status.late ? 'succeeded-late' : status.name);
        for (const { state } of legs) seen.add(state.name === 'skipped' ? state.reason : state.name);
      }
    });
    fc.assert(property, { numRuns: RUNS, ...SEED });
    const missing = REACHED.split(' ').filter((word) => !seen.has(word));
    assert.deepEqual(missing, [], 'the histories never came here: they prove less than they should');
  });
});

/** What a run must have met, or its silence means nothing. */
const REACHED =
  'started accepted rejected throttled unknown skipped receipt timer cancelled rescued ' +
  'completed succeeded succeeded-late failed expired unconfirmed cancelled ' +
  'pending queued sending accepted sent delivered read undelivered unconfirmed ' +
  'chain_succeeded ttl_expired campaign_not_running no_address';

describe('a planted fault is caught', () => {
  for (const [name, { rule, core }] of Object.entries(FAULTS)) {
    test(`${name}: ${rule}`, () => {
      const faulty = core();
      const property = fc.property(setup, choices, (start, steps) => void live(faulty, start, steps, [rule]));
      const found = fc.check(property, { numRuns: FAULT_RUNS_MAX, endOnFailure: true });
      assert.ok(found.failed, `not found in ${FAULT_RUNS_MAX} histories`);
      assert.match(
        String(found.errorInstance),
        rule === FROZEN ? /read only property/ : new RegExp(`^Error: ${rule}: `),
      );
    });
  }

  test('for every rule one', () => {
    const proved = new Set(Object.values(FAULTS).map(({ rule }) => rule));
    assert.deepEqual([...proved].toSorted(), [...RULES, FROZEN].toSorted());
  });
});
