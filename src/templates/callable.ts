/** What filters, functions and tests are written as. */
import type { Execution } from './execution.ts';
import { isMissing, textOf } from './values.ts';
import type { Arrow } from './values.ts';

/** Characters of arguments like separators, formats and names. */
const ARGUMENT_LENGTH_MAX = 1_000;

/** A filter or a test, whose first value stands before it, or a function, whose first value is its first argument. */
export interface Callable {
  /** The names of the arguments, in order, as Twig documents them: they can be given by name. */
  parameters: readonly string[];
  /** How many of them cannot be left out. */
  required: number;
  /** The last parameter takes all further arguments. */
  isVariadic: boolean;
  /** @param given one value per parameter; undefined where none, or nothing, was given. @throws in its author's words. */
  call(execution: Execution, operand: unknown, given: readonly unknown[]): unknown;
}

/** A callable by its signature: `'format, timezone'`, `'delimiter!, limit'` (one that is needed), `'values…'`. */
export function callable(signature: string, call: Callable['call']): Callable {
  const words = signature === '' ? [] : signature.split(', ');
  return {
    parameters: words.map((word) => word.replace(/[!…]$/, '')),
    required: words.filter((word) => word.endsWith('!')).length,
    isVariadic: signature.endsWith('…'),
    call,
  };
}

/** A filter of texts and numbers: of a missing value it makes nothing. */
export function scalarFilter(signature: string, call: Callable['call']): Callable {
  return callable(signature, (execution, operand, given) =>
    isMissing(operand) ? '' : call(execution, operand, given),
  );
}

/** A filter of texts. Going through the text once is charged. */
export function textFilter(
  signature: string,
  call: (text: string, given: readonly unknown[], execution: Execution) => unknown,
): Callable {
  return scalarFilter(signature, (execution, operand, given) => {
    const text = textOf(operand);
    execution.budget.takeText(text.length);
    return call(text, given, execution);
  });
}

/** An argument that is a short text; the fallback where it is missing. @throws when it is long. */
export function textArgument(given: unknown, fallback: string): string {
  const text = isMissing(given) ? fallback : textOf(given);
  if (text.length <= ARGUMENT_LENGTH_MAX) return text;
  throw new Error(`an argument of a filter has ${text.length} characters; at most ${ARGUMENT_LENGTH_MAX} are allowed`);
}

/** An argument that must be `v => …`. */
export function arrowArgument(given: unknown, filter: string): Arrow {
  if (typeof given === 'function') return given as Arrow;
  throw new Error(`"${filter}" needs an arrow function, as in ${filter}(v => v.name)`);
}
