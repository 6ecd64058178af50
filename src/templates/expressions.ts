/** Expressions: constants, names and what is below them, lists, maps, conditions, arrow functions, escaping. */
import type { TwingBaseNode } from 'twing';
import { Markup, isCollection, isMissing, isTruthy, lookUp, textOf } from './values.ts';
import { entriesOf, valuesOf } from './collections.ts';
import { attributesOf, childOf, childrenOf, pairsOf } from './nodes.ts';
import type { Build } from './compiler.ts';
import { escapeWith } from './escape.ts';
import type { Execution, Run } from './execution.ts';

/** The nodes of this file. */
export const EXPRESSIONS: Record<string, Build> = {
  constant: (node) => {
    const { value } = attributesOf(node);
    return () => value;
  },
  name: (node, { assigned }) => {
    const { name, shouldTestExistence } = attributesOf(node);
    const read: Run =
      assigned === null || assigned.has(name)
        ? (execution) => execution.read(name)
        : ({ context }) => (Object.hasOwn(context, name) ? context[name] : undefined);
    return shouldTestExistence ? (execution) => read(execution) !== undefined : (execution) => read(execution) ?? null;
  },
  attribute_accessor: (node, compiler) => {
    const { shouldTestExistence } = attributesOf(node);
    const target = compiler.compile(childOf(node, 'target'));
    const key = compiler.compile(childOf(node, 'attribute'));
    if (!shouldTestExistence && isOlderNamespace(childOf(node, 'target'), childOf(node, 'attribute'))) {
      return (execution) => lookUp(target(execution), 'attribute') ?? target(execution) ?? null;
    }
    return shouldTestExistence
      ? (execution) => lookUp(target(execution), key(execution)) !== undefined
      : (execution) => lookUp(target(execution), key(execution)) ?? null;
  },
  check_to_string: (node, compiler) => compiler.compile(childOf(node, 'value')),
  array: (node, compiler) => {
    const elements = pairsOf(node).map(([, value]) => [value.type === 'spread', compiler.compile(value)] as const);
    return (execution) => {
      const list: unknown[] = [];
      for (const [isSpread, element] of elements) {
        const value = element(execution);
        if (isSpread) for (const one of isCollection(value) ? valuesOf(value, execution.budget) : []) list.push(one);
        else list.push(value);
      }
      execution.budget.takeElements(list.length);
      return list;
    };
  },
  hash: (node, compiler) => {
    const elements = pairsOf(node).map(([key, value]) => ({
      isSpread: value.type === 'spread',
      key: compiler.compile(key),
      value: compiler.compile(value),
    }));
    return (execution) => {
      const map = new Map<unknown, unknown>();
      for (const { isSpread, key, value } of elements) {
        const element = value(execution);
        if (!isSpread) map.set(keyOf(key(execution)), element);
        else if (isCollection(element))
          for (const [name, one] of entriesOf(element, execution.budget)) map.set(name, one);
      }
      execution.budget.takeElements(map.size);
      return map;
    };
  },
  spread: (node, compiler) => compiler.compile(childOf(node, 'iterable')),
  conditional: (node, compiler) => {
    const condition = compiler.compile(childOf(node, 'expr1'));
    const [one, other] = [compiler.compile(childOf(node, 'expr2')), compiler.compile(childOf(node, 'expr3'))];
    return (execution) => (isTruthy(condition(execution)) ? one(execution) : other(execution));
  },
  arrow_function: (node, compiler) => {
    const names = childrenOf(childOf(node, 'names')).map((child) => attributesOf(child).name);
    const { run, steps } = compiler.compileRepeated(childOf(node, 'body'));
    return (execution) => arrow(execution, names, run, steps);
  },
  escape: (node, compiler) => {
    const { strategy } = attributesOf(node);
    const body = compiler.compile(childOf(node, 'body'));
    return (execution) => {
      const value = body(execution);
      if (isMissing(value) || typeof value === 'boolean' || value instanceof Markup) return value;
      return new Markup(escapeWith(strategy, textOf(value), execution.budget));
    };
  },
};
EXPRESSIONS['nullish_coalescing'] = EXPRESSIONS['conditional']!;

/** `user.attribute.city`, as it was written once, is `user.city`; unless the user has an attribute of that name. */
function isOlderNamespace(target: TwingBaseNode, key: TwingBaseNode): boolean {
  return target.type === 'name' && attributesOf(target).name === 'user' && attributesOf(key).value === 'attribute';
}

/** Its names hide others of the same name while it runs, and no longer. */
function arrow(execution: Execution, names: readonly string[], body: Run, steps: number) {
  return (...given: unknown[]): unknown => {
    execution.budget.takeTurn(steps);
    const scope = execution.names;
    const hidden = names.map((name) => scope.get(name));
    for (const [index, name] of names.entries()) scope.set(name, given[index] ?? null);
    const value = body(execution);
    for (const [index, name] of names.entries()) restore(scope, name, hidden[index]);
    return value;
  };
}

/** Gives a name the value it had before; undefined: none. */
export function restore(scope: Map<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) scope.delete(name);
  else scope.set(name, value);
}

function keyOf(value: unknown): unknown {
  return typeof value === 'number' ? value : textOf(value);
}
