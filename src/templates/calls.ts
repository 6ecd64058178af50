/** Calls of filters, functions and tests. Whether the arguments fit is found out when the template is compiled. */
import type { TwingBaseNode } from 'twing';
import type { Callable } from './callable.ts';
import { attributesOf, childOf, pairsOf } from './nodes.ts';
import type { Build, Compiler } from './compiler.ts';
import type { Run } from './execution.ts';
import { FILTERS } from './filters.ts';
import { FUNCTIONS, TESTS } from './functions.ts';

/** The nodes of this file. */
export const CALLS: Record<string, Build> = {
  filter: (node, compiler) => {
    const { operatorName: name } = attributesOf(node);
    return compileFilter(name, compiler.compile(childOf(node, 'operand')), childOf(node, 'arguments'), compiler);
  },
  function: (node, compiler) => {
    const { operatorName: name } = attributesOf(node);
    const callable = FUNCTIONS.get(name)!;
    // What a function is given first is what a filter stands behind.
    const [first = nothing, ...others] = bind(name, callable, childOf(node, 'arguments'), compiler);
    return call(callable, first, others);
  },
  test: (node, compiler) => {
    const { operatorName: name } = attributesOf(node);
    // The parser has told names to say whether they exist.
    if (name === 'defined') return compiler.compile(childOf(node, 'operand'));
    const callable = TESTS.get(name)!;
    const given = bind(name, callable, childOf(node, 'arguments'), compiler);
    return call(callable, compiler.compile(childOf(node, 'operand')), given);
  },
};

/** A filter after an operand; `apply` has one of its own. @throws when the arguments do not fit. */
export function compileFilter(name: string, operand: Run, given: TwingBaseNode, compiler: Compiler): Run {
  const callable = FILTERS.get(name)!;
  return call(callable, operand, bind(name, callable, given, compiler));
}

function nothing(): null {
  return null;
}

function call(callable: Callable, operand: Run, given: readonly Run[]): Run {
  const apply = callable.call;
  const [only] = given;
  if (only === undefined) return (execution) => apply(execution, operand(execution), NO_ARGUMENTS) ?? null;
  if (given.length === 1) {
    return (execution) => apply(execution, operand(execution), [only(execution) ?? undefined]) ?? null;
  }
  return (execution) =>
    apply(
      execution,
      operand(execution),
      given.map((argument) => argument(execution) ?? undefined),
    ) ?? null;
}

const NO_ARGUMENTS: readonly unknown[] = [];

/** One executable per argument, in the order of the parameters; those left out give nothing. */
function bind(name: string, callable: Callable, list: TwingBaseNode, compiler: Compiler): Run[] {
  const { parameters, required, isVariadic } = callable;
  const bound: Run[] = [];
  for (const [index, [key, value]] of pairsOf(list).entries()) {
    const word = attributesOf(key).value as string | number;
    const position = typeof word === 'number' ? index : parameters.findIndex((one) => plain(one) === plain(word));
    const isKnown = position >= 0 && (position < parameters.length || isVariadic);
    if (!isKnown) throw new Error(`"${name}" has no argument ${typeof word === 'number' ? index + 1 : `"${word}"`}`);
    if (bound[position]) throw new Error(`"${name}" is given its argument "${parameters[position]}" twice`);
    bound[position] = compiler.compile(value);
  }
  for (let position = 0; position < bound.length; position++) bound[position] ??= nothing;
  if (bound.length < required || bound.slice(0, required).includes(nothing)) {
    throw new Error(`"${name}" needs ${parameters.slice(0, required).join(' and ')}, as in docs/templates.md`);
  }
  return bound;
}

/** `thousandSep` and `thousand_sep` are one name. */
function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}
