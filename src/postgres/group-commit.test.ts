import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';
import { groupCommit } from './group-commit.ts';
import type { GroupCommitOptions } from './group-commit.ts';

/** Resolves when everything that was ready to run has run. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const AWAY = new StoreUnavailableError('away');

/** A database that is told when to answer. */
interface Slow {
  commit: (item: string) => Promise<string>;
  /** The batches it was given, in order. */
  batches: string[][];
  /** Answers the batch under way: each item in capitals, or the error. */
  answer(error?: Error): Promise<void>;
}

function slow(options: Partial<GroupCommitOptions<string, string>> = {}): Slow {
  const batches: string[][] = [];
  let answer: ((error?: Error) => void) | null = null;
  const run = (items: string[]) => {
    assert.equal(answer, null, 'two batches are in flight');
    batches.push(items);
    return new Promise<string[]>((resolve, reject) => {
      answer = (error) => (error ? reject(error) : resolve(items.map((item) => item.toUpperCase())));
    });
  };
  return {
    commit: groupCommit({ run, ...options }),
    batches,
    answer: async (error) => {
      assert(answer, 'no batch is in flight');
      const now = answer;
      answer = null;
      now(error);
      await turn();
    },
  };
}

/** A database that answers at once, and refuses what is poisoned. */
function quick(fails: (items: string[], runs: number) => Error | null): {
  commit: Slow['commit'];
  batches: string[][];
} {
  const batches: string[][] = [];
  const run = async (items: string[]) => {
    batches.push(items);
    const error = fails(items, batches.length);
    if (error) throw error;
    return items.map((item) => item.toUpperCase());
  };
  return { commit: groupCommit({ run }), batches };
}

const kinds = (outcomes: PromiseSettledResult<string>[]) => outcomes.map(({ status }) => status);

test('an idle system adds no delay: the item goes out in the same turn of the event loop', async () => {
  const { commit, batches, answer } = slow();
  const one = commit('a');
  await turn();
  assert.deepEqual(batches, [['a']]);
  await answer();
  assert.equal(await one, 'A');
});

test('what arrives together shares a batch; what arrives meanwhile forms the next one', async () => {
  const { commit, batches, answer } = slow();
  const first = ['a', 'b'].map(commit);
  await turn();
  const next = ['c', 'd', 'e'].map(commit);
  await turn();
  assert.deepEqual(batches, [['a', 'b']]);
  await answer();
  assert.deepEqual(batches, [
    ['a', 'b'],
    ['c', 'd', 'e'],
  ]);
  await answer();
  assert.deepEqual(await Promise.all([...first, ...next]), ['A', 'B', 'C', 'D', 'E']);
});

test('a batch is never larger than its limit, and none is forgotten', async () => {
  const { commit, batches, answer } = slow({ batchMax: 2 });
  const all = ['a', 'b', 'c', 'd', 'e'].map(commit);
  await turn();
  for (let runs = 0; runs < 3; runs++) await answer();
  assert.deepEqual(batches, [['a', 'b'], ['c', 'd'], ['e']]);
  assert.deepEqual(await Promise.all(all), ['A', 'B', 'C', 'D', 'E']);
});

test('items of one key follow each other in batches of their own; others do not wait for them', async () => {
  const { commit, batches, answer } = slow({ key: (item) => item[0]!, batchMax: 3 });
  const all = ['a1', 'a2', 'b1', 'a3', 'c1', 'b2', 'd1'].map(commit);
  await turn();
  for (let runs = 0; runs < 3; runs++) await answer();
  assert.deepEqual(batches, [['a1', 'b1', 'c1'], ['a2', 'b2', 'd1'], ['a3']]);
  await Promise.all(all);
});

test('of 500 items the poisoned one fails alone, after few tries', async () => {
  const { commit, batches } = quick((items) => (items.includes('poison') ? new Error('poisoned') : null));
  const items = Array.from({ length: 500 }, (_, index) => (index === 321 ? 'poison' : `item ${index}`));
  const outcomes = await Promise.allSettled(items.map(commit));
  assert.deepEqual(
    kinds(outcomes),
    items.map((item) => (item === 'poison' ? 'rejected' : 'fulfilled')),
  );
  assert.match(String((outcomes[321] as PromiseRejectedResult).reason), /poisoned/);
  // Two for each halving.
  assert(batches.length <= 1 + 2 * 9, `${batches.length} batches`);
  assert.deepEqual(batches.flat().filter((item) => item === items[0]).length, 2);
});

test('a database that is away fails the batch at once, and is asked again by the next one', async () => {
  const { commit, batches } = quick((_, runs) => (runs === 1 ? AWAY : null));
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(commit));
  for (const outcome of outcomes) assert.equal((outcome as PromiseRejectedResult).reason, AWAY);
  assert.equal(batches.length, 1);
  assert.equal(await commit('d'), 'D');
});

