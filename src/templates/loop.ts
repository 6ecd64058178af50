/** `for`. */
import type { TwingBaseNode } from 'twing';
import { keysOf, valuesOf } from './collections.ts';
import { attributesOf, childOf } from './nodes.ts';
import type { Compiler } from './compiler.ts';
import type { Execution, Run } from './execution.ts';
import { restore } from './expressions.ts';
import { isCollection } from './values.ts';

/** What `loop` knows of the turn. */
interface Turn extends Record<string, unknown> {
  index: number;
  index0: number;
  revindex: number;
  revindex0: number;
  first: boolean;
  last: boolean;
  length: number;
  parent: Map<string, unknown>;
}

/** The node `for`. Names that are first set inside are gone afterwards, as in PHP's Twig. */
export function loop(node: TwingBaseNode, compiler: Compiler): Run {
  const [key, value] = [nameOf(childOf(node, 'keyTarget')), nameOf(childOf(node, 'valueTarget'))];
  const sequence = compiler.compile(childOf(node, 'sequence'));
  const setBefore = compiler.namesSet.length;
  const { run, steps } = compiler.compileRepeated(childOf(node, 'body'));
  const names = [...new Set(compiler.namesSet.slice(setBefore))];
  const otherwise = (node.children as Record<string, TwingBaseNode | undefined>)['else'];
  const empty = otherwise && compiler.compile(otherwise);
  return (execution) => {
    const given = sequence(execution);
    const values = isCollection(given) ? valuesOf(given, execution.budget) : [];
    if (values.length === 0) return empty?.(execution) ?? null;
    const keys = Array.isArray(given) ? null : keysOf(given as Map<unknown, unknown>, execution.budget);
    turnAll(execution, { key, value, names, run, steps }, keys, values);
    return null;
  };
}

interface Body {
  key: string;
  value: string;
  names: readonly string[];
  run: Run;
  steps: number;
}

function turnAll(execution: Execution, body: Body, keys: readonly unknown[] | null, values: readonly unknown[]): void {
  const { names: scope, budget } = execution;
  const { key, value, names, run, steps } = body;
  const hidden = ['loop', key, value].map((name) => [name, scope.get(name)] as const);
  budget.take(names.length);
  const fresh = names.filter((name) => execution.read(name) === undefined);
  const { length } = values;
  const turn = turnOf(length, new Map(hidden));
  scope.set('loop', turn);
  for (let index = 0; index < length; index++) {
    budget.takeTurn(steps);
    turn.index0 = index;
    turn.index = index + 1;
    turn.revindex = length - index;
    turn.revindex0 = length - index - 1;
    turn.first = index === 0;
    turn.last = index === length - 1;
    scope.set(key, keys ? keys[index] : index);
    scope.set(value, values[index] ?? null);
    run(execution);
  }
  for (const name of fresh) scope.delete(name);
  for (const [name, before] of hidden) restore(scope, name, before);
}

function turnOf(length: number, parent: Map<string, unknown>): Turn {
  return { index: 1, index0: 0, revindex: length, revindex0: length - 1, first: true, last: false, length, parent };
}

function nameOf(node: TwingBaseNode): string {
  return attributesOf(node).name;
}
