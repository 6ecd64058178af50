/** Replacing what matches, one match after the other: V8's own way finds all of them first, and nothing can stop it. */
import { TEXT_LENGTH_MAX } from './budget.ts';
import type { Budget } from './budget.ts';

/** Finding one match takes about 0.15 µs. */
const STEPS_PER_MATCH = 4;

/** @param pattern global. It must not take long where it does not match, whatever the text is. */
export function replaceEach(
  text: string,
  pattern: RegExp,
  budget: Budget,
  write: (found: string, match: RegExpExecArray) => string,
): string {
  let [written, from] = ['', 0];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    budget.take(STEPS_PER_MATCH);
    written += text.slice(from, match.index) + write(match[0], match);
    if (written.length > TEXT_LENGTH_MAX) budget.takeText(written.length);
    from = match.index + match[0].length;
  }
  return from === 0 ? text : written + text.slice(from);
}
