/** The filters and functions a template may use: twing's own, kept within bounds, and two written anew. */
import { createSynchronousFilter, createSynchronousFunction } from 'twing';
import type {
  TwingCallableArgument,
  TwingSynchronousExecutionContext,
  TwingSynchronousFilter,
  TwingSynchronousFunction,
} from 'twing';
import { COLLECTION_SIZE_MAX, VALUE_WEIGHT_MAX } from './budget.ts';
import type { Budget } from './budget.ts';
import { REWRITTEN } from './rewritten-filters.ts';
import { PRINTED_COLLECTION, isCollection, isMissing } from './values.ts';

/** What twing hands around while it executes, with what we add. */
export type GuardedContext = TwingSynchronousExecutionContext & { budget: Budget };

/** Decimals of `number_format`, and digits of a width in `format`. */
const DECIMALS_MAX = 100;
const FORMAT_WIDTH = /\d{4}/;

/** Filters of texts and numbers: of a missing value they make nothing. */
const FILTERS_OF_SCALARS = [
  'abs',
  'capitalize',
  'date',
  'date_modify',
  'e',
  'escape',
  'format',
  'lower',
  'nl2br',
  'number_format',
  'raw',
  'replace',
  'round',
  'slice',
  'spaceless',
  'split',
  'striptags',
  'title',
  'trim',
  'upper',
  'url_encode',
];
/** Filters that print. */
const FILTERS_THAT_PRINT = ['e', 'escape', 'raw'];
/** Filters of lists and maps: a missing value is an empty list. */
const FILTERS_OF_COLLECTIONS = [
  'batch',
  'column',
  'filter',
  'first',
  'join',
  'keys',
  'last',
  'map',
  'merge',
  'reduce',
  'reverse',
  'sort',
];
/** Filters that call back into the template, where every step is counted. */
const FILTERS_WITH_ARROWS = ['filter', 'map', 'reduce', 'sort'];
/** Filters that say themselves what a missing value is. */
const OTHER_FILTERS = ['default', 'json_encode', 'length'];

/** What a missing argument is for filters that would stop at it. */
const MISSING_ARGUMENT: Record<string, unknown> = { format: '', merge: [] };

/** The names of all filters there are. */
export const FILTERS = [...FILTERS_OF_SCALARS, ...FILTERS_OF_COLLECTIONS, ...OTHER_FILTERS];
/** The names of all functions there are. */
export const FUNCTIONS = ['cycle', 'date', 'max', 'min', 'range'];
/** The names of all tests there are. */
export const TESTS = ['defined', 'divisible by', 'empty', 'even', 'iterable', 'none', 'null', 'odd', 'same as'];

/** Twing's filter, kept within bounds. */
export function guardFilter(filter: TwingSynchronousFilter): TwingSynchronousFilter {
  const { name } = filter;
  const callable = (REWRITTEN[name] as Callable | undefined) ?? (filter.callable as Callable);
  const hasArrow = FILTERS_WITH_ARROWS.includes(name);
  const missing = MISSING_ARGUMENT[name];
  const guarded = (context: GuardedContext, operand: unknown, ...rest: unknown[]): unknown => {
    const given = operandOf(name, operand);
    if (isMissing(given) && FILTERS_OF_SCALARS.includes(name)) return '';
    const args = missing === undefined ? rest : rest.map((arg) => arg ?? missing);
    const weight = weighAll(context.budget, [given, ...args]);
    assertWithinBounds(name, given, args);
    if (hasArrow) return callable(context, given, ...args);
    return context.budget.watch(weight, () => callable(context, given, ...args));
  };
  return createSynchronousFilter(name, guarded as TwingSynchronousFilter['callable'], argumentsOf(filter), {
    is_variadic: filter.isVariadic,
  });
}

/** Twing's function, kept within bounds. */
export function guardFunction(twingFunction: TwingSynchronousFunction): TwingSynchronousFunction {
  const { name } = twingFunction;
  const callable = twingFunction.callable as Callable;
  const guarded = (context: GuardedContext, ...args: unknown[]): unknown => {
    const weight = weighAll(context.budget, args);
    if (name === 'range') assertRangeWithinBounds(args[0], args[1], args[2]);
    return context.budget.watch(weight, () => callable(context, ...args));
  };
  return createSynchronousFunction(name, guarded as TwingSynchronousFunction['callable'], argumentsOf(twingFunction), {
    is_variadic: twingFunction.isVariadic,
  });
}

/** `range(low, high, step)` and `low..high`: refuses one that is too long, or would never end. */
function assertRangeWithinBounds(low: unknown, high: unknown, step: unknown = 1): void {
  const [from, to] = [edgeOf(low), edgeOf(high)];
  const size = Math.abs(to - from) / (Number(step) || 1);
  if (!(size >= 0)) throw new Error('a range needs two numbers or two letters, and a step above zero');
  if (size >= COLLECTION_SIZE_MAX)
    throw new Error(`a range has more than ${COLLECTION_SIZE_MAX} elements; make it shorter`);
}

function operandOf(name: string, operand: unknown): unknown {
  if (isMissing(operand) && FILTERS_OF_COLLECTIONS.includes(name)) return [];
  return isCollection(operand) && FILTERS_THAT_PRINT.includes(name) ? PRINTED_COLLECTION : operand;
}

type Callable = (context: GuardedContext, ...args: unknown[]) => unknown;

function argumentsOf(wrapper: { acceptedArguments: TwingCallableArgument[] }): TwingCallableArgument[] {
  return wrapper.acceptedArguments;
}

function weighAll(budget: Budget, values: unknown[]): number {
  let weight = 0;
  for (const value of values) weight += budget.weigh(value);
  return weight;
}

function edgeOf(value: unknown): number {
  const number = Number(value);
  return Number.isNaN(number) && typeof value === 'string' ? value.charCodeAt(0) : number;
}

/** Refuses arguments by which a small template makes a huge value before anybody can weigh it. */
function assertWithinBounds(name: string, operand: unknown, args: unknown[]): void {
  const size = sizeOf(operand);
  if (size > COLLECTION_SIZE_MAX) {
    throw new Error(
      `a list of ${size} elements is too long for the filter "${name}"; at most ${COLLECTION_SIZE_MAX} are allowed`,
    );
  }
  if (name === 'join' && (size + 1) * textLength(args[0]) > VALUE_WEIGHT_MAX) {
    throw new Error('the filter "join" makes too long a text; join less');
  }
  if (name === 'batch' && !(Number(args[0]) >= 1 && Number(args[0]) <= COLLECTION_SIZE_MAX)) {
    throw new Error(`the filter "batch" needs a size from 1 to ${COLLECTION_SIZE_MAX}`);
  }
  if (name === 'number_format' && !isMissing(args[0]) && !(Math.abs(Number(args[0])) <= DECIMALS_MAX)) {
    throw new Error(`the filter "number_format" gives at most ${DECIMALS_MAX} decimals`);
  }
  if (name === 'format' && FORMAT_WIDTH.test(String(operand))) {
    throw new Error('the filter "format" allows widths up to 999');
  }
}

function textLength(value: unknown): number {
  return typeof value === 'string' ? value.length : 1;
}

function sizeOf(value: unknown): number {
  if (!isCollection(value)) return 0;
  return value instanceof Map ? value.size : value.length;
}
