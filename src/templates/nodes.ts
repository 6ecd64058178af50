/** Reading the parser's tree. */
import type { TwingBaseNode } from 'twing';

/** What nodes say of themselves; each type has its own of these. */
export interface Attributes {
  /** Of names, and of what is set. */
  name: string;
  /** Of filters, functions and tests: which. */
  operatorName: string;
  /** Of constants. */
  value: unknown;
  /** Of texts. */
  data: string;
  /** Of what is escaped: how. */
  strategy: string;
  /** True for names of which only the existence is asked. */
  shouldTestExistence: boolean;
  /** True for `set` with a body. */
  captures: boolean;
  /** True for `with … only`. */
  only: boolean;
  /** Of what is read below a name: `method` for a call. */
  type: string;
}

/** A node's attributes: those that its type has. */
export function attributesOf(node: TwingBaseNode): Attributes {
  return node.attributes as unknown as Attributes;
}

/** A child that the type of the node says is there. */
export function childOf(node: TwingBaseNode, name: string): TwingBaseNode {
  return (node.children as Record<string, TwingBaseNode>)[name]!;
}

/** All children, in order. */
export function childrenOf(node: TwingBaseNode): TwingBaseNode[] {
  return Object.values(node.children as Record<string, TwingBaseNode | undefined>).filter(
    (child) => child !== undefined,
  );
}

/** Keys with values: how the parser keeps lists, maps and arguments. */
export function pairsOf(node: TwingBaseNode): [key: TwingBaseNode, value: TwingBaseNode][] {
  const children = childrenOf(node);
  return Array.from({ length: children.length / 2 }, (_, index) => [children[2 * index]!, children[2 * index + 1]!]);
}
