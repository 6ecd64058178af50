/** Twig's operators, on PHP's terms: texts that are numbers count as numbers, `'0'` is false. */
import type { Build } from './compiler.ts';
import { childOf } from './nodes.ts';
import type { Budget } from './budget.ts';
import { keysOf, valuesOf } from './collections.ts';
import { compare, isEqual, isIn } from './comparing.ts';
import type { Execution } from './execution.ts';
import { rangeOf } from './functions.ts';
import { isCollection, isTruthy, numberOf, textOf, withoutNoise } from './values.ts';
import type { Arrow } from './values.ts';

/** A computed fraction is freed of its noise. */
const STEPS_PER_FRACTION = 5;

/** What two values make. */
type Binary = (left: unknown, right: unknown, execution: Execution) => unknown;

/** A result that is no number at all stays a fault of the data, not `NaN` in somebody's message. */
const BINARY: Record<string, Binary> = {
  add: (left, right, { budget }) => finite(numberOf(left) + numberOf(right), budget),
  subtract: (left, right, { budget }) => finite(numberOf(left) - numberOf(right), budget),
  multiply: (left, right, { budget }) => finite(numberOf(left) * numberOf(right), budget),
  divide: (left, right, { budget }) => finite(numberOf(left) / divisor(right), budget),
  divide_and_floor: (left, right, { budget }) => Math.floor(finite(numberOf(left) / divisor(right), budget)),
  modulo: (left, right) => Math.trunc(numberOf(left)) % divisor(Math.trunc(numberOf(right))),
  power: (left, right, { budget }) => finite(numberOf(left) ** numberOf(right), budget),
  bitwise_and: (left, right) => numberOf(left) & numberOf(right),
  bitwise_or: (left, right) => numberOf(left) | numberOf(right),
  bitwise_xor: (left, right) => numberOf(left) ^ numberOf(right),
  concatenate: (left, right, { budget }) => {
    const text = textOf(left) + textOf(right);
    budget.takeText(text.length);
    return text;
  },
  starts_with: (left, right) => typeof left === 'string' && typeof right === 'string' && left.startsWith(right),
  ends_with: (left, right) => typeof left === 'string' && typeof right === 'string' && left.endsWith(right),
  has_every: (left, right, execution) => each(left, right, execution).every(isTruthy),
  has_some: (left, right, execution) => each(left, right, execution).some(isTruthy),
  is_equal_to: (left, right, { budget }) => isEqual(left, right, budget),
  is_not_equal_to: (left, right, { budget }) => !isEqual(left, right, budget),
  is_greater_than: (left, right, { budget }) => compare(left, right, budget) > 0,
  is_greater_than_or_equal_to: (left, right, { budget }) => compare(left, right, budget) >= 0,
  is_less_than: (left, right, { budget }) => compare(left, right, budget) < 0,
  is_less_than_or_equal_to: (left, right, { budget }) => compare(left, right, budget) <= 0,
  is_in: (left, right, { budget }) => isIn(left, right, budget),
  is_not_in: (left, right, { budget }) => !isIn(left, right, budget),
  range: (low, high, { budget }) => {
    const range = rangeOf(low, high);
    budget.takeElements(range.length);
    return range;
  },
  spaceship: (left, right, { budget }) => Math.sign(compare(left, right, budget)),
};

const UNARY: Record<string, (operand: unknown) => unknown> = {
  not: (operand) => !isTruthy(operand),
  negative: (operand) => -numberOf(operand),
  positive: (operand) => numberOf(operand),
};

/** The right side is only asked where it matters. */
const LOGICAL: Record<string, Build> = {
  and: (node, compiler) => {
    const [left, right] = [compiler.compile(childOf(node, 'left')), compiler.compile(childOf(node, 'right'))];
    return (execution) => isTruthy(left(execution)) && isTruthy(right(execution));
  },
  or: (node, compiler) => {
    const [left, right] = [compiler.compile(childOf(node, 'left')), compiler.compile(childOf(node, 'right'))];
    return (execution) => isTruthy(left(execution)) || isTruthy(right(execution));
  },
};

/** The nodes of this file. */
export const OPERATORS: Record<string, Build> = {
  ...LOGICAL,
  ...mapValues(BINARY, (apply): Build => (node, compiler) => {
    const [left, right] = [compiler.compile(childOf(node, 'left')), compiler.compile(childOf(node, 'right'))];
    return (execution) => apply(left(execution), right(execution), execution);
  }),
  ...mapValues(UNARY, (apply): Build => (node, compiler) => {
    const operand = compiler.compile(childOf(node, 'operand'));
    return (execution) => apply(operand(execution));
  }),
};

function finite(number: number, budget: Budget): number {
  if (Number.isInteger(number)) return number;
  budget.take(STEPS_PER_FRACTION);
  if (Number.isFinite(number)) return withoutNoise(number);
  throw new Error('a number in it is beyond all bounds');
}

function divisor(value: unknown): number {
  const number = numberOf(value);
  if (number === 0) throw new Error('it divides by zero; ask with "if" before');
  return number;
}

function each(collection: unknown, arrow: unknown, { budget }: Execution): unknown[] {
  if (typeof arrow !== 'function')
    throw new Error('"has some" and "has every" need an arrow function, as in v => v > 1');
  if (!isCollection(collection)) return [];
  const keys = keysOf(collection, budget);
  return valuesOf(collection, budget).map((value, index) => (arrow as Arrow)(value, keys[index]));
}

function mapValues<From, To>(record: Record<string, From>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
