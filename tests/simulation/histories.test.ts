/** Random histories of one transaction: whatever happens to it, the rules of docs/semantics.md hold after every step. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import * as fc from 'fast-check';
import { advance } from '#domain/transaction.ts';
import { dueAt } from '#domain/timers.ts';
import { FAULTS } from './faults.ts';
import { INVARIANTS, restFault } from './invariants.ts';
import { setups } from './setup.ts';
import type { Setup } from './setup.ts';
import { tellStory } from './story.ts';
import { act, begin, settle } from './world.ts';
import type { Core, Moment, World } from './world.ts';

/** More with `CAROM_SIMULATION_RUNS=2000000 npm test -- simulation`; a failure prints its seed and path. */
const RUNS = Number(process.env.CAROM_SIMULATION_RUNS ?? 20_000);
/** To see the same histories again: the seed that a failure printed. */
const SEED = process.env.CAROM_SIMULATION_SEED === undefined ? {} : { seed: Number(process.env.CAROM_SIMULATION_SEED) };
/** A planted fault must be found within so many histories. */
const FAULT_RUNS_MAX = 20_000;
const STEPS_MAX = 40;

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
    const property = fc.property(setups, choices, (start, steps) => {
      for (const { news, result } of live({ advance, dueAt }, start, steps).history) {
        seen.add(news.kind);
        const { status, legs, messages } = result.transaction;
        seen.add(status.name === 'succeeded' && status.late ? 'succeeded-late' : status.name);
        for (const { state, facts } of messages) {
          seen.add(state.name === 'skipped' ? state.reason : state.name);
          if (facts.failovers) seen.add('refused-elsewhere');
          if (facts.passed) seen.add(`passed-${facts.passed.length}`);
          if (facts.answerLost && facts.passed) seen.add('passed-lost');
        }
        for (const { stages = [], hasLanded } of legs) {
          if (hasLanded) seen.add('landed');
          for (const { kind, state } of stages)
            seen.add(`${kind}-${state.name === 'skipped' ? state.reason : state.name}`);
        }
      }
    });
    fc.assert(property, { numRuns: RUNS, ...SEED });
    const missing = REACHED.split(' ').filter((word) => !seen.has(word));
    assert.deepEqual(missing, [], 'the histories never came here: they prove less than they should');
  });
});

/** What a run must have met, or its silence means nothing. */
const REACHED =
  'started accepted rejected throttled paced unknown skipped receipt machine_receipt timer cancelled rescued ' +
  'completed succeeded succeeded-late failed expired unconfirmed cancelled ' +
  'pending queued sending accepted sent delivered read undelivered unconfirmed ' +
  'chain_succeeded ttl_expired campaign_not_running no_address condition_false landed ' +
  'refused-elsewhere passed-1 passed-2 passed-lost ' +
  'message-pending message-running message-done message-ttl_expired message-cancelled message-chain_succeeded ' +
  'message-condition_false hook-running hook-done hook-ttl_expired hook-cancelled hook-chain_succeeded ' +
  'hook-condition_false wait-waiting wait-done wait-ttl_expired wait-cancelled wait-chain_succeeded wait-condition_false';

describe('a planted fault is caught', () => {
  for (const [name, { rule, core }] of Object.entries(FAULTS)) {
    test(`${name}: ${rule}`, () => {
      const faulty = core();
      const property = fc.property(setups, choices, (start, steps) => void live(faulty, start, steps, [rule]));
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
