/** Nothing is swept under the carpet: errors, types, tests, promises to do it later. */
import {
  child,
  children,
  fault,
  isScript,
  isTest,
  nameOf,
  parse,
  type Node,
  type Rule,
  type SourceFile,
} from './source.ts';

/** One check of one node; undefined when it is fine. */
type NodeCheck = (node: Node, file: SourceFile) => string | undefined;

const everyNode = (check: NodeCheck, wanted: (file: SourceFile) => boolean = () => true): Rule => {
  return (files) =>
    files
      .filter((file) => isScript(file) && wanted(file))
      .flatMap((file) =>
        parse(file).visits.flatMap(({ node }) => {
          const wrong = check(node, file);
          return wrong === undefined ? [] : [fault(file, node.start, wrong)];
        }),
      );
};

const SAY_WHY = 'hides an error without a word; say in a comment why that is right, or handle it';

export const noSilentCatch: Rule = everyNode((node, file) => {
  if (node.type === 'CatchClause') {
    const body = child(node, 'body');
    return children(body, 'body').length === 0 && !hasCommentWithin(file, node.start, node.end) ? SAY_WHY : undefined;
  }
  if (node.type !== 'CallExpression' || child(node, 'callee')?.type !== 'MemberExpression') return undefined;
  const method = nameOf(child(node, 'callee'));
  const handler = children(node, 'arguments')[method === 'catch' ? 0 : 1];
  if (!['catch', 'then'].includes(method) || handler === undefined || !doesNothing(handler)) return undefined;
  return explained(file, node) ? undefined : SAY_WHY;
});

function doesNothing(handler: Node): boolean {
  if (/^(noop|undefined)$/.test(nameOf(handler))) return true;
  const body = child(handler, 'body');
  if (!/Function/.test(handler.type) || body === undefined) return false;
  if (body.type === 'BlockStatement') return children(body, 'body').length === 0;
  return nameOf(body) === 'undefined' || (body.type === 'Literal' && body.value === null) || body.operator === 'void';
}

/** A comment on the lines of the call, or on the line above them. */
function explained(file: SourceFile, node: Node): boolean {
  const lineStart = file.text.lastIndexOf('\n', node.start) + 1;
  const lineAbove = file.text.lastIndexOf('\n', Math.max(lineStart - 2, 0)) + 1;
  const lineEnd = file.text.indexOf('\n', node.end);
  return hasCommentWithin(file, lineAbove, lineEnd === -1 ? file.text.length : lineEnd);
}

function hasCommentWithin(file: SourceFile, start: number, end: number): boolean {
  return parse(file).comments.some((comment) => comment.end > start && comment.start < end);
}

export const noAsAny: Rule = everyNode((node) =>
  node.type === 'TSAsExpression' && child(node, 'typeAnnotation')?.type === 'TSAnyKeyword'
    ? 'says "as any"; use unknown and narrow it'
    : undefined,
);

const isTestFunction = (node: Node | undefined): boolean => /^(test|it|describe|suite)$/.test(nameOf(node));
const isTrue = (node: Node | undefined): boolean => node?.type === 'Literal' && node.value === true;

export const everyTestRuns: Rule = everyNode((node) => {
  if (node.type === 'MemberExpression' && isTestFunction(child(node, 'object'))) {
    if (nameOf(node) === 'only') return 'runs only this test; take ".only" away';
    if (/^(skip|todo)$/.test(nameOf(node))) return 'skips without a reason; write { skip: "the reason" }';
  }
  if (node.type === 'Property' && isTrue(child(node, 'value'))) {
    const key = nameOf(child(node, 'key'));
    if (key === 'only') return 'runs only this test; take "only" away';
    if (/^(skip|todo)$/.test(key)) return 'skips without a reason; write the reason instead of true';
  }
  const bare = node.type === 'CallExpression' && children(node, 'arguments').length === 0;
  return bare && /^(skip|todo)$/.test(nameOf(child(node, 'callee')))
    ? 'skips without a reason; give it as the argument'
    : undefined;
}, isTest);

const WRONG_COMMENTS: [found: RegExp, remedy: string][] = [
  [/@ts-(ignore|nocheck)/, 'silences the compiler; fix the type, or use @ts-expect-error with a reason'],
  [/@ts-expect-error\s*$/, 'expects a type error without a reason; say which and why'],
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'promises work; do it, or open an issue and say what is so today'],
  [/^\s*(oxlint|eslint)-disable(?!.* -- \S)/, 'silences the lint without a reason; add " -- " and the reason'],
];

export const commentsHideNothing: Rule = (files) =>
  files
    .filter(isScript)
    .flatMap((file) =>
      parse(file).comments.flatMap(({ value, start }) =>
        WRONG_COMMENTS.filter(([found]) => found.test(value)).map(([, remedy]) => fault(file, start, remedy)),
      ),
    );
