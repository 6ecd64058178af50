/** What turns the nodes of a parsed template into what can be run. */
import type { TwingBaseNode } from 'twing';
import type { Escaping } from '#ports/templates.ts';
import type { Run } from './execution.ts';
import { NODES_MAX } from './size-guard.ts';

/** Nodes that are executed in one step. Those that compute, or go through data, charge for that themselves. */
const NODES_PER_STEP = 2;

/** Makes a node of one type executable. */
export type Build = (node: TwingBaseNode, compiler: Compiler) => Run;

/** Compiles one template. */
export class Compiler {
  readonly escaping: Escaping;
  /** Names that the template sets somewhere; null when that cannot be known. Others are the context's alone. */
  readonly assigned: ReadonlySet<string> | null;
  readonly #builds: ReadonlyMap<string | null, Build>;
  /** How many nodes there have been so far: what a part of the template takes to execute, in steps. */
  nodes = 0;
  /** The names that `set` has set so far, in order. */
  readonly namesSet: string[] = [];

  constructor(builds: ReadonlyMap<string | null, Build>, assigned: ReadonlySet<string> | null, escaping: Escaping) {
    this.#builds = builds;
    this.assigned = assigned;
    this.escaping = escaping;
  }

  /** @throws when the template has too many nodes. */
  compile(node: TwingBaseNode): Run {
    if (++this.nodes > NODES_MAX) throw new Error('it has too many parts; make it shorter');
    return this.#builds.get(node.type as string | null)!(node, this);
  }

  /** A part that is executed again and again, and what it takes each time. */
  compileRepeated(node: TwingBaseNode): { run: Run; steps: number } {
    const before = this.nodes;
    const run = this.compile(node);
    return { run, steps: Math.ceil((this.nodes - before) / NODES_PER_STEP) };
  }
}
