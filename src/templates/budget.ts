/**
 * What the templates of one message may use up. They come from tenants and are rendered on the thread that serves
 * everybody.
 *
 * The first line counts steps: whatever can be repeated, or grows with the data, is charged before it is done. The count
 * is the same on every machine and in every crowd, so a template that works goes on working. The second line looks, now and
 * then, at the processor time of the thread (not at a clock on the wall: neighbours do not count), and catches what a
 * step was worth more of than was thought.
 */

/** Characters the templates of one message may print, in all. */
export const OUTPUT_LENGTH_MAX = 1_000_000;
/** Characters of one text on the way there. */
export const TEXT_LENGTH_MAX = 1_000_000;
/** Elements of a range, and of a list or map that is given to a filter. */
export const COLLECTION_SIZE_MAX = 10_000;
/** Turns of all loops and calls of arrow functions together. */
export const TURNS_MAX = 50_000;
/** Steps: nodes of the template executed in loops, and pieces of data gone through. About 10 ms. */
export const STEPS_MAX = 150_000;
/** Processor time of the thread, in ms, from the first look on: many times what all steps take once the code is warm. */
export const RENDER_CPU_MAX_MS = 75;

/** Characters that are gone through in one step. */
const CHARACTERS_PER_STEP = 16;
/** Steps between two looks at the processor time, each of which takes 0.4 µs: an ordinary message takes none. */
const STEPS_PER_LOOK = 10_000;
/** Pairs of characters that one search may have to compare: nothing can interrupt it. */
const COMPARISONS_MAX = 20_000_000;
const COMPARISONS_PER_STEP = 32;

/** Counts what is used up. Its errors are for the template's author. */
export class Budget {
  #steps = 0;
  #turns = 0;
  #printed = 0;
  #nextLook = STEPS_PER_LOOK;
  /** Processor time of the thread at the first look, in µs; null before. */
  #firstLookUs: number | null = null;

  /** Where in the source the execution is, for messages. */
  line = 0;

  /** So many steps are about to be taken. */
  take(steps: number): void {
    this.#steps += steps;
    if (this.#steps >= this.#nextLook) this.#look();
  }

  /** One turn of a loop, or one call of an arrow function, of so many steps. */
  takeTurn(steps: number): void {
    if (++this.#turns > TURNS_MAX) throw new Error(`its loops turn more than ${TURNS_MAX} times; loop over less`);
    this.take(steps);
  }

  /** So many characters are about to be gone through, or made. */
  takeText(length: number): void {
    if (length > TEXT_LENGTH_MAX) {
      throw new Error(`a text in it grows beyond ${TEXT_LENGTH_MAX} characters; keep texts shorter`);
    }
    this.take(1 + Math.ceil(length / CHARACTERS_PER_STEP));
  }

  /** So many elements of a list or map are about to be gone through, or made. */
  takeElements(size: number): void {
    if (size > COLLECTION_SIZE_MAX) {
      throw new Error(`a list of ${size} elements is too long; at most ${COLLECTION_SIZE_MAX} are gone through`);
    }
    this.take(1 + size);
  }

  /** One text is about to be looked for in another. */
  takeSearch(length: number, soughtLength: number): void {
    const comparisons = length * Math.max(1, Math.min(soughtLength, length - soughtLength));
    if (comparisons > COMPARISONS_MAX)
      throw new Error('it looks for too long a text in too long a text; use shorter ones');
    this.take(1 + Math.ceil(comparisons / COMPARISONS_PER_STEP));
  }

  /** So many characters are about to be printed. */
  takeOutput(length: number): void {
    this.#printed += length;
    if (this.#printed > OUTPUT_LENGTH_MAX) {
      throw new Error(`it prints more than ${OUTPUT_LENGTH_MAX} characters; print less`);
    }
  }

  #look(): void {
    if (this.#steps > STEPS_MAX) throw new Error(`it takes more than ${STEPS_MAX} steps; make it simpler`);
    this.#nextLook = this.#steps + STEPS_PER_LOOK;
    const { user, system } = process.threadCpuUsage();
    this.#firstLookUs ??= user + system;
    if (user + system - this.#firstLookUs > RENDER_CPU_MAX_MS * 1_000) {
      throw new Error(`it takes more than ${RENDER_CPU_MAX_MS} ms; make it simpler`);
    }
  }
}
