/** What the tidy rules look at: files as text, and as syntax trees. Rules are pure, so each can be proved on a small faulty file. */
import { parseSync, type Comment } from 'oxc-parser';

/** Paths are relative to the repository's root, with `/`. */
export interface SourceFile {
  path: string;
  text: string;
}

/** Answers one line per fault, `path:line what is wrong; what to do`. */
export type Rule = (files: SourceFile[]) => string[];

/** An ESTree node, as loosely typed as rules need it: they ask for a few fields of many kinds. */
export interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

/** A node with the way to it, the nearest parent last. */
export interface Visit {
  node: Node;
  parents: Node[];
}

interface Parsed {
  visits: Visit[];
  comments: Comment[];
}

/** Several rules read each file; parsing is the dear part. */
const parsedFiles = new WeakMap<SourceFile, Parsed>();

/** Every node of a script and its comments. A file that does not parse throws: `tsc` says why better than we could. */
export function parse(file: SourceFile): Parsed {
  const known = parsedFiles.get(file);
  if (known !== undefined) return known;
  const { program, comments, errors } = parseSync(file.path, file.text);
  if (errors.length > 0) throw new Error(`${file.path} cannot be parsed: ${errors[0]?.message}`);
  const parsed = { visits: [...walk(program as unknown as Node, [])], comments };
  parsedFiles.set(file, parsed);
  return parsed;
}

function* walk(node: Node, parents: Node[]): Generator<Visit> {
  yield { node, parents };
  const below = [...parents, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* walk(child, below);
  }
}

/** True for the parts of a tree, false for names, positions and missing parts. */
function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** The node in a field, where there is one. */
export function child(node: Node | undefined, field: string): Node | undefined {
  const value = node?.[field];
  return isNode(value) ? value : undefined;
}

/** The nodes in a list field. */
export function children(node: Node | undefined, field: string): Node[] {
  const value = node?.[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The name that `object.name` or `name` ends in; empty for anything else. */
export function nameOf(node: Node | undefined): string {
  if (node === undefined) return '';
  if (node.type === 'Identifier') return String(node.name);
  if (node.type === 'MemberExpression' && node.computed !== true) return nameOf(child(node, 'property'));
  return '';
}

/** The text of a string, or of a template up to its first `${`; undefined for anything else. */
export function stringOf(node: Node | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type !== 'TemplateLiteral') return undefined;
  const first = children(node, 'quasis')[0]?.value as { cooked?: string | null } | undefined;
  return first?.cooked ?? '';
}

/** The line, counted from 1, of a position in the file. */
function lineAt(file: SourceFile, position: number): number {
  return file.text.slice(0, position).split('\n').length;
}

/** One fault, in the form that editors and terminals make a link of. */
export function fault(file: SourceFile, position: number, message: string): string {
  return `${file.path}:${lineAt(file, position)} ${message}`;
}

export const isScript = (file: SourceFile): boolean => /\.(ts|tsx|mts|mjs|js)$/.test(file.path);
export const isTest = (file: SourceFile): boolean => /\.test\.tsx?$/.test(file.path) || file.path.startsWith('tests/');

/** The product's own code: scripts below `src/` that are no tests. */
export function productFiles(files: SourceFile[]): SourceFile[] {
  return files.filter((file) => file.path.startsWith('src/') && isScript(file) && !isTest(file));
}

/** `src/domain/leg.ts` → `domain`; files directly in `src/` belong to `main`. */
export function roomOf(path: string): string | undefined {
  return /^src\/(?:([^/]+)\/)?[^/]+/.exec(path) === null ? undefined : (/^src\/([^/]+)\//.exec(path)?.[1] ?? 'main');
}
