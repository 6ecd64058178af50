/**
 * What a template may do. Anything that is not named here is refused when the template is compiled: other templates
 * (include, import, extends, embed, use), macros and blocks (which can call themselves), method calls, regular
 * expressions, dumps, and Twig's own names (`_context`, `_self`).
 */
import {
  createSynchronousArrayLoader,
  createSynchronousEnvironment,
  createSynchronousFilter,
  createSynchronousFunction,
  createSynchronousTest,
} from 'twing';
import type { TwingBaseNode, TwingSynchronousEnvironment, TwingTemplateNode } from 'twing';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping } from '#ports/templates.ts';
import { CALLS } from './calls.ts';
import { attributesOf, childrenOf } from './nodes.ts';
import type { Build } from './compiler.ts';
import { EXPRESSIONS } from './expressions.ts';
import { FILTERS } from './filters.ts';
import { FUNCTIONS, TESTS } from './functions.ts';
import { OPERATORS } from './operators.ts';
import { sizeGuard } from './size-guard.ts';
import { STATEMENTS } from './statements.ts';

/** All nodes a template may have, and what becomes of them. */
export const BUILDS: ReadonlyMap<string | null, Build> = new Map([
  ...STATEMENTS,
  ...[EXPRESSIONS, OPERATORS, CALLS].flatMap(Object.entries),
]);

/** Nodes that only say which names there are. */
const NAMING = ['assignment'];
const RESERVED_NAMES = new Set(['_context', '_self', '_charset']);

/** Nodes that do not know their tag. */
const TAG_OF: Record<string, string> = { trait: 'use', block_function: 'block', method_call: 'import' };

/** Remedies for what people may miss. */
const REMEDIES: Record<string, string> = {
  include: 'templates stand alone: copy the text in',
  matches: 'use "starts with", "ends with" or "in"',
  parentheses: 'leave the parentheses out',
};

/** A parser's environment, with nothing but what a template may use. It executes nothing. */
export function restrictedEnvironment(escaping: Escaping): TwingSynchronousEnvironment {
  const environment = createSynchronousEnvironment(createSynchronousArrayLoader({}), {
    timezone: 'UTC',
    ...(escaping === 'none' ? {} : { autoEscapingStrategy: escaping }),
  });
  for (const map of [environment.filters, environment.functions, environment.tests]) map.clear();
  for (const name of FILTERS.keys()) environment.addFilter(createSynchronousFilter(name, neverCalled, []));
  for (const name of FUNCTIONS.keys()) environment.addFunction(createSynchronousFunction(name, neverCalled, []));
  for (const name of [...TESTS.keys(), 'defined']) environment.addTest(createSynchronousTest(name, neverCalled, []));
  environment.addNodeVisitor(sizeGuard());
  return environment;
}

function neverCalled(): never {
  throw new TypeError('the parser calls nothing');
}

/**
 * Goes through a parsed template.
 * @returns the names that it sets; null when that cannot be known.
 * @throws {TemplateError} at the first thing that a template may not do.
 */
export function namesSetIn(template: TwingTemplateNode): Set<string> | null {
  const names = new Set(['loop', '_key']);
  let isKnown = true;
  const { body, parent, blocks, macros, traits } = template.children;
  // The last ones are empty unless the template extends, defines or uses something, which is refused there.
  const pending: TwingBaseNode[] = [body, ...[blocks, macros, traits].flatMap(childrenOf)];
  if (parent) throw refusal(parent, '"extends" is not available', 'include');
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    assertAllowed(node);
    if (node.type === 'assignment') names.add(attributesOf(node).name);
    if (node.type === 'with') isKnown = false;
    pending.push(...childrenOf(node));
  }
  return isKnown ? names : null;
}

function assertAllowed(node: TwingBaseNode): void {
  const { name, type } = attributesOf(node);
  const its = node.type as string | null;
  if (!BUILDS.has(its) && !NAMING.includes(its!)) {
    const word: string = node.tag ?? TAG_OF[its!] ?? its!;
    throw refusal(node, `"${word}" is not available`, word);
  }
  if (its === 'attribute_accessor' && type === 'method') throw refusal(node, 'methods cannot be called', 'parentheses');
  if (its === 'name' && RESERVED_NAMES.has(name)) throw refusal(node, `"${name}" is not available`, name);
}

function refusal(node: TwingBaseNode, what: string, word: string): TemplateError {
  const remedy = REMEDIES[word] ?? 'leave it out';
  return new TemplateError(
    `line ${node.line}: ${what} in templates; ${remedy} (docs/templates.md lists what there is)`,
  );
}
