/** All functions and tests there are. */
import { COLLECTION_SIZE_MAX } from './budget.ts';
import { callable } from './callable.ts';
import type { Callable } from './callable.ts';
import { isSequence, valuesOf } from './collections.ts';
import { compare, isSame } from './comparing.ts';
import { DATE_FUNCTION } from './date-filters.ts';
import type { Execution } from './execution.ts';
import { isCollection, isEmpty, isMissing, numberOf, textOf } from './values.ts';

/** By name. What they are given first comes as the operand. */
export const FUNCTIONS: ReadonlyMap<string, Callable> = new Map(
  Object.entries({
    cycle: callable('values!, position!', ({ budget }, values, [position]) => {
      if (!isCollection(values)) return values;
      const elements = valuesOf(values, budget);
      const size = elements.length;
      return elements[((Math.trunc(numberOf(position)) % size) + size) % size];
    }),
    date: DATE_FUNCTION,
    max: callable('values…', (execution, first, rest) => extreme('max', execution, [first, ...rest])),
    min: callable('values…', (execution, first, rest) => extreme('min', execution, [first, ...rest])),
    range: callable('low!, high!, step', ({ budget }, low, [high, step]) => {
      const range = rangeOf(low, high, isMissing(step) ? 1 : numberOf(step));
      budget.takeElements(range.length);
      return range;
    }),
  }),
);

/** By name. `defined` is answered by whoever reads names. */
export const TESTS: ReadonlyMap<string, Callable> = new Map(
  Object.entries({
    'divisible by': callable('divisor!', (_execution, value, [divisor]) => numberOf(value) % numberOf(divisor) === 0),
    empty: callable('', (_execution, value) => isEmpty(value)),
    even: callable('', (_execution, value) => numberOf(value) % 2 === 0),
    iterable: callable('', (_execution, value) => isCollection(value)),
    mapping: callable('', ({ budget }, value) => isCollection(value) && !isSequence(value, budget)),
    none: callable('', (_execution, value) => isMissing(value)),
    null: callable('', (_execution, value) => isMissing(value)),
    odd: callable('', (_execution, value) => Math.abs(numberOf(value) % 2) === 1),
    'same as': callable('compared!', ({ budget }, value, [compared]) => isSame(value, compared, budget)),
    sequence: callable('', ({ budget }, value) => isCollection(value) && isSequence(value, budget)),
  }),
);

/** `low..high` and `range(low, high, step)`: numbers or letters, down as well as up. @throws when it is too long. */
export function rangeOf(low: unknown, high: unknown, step = 1): unknown[] {
  const isOfLetters = [low, high].every((edge) => typeof edge === 'string' && /^[^\d.+-]/.test(edge));
  const [from, to] = [low, high].map((edge) => (isOfLetters ? textOf(edge).charCodeAt(0) : numberOf(edge)));
  const by = Math.abs(step);
  const size = Math.floor(Math.abs(to! - from!) / by) + 1;
  if (!(by > 0 && size >= 1)) throw new Error('a range needs a step that is not 0');
  if (size > COLLECTION_SIZE_MAX)
    throw new Error(`a range has more than ${COLLECTION_SIZE_MAX} elements; make it shorter`);
  return Array.from({ length: size }, (_, index) => {
    const element = from! + index * (to! < from! ? -by : by);
    return isOfLetters ? String.fromCharCode(element) : element;
  });
}

function extreme(name: 'max' | 'min', { budget }: Execution, given: readonly unknown[]): unknown {
  const [only] = given;
  const values = given.length === 1 && isCollection(only) ? valuesOf(only, budget) : given;
  if (values.length === 0) return null;
  const sign = name === 'max' ? 1 : -1;
  return values.reduce((best, value) => (sign * compare(value, best, budget) > 0 ? value : best));
}
