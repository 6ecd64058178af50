/** What one rendering may use up. Templates come from tenants and are rendered on the thread that serves everybody. */
import { Script, createContext } from 'node:vm';
import { weightOf } from './values.ts';

/** Characters a template may print, in all. */
export const OUTPUT_LENGTH_MAX = 1_000_000;
/** Characters and elements of any one value on the way there. */
export const VALUE_WEIGHT_MAX = 1_000_000;
/** Turns of all loops together. */
export const ITERATIONS_MAX = 100_000;
/** Elements of a range, and of a list or map that is given to a filter. */
export const COLLECTION_SIZE_MAX = 10_000;
/** How long a rendering may keep the thread, in ms. Ordinary ones take less than a tenth of one. */
export const RENDER_TIME_MAX_MS = 250;

/** Steps (nodes, and 16 characters or elements each) between two looks at the clock: a short text takes none. */
const STEPS_PER_LOOK = 10_000;
/** From this weight on a filter runs under a watchdog, whose start takes 0.3 ms. */
const WATCHED_WEIGHT_MIN = 2_000;

/** Counts what one rendering uses up. Its errors are for the template's author. */
export class Budget {
  readonly #startedAt = performance.now();
  readonly #weights = new WeakMap<object, number>();
  #steps = 0;
  #nextLook = STEPS_PER_LOOK;
  #iterations = 0;
  #printed = 0;

  /** Where in the source the execution is, for messages. */
  line = 0;

  /** One node of the template is about to be executed. */
  takeStep(line: number): void {
    this.line = line;
    this.#take(1);
  }

  /** One turn of a loop has ended. */
  takeTurn(): void {
    if (++this.#iterations > ITERATIONS_MAX) {
      throw new Error(`its loops turn more than ${ITERATIONS_MAX} times; loop over less`);
    }
  }

  /** So many characters are about to be printed. */
  takeOutput(length: number): void {
    this.#printed += length;
    if (this.#printed > OUTPUT_LENGTH_MAX) {
      throw new Error(`it prints more than ${OUTPUT_LENGTH_MAX} characters; print less`);
    }
  }

  /** A value was made or read; its weight. */
  weigh(value: unknown): number {
    const weight = weightOf(value, this.#weights);
    if (weight > VALUE_WEIGHT_MAX) {
      throw new Error(`a value in it grows beyond ${VALUE_WEIGHT_MAX} characters and elements; keep values smaller`);
    }
    this.#take(weight >> 4);
    return weight;
  }

  /** Does the work, interrupting it when the time is up if what it works on is big enough to make that possible. */
  watch(weight: number, work: () => unknown): unknown {
    if (weight < WATCHED_WEIGHT_MIN) return work();
    return withinMs(Math.max(1, Math.ceil(RENDER_TIME_MAX_MS - this.#elapsedMs())), work, RENDER_TIME_MAX_MS);
  }

  #take(steps: number): void {
    this.#steps += steps;
    if (this.#steps < this.#nextLook) return;
    this.#nextLook = this.#steps + STEPS_PER_LOOK;
    if (this.#elapsedMs() > RENDER_TIME_MAX_MS) throw tookTooLong(RENDER_TIME_MAX_MS);
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }
}

const WATCHED: { work: () => unknown } = createContext({ work: () => null }) as { work: () => unknown };
const RUN = new Script('work()');

/**
 * Runs synchronous work, ending it from outside when the time is up: the one thing V8 lets interrupt a loop.
 * @param limitMs the limit to name in the error, where the time left of it is less.
 */
export function withinMs(timeMs: number, work: () => unknown, limitMs = timeMs): unknown {
  WATCHED.work = work;
  try {
    return RUN.runInContext(WATCHED, { timeout: timeMs });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw tookTooLong(limitMs);
    throw error;
  } finally {
    WATCHED.work = () => null;
  }
}

function tookTooLong(timeMs: number): Error {
  return new Error(`it takes longer than ${timeMs} ms; make it simpler`);
}