test('a database that goes away while a batch is repeated in parts fails the rest untried', async () => {
  const { commit, batches } = quick((items, runs) => {
    if (runs >= 4) return AWAY;
    return items.includes('poison') ? new Error('poisoned') : null;
  });
  const outcomes = await Promise.allSettled(['a', 'poison', 'b', 'c', 'd', 'e', 'f', 'g'].map(commit));
  assert.equal(batches.length, 4);
  assert(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === AWAY));
});

test('a run that throws instead of rejecting is an error like any other', async () => {
  const commit = groupCommit<string, string>({
    run: () => {
      throw new Error('thrown');
    },
  });
  await assert.rejects(commit('a'), /thrown/);
  await assert.rejects(commit('b'), /thrown/);
});

test('over the limit of waiting items a call is refused, not queued; later ones are taken again', async () => {
  const { commit, batches, answer } = slow({ waitingMax: 3 });
  const first = commit('a');
  await turn();
  const waiting = ['b', 'c', 'd'].map(commit);
  await assert.rejects(commit('e'), OverloadedError);
  await answer();
  const later = commit('f');
  await answer();
  await answer();
  assert.deepEqual(batches, [['a'], ['b', 'c', 'd'], ['f']]);
  assert.deepEqual(await Promise.all([first, ...waiting, later]), ['A', 'B', 'C', 'D', 'F']);
});

/** What happens at one moment: items arrive, or the loop turns so many times. */
type Moment = { key: string; poisoned: boolean }[] | number;
const moment: fc.Arbitrary<Moment> = fc.oneof(
  fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), poisoned: fc.boolean() }), { maxLength: 8 }),
  fc.nat({ max: 3 }),
);

test('whatever arrives whenever: each item is written once, in its key’s order, in batches as promised', async () => {
  const holds = async (moments: Moment[], batchMax: number, turns: number, keyed: boolean) => {
    interface Item {
      key: string;
      number: number;
      poisoned: boolean;
    }
    let arrived = 0;
    let inFlight = 0;
    const written: Item[] = [];
    const commit = groupCommit<Item, number>({
      batchMax,
      ...(keyed && { key: (item: Item) => item.key }),
      run: async (items) => {
        assert.equal(++inFlight, 1);
        assert(items.length > 0 && items.length <= batchMax);
        if (keyed) assert.equal(new Set(items.map(({ key }) => key)).size, items.length);
        for (let each = 0; each < turns; each++) await turn();
        inFlight -= 1;
        if (items.some(({ poisoned }) => poisoned)) throw new Error('poisoned');
        written.push(...items);
        return items.map(({ number }) => number);
      },
    });
    const results: Promise<void>[] = [];
    for (const happens of moments) {
      if (typeof happens === 'number') for (let each = 0; each < happens; each++) await turn();
      else {
        for (const given of happens) {
          const item = { ...given, number: arrived++ };
          const result = commit(item);
          results.push(
            item.poisoned
              ? assert.rejects(result, /poisoned/)
              : result.then((number) => assert.equal(number, item.number)),
          );
        }
      }
    }
    await Promise.all(results);
    assert.equal(new Set(written).size, written.length);
    const healthy = moments
      .flatMap((happens) => (typeof happens === 'number' ? [] : happens))
      .filter((item) => !item.poisoned);
    assert.equal(written.length, healthy.length);
    for (const key of ['a', 'b', 'c', 'd']) {
      const numbers = written.filter((item) => item.key === key).map(({ number }) => number);
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
    }
  };
  const moments = fc.array(moment, { maxLength: 30 });
  await fc.assert(fc.asyncProperty(moments, fc.integer({ min: 1, max: 6 }), fc.nat({ max: 2 }), fc.boolean(), holds), {
    numRuns: 300,
  });
});

test('what waits behind a batch that hangs is refused, and so is what comes then, until it is answered', async () => {
  const { commit, batches, answer } = slow({ stallMs: 20 });
  const hanging = commit('a');
  await turn();
  await assert.rejects(commit('b'), StoreUnavailableError);
  await assert.rejects(commit('c'), StoreUnavailableError);
  await answer();
  assert.equal(await hanging, 'A');
  const later = commit('d');
  await turn();
  await answer();
  assert.equal(await later, 'D');
  assert.deepEqual(batches, [['a'], ['d']]);
});

test('the callers of a batch that hangs are told too, where somebody else will find what it did', async () => {
  const { commit, answer } = slow({ stallMs: 20, abandonsStalled: true });
  await assert.rejects(commit('a'), StoreUnavailableError);
  await answer();
  const later = commit('b');
  await turn();
  await answer();
  assert.equal(await later, 'B');
});
