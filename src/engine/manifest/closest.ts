/** Guesses what somebody meant who mistyped a word. */

/** Letters that may be wrong. */
const DISTANCE_MAX = 2;
/** Characters of a word that is worth a guess. */
const GUESSED_LENGTH_MAX = 40;

/** `did you mean "body"?`, or what there is. */
export function didYouMean(word: string, known: readonly string[]): string {
  const closest = closestTo(word, known);
  if (closest !== null) return `did you mean "${closest}"?`;
  return known.length === 0 ? 'leave it out' : `use ${known.length === 1 ? '' : 'one of '}${known.join(', ')}`;
}

/** The known word that differs least; null when none is close. */
export function closestTo(word: string, known: readonly string[]): string | null {
  if (word.length > GUESSED_LENGTH_MAX) return null;
  const lower = word.toLowerCase();
  let closest: string | null = null;
  let least = Math.min(DISTANCE_MAX, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    const distance = distanceBetween(lower, candidate.toLowerCase());
    if (distance < least) [closest, least] = [candidate, distance];
  }
  return closest;
}

/** Letters to insert, delete or replace (Levenshtein). */
function distanceBetween(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}
