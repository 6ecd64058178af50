/** What is wrong with a manifest: all of it, so that its author mends it in one go. */

/** Where something stands in a manifest: `['campaigns', 2, 'receiptTimeout']`. */
export type Path = readonly (string | number)[];

/** One thing that is wrong, and what to do about it. */
export interface Fault {
  path: (string | number)[];
  message: string;
}

/** Faults that are listed; of more, only the number is told. */
export const FAULTS_MAX = 200;

/** Collects faults. */
export interface Faults {
  add(path: Path, message: string): void;
  isEmpty(): boolean;
  list(): Fault[];
  /** A collection of its own that begins with these. */
  copy(): Faults;
}

/** None yet. */
export function createFaults(): Faults {
  return collection([], 0);
}

function collection(faults: Fault[], left: number): Faults {
  let more = left;
  return {
    add(path, message) {
      if (faults.length < FAULTS_MAX) faults.push({ path: [...path], message });
      else more += 1;
    },
    isEmpty: () => faults.length === 0,
    list: () => (more === 0 ? faults : [...faults, { path: [], message: `has ${more} more faults; mend these first` }]),
    copy: () => collection([...faults], more),
  };
}
