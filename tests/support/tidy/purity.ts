/** The core is pure: same arguments, same answer, at once. */
import { child, children, fault, nameOf, parse, productFiles, type Rule, type Visit } from './source.ts';

const FORBIDDEN_NAMES: Record<string, string> = {
  process: 'take configuration as an argument',
  performance: 'take the time as an argument',
  setTimeout: 'answer with an effect that wakes at a time',
  setInterval: 'answer with an effect that wakes at a time',
  setImmediate: 'answer with an effect',
  queueMicrotask: 'answer with an effect',
  crypto: 'take random bytes as an argument',
  fetch: 'answer with an effect',
  console: 'answer with data; the engine logs',
  globalThis: 'take it as an argument',
  require: 'take it as an argument',
  Promise: 'decide at once; the shell waits',
};

export const domainIsPure: Rule = (files) =>
  productFiles(files)
    .filter((file) => file.path.startsWith('src/domain/'))
    .flatMap((file) =>
      parse(file).visits.flatMap((visit) => {
        const wrong = impurity(visit);
        return wrong === undefined ? [] : [fault(file, visit.node.start, wrong)];
      }),
    );

function impurity(visit: Visit): string | undefined {
  const { node } = visit;
  if (node.type === 'AwaitExpression' || node.async === true) return 'waits; domain decides at once, the shell waits';
  const callee = child(node, 'callee');
  const clock = 'reads the clock; take `now` as an argument';
  if (/^(New|Call)Expression$/.test(node.type) && callee?.type === 'Identifier' && callee.name === 'Date') {
    if (node.type === 'CallExpression' || children(node, 'arguments').length === 0) return clock;
  }
  if (node.type === 'MemberExpression') {
    const path = `${nameOf(child(node, 'object'))}.${nameOf(child(node, 'property'))}`;
    if (path === 'Date.now') return clock;
    if (path === 'Math.random') return 'throws dice; take randomness as an argument';
  }
  if (node.type !== 'Identifier' || !isReference(visit)) return undefined;
  const name = String(node.name);
  return Object.hasOwn(FORBIDDEN_NAMES, name) ? `uses ${name}; ${FORBIDDEN_NAMES[name]}` : undefined;
}

/** False for names that are only labels: `leg.process`, `{ process: 1 }`. */
function isReference({ node, parents }: Visit): boolean {
  const parent = parents.at(-1);
  if (parent === undefined || parent.computed === true || parent.shorthand === true) return true;
  return parent.property !== node && parent.key !== node;
}
