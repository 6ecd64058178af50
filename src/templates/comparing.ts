/** `==`, `<`, `in` and the order of `sort`, as PHP 8 has them. What is compared is charged while it is. */
import type { Budget } from './budget.ts';
import { keysOf, sizeOf, valuesOf } from './collections.ts';
import { Moment } from './moment.ts';
import { Markup, isCollection, isMissing, isTruthy, lookUp, numberIn, textOf } from './values.ts';
import type { Collection } from './values.ts';

/** `a == b`: numbers in texts are numbers, null is like nothing, collections are alike when their elements are. */
export function isEqual(left: unknown, right: unknown, budget: Budget): boolean {
  if (typeof left === 'boolean' || typeof right === 'boolean') return isTruthy(left) === isTruthy(right);
  if (isMissing(left)) return isLikeNull(right);
  if (isMissing(right)) return isLikeNull(left);
  if (isCollection(left) && isCollection(right)) return areEqual(left, right, budget);
  if (left instanceof Moment && right instanceof Moment) return left.ms === right.ms;
  return isScalar(left) && isScalar(right) ? compareScalars(left, right, budget) === 0 : left === right;
}

/** Negative when the left one comes first, positive when the right one does, 0 when neither. */
export function compare(left: unknown, right: unknown, budget: Budget): number {
  if (typeof left === 'boolean' || typeof right === 'boolean') return Number(isTruthy(left)) - Number(isTruthy(right));
  if (isCollection(left) && isCollection(right)) return sizeOf(left, budget) - sizeOf(right, budget);
  if (isCollection(left) || isCollection(right)) return Number(isCollection(left)) - Number(isCollection(right));
  if (left instanceof Moment && right instanceof Moment) return left.ms - right.ms;
  return compareScalars(left ?? '', right ?? '', budget);
}

/** `needle in haystack`: a part of a text, an element of a collection. */
export function isIn(needle: unknown, haystack: unknown, budget: Budget): boolean {
  if (isCollection(haystack)) {
    return valuesOf(haystack, budget).some((element) => isEqual(needle, element, budget));
  }
  if (isMissing(haystack) || isCollection(needle)) return false;
  const [text, sought] = [textOf(haystack), textOf(needle)];
  budget.takeSearch(text.length, sought.length);
  return text.includes(sought);
}

/** `is same as`: no number is a text. Collections are the same when they are one. */
export function isSame(left: unknown, right: unknown, budget: Budget): boolean {
  const [a, b] = [left, right].map((one) => (one instanceof Markup ? one.text : (one ?? null)));
  if (typeof a === 'string' && typeof b === 'string') budget.takeText(Math.min(a.length, b.length));
  return a === b;
}

function isLikeNull(value: unknown): boolean {
  return value === '' || !(isTruthy(value) || typeof value === 'string' || value instanceof Markup);
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || value instanceof Markup;
}

function compareScalars(left: unknown, right: unknown, budget: Budget): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [a, b] = [textOf(left), textOf(right)];
  const [first, second] = [numberIn(a), numberIn(b)];
  if (first !== null && second !== null) return first - second;
  budget.takeText(Math.min(a.length, b.length));
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function areEqual(left: Collection, right: Collection, budget: Budget): boolean {
  if (left === right) return true;
  if (sizeOf(left, budget) !== sizeOf(right, budget)) return false;
  const values = valuesOf(left, budget);
  return keysOf(left, budget).every((key, index) => {
    budget.take(1);
    const other = lookUp(right, key);
    return other !== undefined && isEqual(values[index], other, budget);
  });
}
