/** Statements: texts, prints, conditions, loops, names that are set. */
import { TemplateError } from '#ports/templates.ts';
import type { TwingBaseNode } from 'twing';
import { compileFilter } from './calls.ts';
import { entriesOf } from './collections.ts';
import { attributesOf, childOf, childrenOf, pairsOf } from './nodes.ts';
import type { Build, Compiler } from './compiler.ts';
import type { Execution, Run } from './execution.ts';
import { loop } from './loop.ts';
import { Markup, isCollection, isMissing, isTruthy, textOf } from './values.ts';

/** The nodes of this file; null is a row of them. */
export const STATEMENTS: ReadonlyMap<string | null, Build> = new Map<string | null, Build>([
  [null, sequence],
  ['text', text],
  ['verbatim', text],
  ['comment', () => nothing],
  ['print', located(print)],
  ['do', located((node, compiler) => compiler.compile(childOf(node, 'body')))],
  ['if', located(condition)],
  ['for', located(loop)],
  // The end of a turn, which the loop sees to itself.
  ['for_loop', () => nothing],
  ['set', located(assignment)],
  ['with', located(scope)],
  ['apply', located(application)],
]);

function nothing(): void {
  // Prints nothing.
}

/** Faults of a statement, found now or when it is executed, are told with its line. */
function located(build: Build): Build {
  return (node, compiler) => locate(node.line, built(build, node, compiler));
}

/** On its own, so that the parser's tree is not kept. */
function locate(line: number, run: Run): Run {
  return (execution) => {
    execution.budget.line = line;
    return run(execution);
  };
}

function built(build: Build, node: TwingBaseNode, compiler: Compiler): Run {
  try {
    return build(node, compiler);
  } catch (error) {
    if (error instanceof TemplateError || error instanceof RangeError) throw error;
    throw new TemplateError(`line ${node.line}: ${(error as Error).message}`, { cause: error });
  }
}

function sequence(node: TwingBaseNode, compiler: Compiler): Run {
  const children = childrenOf(node).map((child) => compiler.compile(child));
  return (execution) => {
    for (const run of children) run(execution);
  };
}

function print(node: TwingBaseNode, compiler: Compiler): Run {
  const expression = compiler.compile(childOf(node, 'expression'));
  return (execution) => execution.print(textOf(expression(execution)));
}

function text(node: TwingBaseNode): Run {
  const { data } = attributesOf(node);
  return (execution) => execution.print(data);
}

function condition(node: TwingBaseNode, compiler: Compiler): Run {
  const tests = childrenOf(childOf(node, 'tests'));
  const branches = Array.from({ length: tests.length / 2 }, (_, index) => ({
    holds: compiler.compile(tests[2 * index]!),
    run: compiler.compile(tests[2 * index + 1]!),
  }));
  const otherwise = (node.children as Record<string, TwingBaseNode | undefined>)['else'];
  const last = otherwise && compiler.compile(otherwise);
  return (execution) => {
    for (const { holds, run } of branches) if (isTruthy(holds(execution))) return run(execution);
    return last?.(execution);
  };
}

function assignment(node: TwingBaseNode, compiler: Compiler): Run {
  const { captures } = attributesOf(node);
  const names = childrenOf(childOf(node, 'names')).map((child) => attributesOf(child).name);
  compiler.namesSet.push(...names);
  if (captures) {
    const body = compiler.compile(childOf(node, 'values'));
    return (execution) => {
      const captured = safe(
        execution,
        execution.capture(() => body(execution)),
      );
      for (const name of names) execution.names.set(name, captured);
    };
  }
  const values = childrenOf(childOf(node, 'values')).map((child) => compiler.compile(child));
  return (execution) => {
    const given = values.map((value) => value(execution) ?? null);
    for (const [index, name] of names.entries()) execution.names.set(name, given[index] ?? null);
  };
}

/** `with`: names that are set inside are gone afterwards. */
function scope(node: TwingBaseNode, compiler: Compiler): Run {
  const { only } = attributesOf(node);
  const variables = (node.children as Record<string, TwingBaseNode | undefined>)['variables'];
  const given = variables && compiler.compile(variables);
  const body = compiler.compile(childOf(node, 'body'));
  return (execution) => {
    const values = given?.(execution);
    if (!isMissing(values) && !isCollection(values)) throw new Error('"with" needs a map, as in with {name: value}');
    const { names, seesContext, budget } = execution;
    budget.takeElements(names.size * 4);
    execution.names = new Map(only ? [] : names);
    execution.seesContext = seesContext && !only;
    for (const [key, value] of isCollection(values) ? entriesOf(values, budget) : [])
      execution.names.set(textOf(key), value ?? null);
    body(execution);
    execution.names = names;
    execution.seesContext = seesContext;
  };
}

/** `apply`: filters, one after the other, on what stands inside. */
function application(node: TwingBaseNode, compiler: Compiler): Run {
  const body = compiler.compile(childOf(node, 'body'));
  let captured: unknown = null;
  let filtered: Run = () => captured;
  // The parser keeps the last one first.
  for (const [name, given] of pairsOf(childOf(node, 'filters')).toReversed())
    filtered = compileFilter(String(attributesOf(name).value), filtered, given, compiler);
  return (execution) => {
    captured = safe(
      execution,
      execution.capture(() => body(execution)),
    );
    const text = textOf(filtered(execution));
    captured = null;
    execution.print(text);
  };
}

/** What has been printed was escaped when it was. */
function safe({ escaping }: Execution, captured: string): unknown {
  return escaping === 'html' ? new Markup(captured) : captured;
}
