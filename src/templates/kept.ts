/** Things that take long to make and are used again: those used longest ago go. */
import type { Budget } from './budget.ts';

/** Of each kind. */
const KEPT_MAX = 100;

/** Finds what was made for a key, or makes it, which is charged. */
export function keeper<Kept>(stepsToMake: number, make: (key: string) => Kept): (key: string, budget: Budget) => Kept {
  const kept = new Map<string, Kept>();
  return (key, budget) => {
    let found = kept.get(key);
    if (found === undefined) {
      budget.take(stepsToMake);
      found = make(key);
      if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value!);
    } else {
      kept.delete(key);
    }
    kept.set(key, found);
    return found;
  };
}
