/**
 * What a template may do. Anything that is not named here is refused when the template is compiled: other templates
 * (include, import, extends, embed, use), macros and blocks (which can call themselves), method calls, regular
 * expressions, dumps, and Twig's own names (`_context`, `_self`).
 */
import { createSynchronousArrayLoader, createSynchronousEnvironment, getChildren } from 'twing';
import type { TwingBaseNode, TwingSynchronousEnvironment, TwingTemplateNode } from 'twing';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping } from '#ports/templates.ts';
import { escapeHtml, escapeUrl } from './escape.ts';
import { FILTERS, FUNCTIONS, TESTS, guardFilter, guardFunction } from './filters.ts';

const STATEMENTS = ['text', 'verbatim', 'print', 'comment', 'apply', 'do', 'for', 'for_loop', 'if', 'set', 'with'];
const EXPRESSIONS = [
  'array',
  'arrow_function',
  'assignment',
  'attribute_accessor',
  'check_to_string',
  'conditional',
  'constant',
  'escape',
  'filter',
  'function',
  'hash',
  'name',
  'nullish_coalescing',
  'spread',
  'test',
];
const OPERATORS = [
  'add',
  'and',
  'bitwise_and',
  'bitwise_or',
  'bitwise_xor',
  'concatenate',
  'divide',
  'divide_and_floor',
  'ends_with',
  'has_every',
  'has_some',
  'is_equal_to',
  'is_greater_than',
  'is_greater_than_or_equal_to',
  'is_in',
  'is_less_than',
  'is_less_than_or_equal_to',
  'is_not_equal_to',
  'is_not_in',
  'modulo',
  'multiply',
  'negative',
  'not',
  'or',
  'positive',
  'power',
  'range',
  'spaceship',
  'starts_with',
  'subtract',
];
const NODES = new Set<string | null>([null, ...STATEMENTS, ...EXPRESSIONS, ...OPERATORS]);
const RESERVED_NAMES = new Set(['_context', '_self', '_charset']);

/** Nodes that do not know their tag. */
const TAG_OF: Record<string, string> = { trait: 'use', block_function: 'block', method_call: 'import' };

/** Remedies for what people may miss. */
const REMEDIES: Record<string, string> = {
  include: 'templates stand alone: copy the text in',
  matches: 'use "starts with", "ends with" or "in"',
  parentheses: 'leave the parentheses out',
};

/** An environment with nothing but what a template may use. One per parse: twing's parser remembers every node it saw. */
export function restrictedEnvironment(escaping: Escaping): TwingSynchronousEnvironment {
  const environment = createSynchronousEnvironment(createSynchronousArrayLoader({}), {
    timezone: 'UTC',
    ...(escaping === 'none' ? {} : { autoEscapingStrategy: escaping }),
  });
  environment.registerEscapingStrategy(escapeHtml, 'html');
  environment.registerEscapingStrategy(escapeUrl, 'url');
  keepOnly(environment.filters, FILTERS);
  keepOnly(environment.functions, FUNCTIONS);
  keepOnly(environment.tests, TESTS);
  for (const filter of environment.filters.values()) environment.addFilter(guardFilter(filter));
  for (const twingFunction of environment.functions.values()) environment.addFunction(guardFunction(twingFunction));
  return environment;
}

/**
 * Goes through a parsed template.
 * @returns the names of the context that it mentions.
 * @throws {TemplateError} at the first thing that a template may not do.
 */
export function namesIn(template: TwingTemplateNode): Set<string> {
  const names = new Set<string>();
  const { body, parent, blocks, macros, traits } = template.children;
  // The last ones are empty unless the template extends, defines or uses something, which is refused there.
  const pending: TwingBaseNode[] = [body, ...[blocks, macros, traits].flatMap(childrenOf)];
  if (parent) throw refusal(parent, '"extends" is not available', 'include');
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    assertAllowed(node);
    if (node.type === 'name') names.add((node.attributes as { name: string }).name);
    pending.push(...childrenOf(node));
  }
  return names;
}

function childrenOf(node: TwingBaseNode): TwingBaseNode[] {
  return getChildren(node).map(([, child]) => child as TwingBaseNode);
}

function assertAllowed(node: TwingBaseNode): void {
  const { name, type } = node.attributes as { name?: string; type?: string };
  if (!NODES.has(node.type as string | null)) {
    const word: string = node.tag ?? TAG_OF[node.type as string] ?? (node.type as string);
    throw refusal(node, `"${word}" is not available`, word);
  }
  if (node.type === 'attribute_accessor' && type === 'method')
    throw refusal(node, 'methods cannot be called', 'parentheses');
  if (node.type === 'name' && RESERVED_NAMES.has(name!)) throw refusal(node, `"${name}" is not available`, name!);
}

function refusal(node: TwingBaseNode, what: string, word: string): TemplateError {
  const remedy = REMEDIES[word] ?? 'leave it out';
  return new TemplateError(
    `line ${node.line}: ${what} in templates; ${remedy} (docs/templates.md lists what there is)`,
  );
}

function keepOnly(map: Map<string, unknown>, names: readonly string[]): void {
  for (const name of map.keys()) if (!names.includes(name)) map.delete(name);
}
