/**
 * Stops the parser from doubling and doubling: it uses one part of a tree several times for `?:`, `??` and `default`, and
 * goes through all of them as if they were different ones.
 */
import { TemplateError } from '#ports/templates.ts';
import type { TwingBaseNode, TwingNodeVisitor } from 'twing';
import { attributesOf, childOf, childrenOf } from './nodes.ts';

/** Nodes of a template. Parts that are shared count each time they are used. */
export const NODES_MAX = 20_000;

/** A visitor that must come before the parser's own ones. */
export function sizeGuard(): TwingNodeVisitor {
  const sizes = new WeakMap<TwingBaseNode, number>();
  const sizeOf = (node: TwingBaseNode): number => sizes.get(node) ?? 1;
  return {
    enterNode: (node) => node,
    leaveNode(node) {
      let size = childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 1);
      // The next visitor makes `x is defined ? x|default(y) : y` of it.
      if (isDefault(node)) size += sizeOf(childOf(node, 'operand')) + sizeOf(childOf(node, 'arguments'));
      if (size > NODES_MAX) throw new TemplateError(`line ${node.line}: it has too many parts; make it shorter`);
      sizes.set(node, size);
      return node;
    },
  };
}

function isDefault(node: TwingBaseNode): boolean {
  if (node.type !== 'filter' || attributesOf(node).operatorName !== 'default') return false;
  return ['name', 'attribute_accessor'].includes(childOf(node, 'operand').type as string);
}
