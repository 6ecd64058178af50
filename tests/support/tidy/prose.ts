/** What is written beside the code stays true to it: docstrings, and the page of states. */
import {
  child,
  children,
  fault,
  nameOf,
  parse,
  productFiles,
  stringOf,
  type Node,
  type Rule,
  type SourceFile,
} from './source.ts';

const NEEDS_DOCSTRING =
  /^(FunctionDeclaration|TSDeclareFunction|ClassDeclaration|TSInterfaceDeclaration|TSTypeAliasDeclaration)$/;

export const exportsAreExplained: Rule = (files) =>
  productFiles(files)
    .filter((file) => /^src\/(domain|ports)\//.test(file.path))
    .flatMap((file) => {
      const explainedNames = new Set<string>(); // the first of a function's overloads speaks for all
      return parse(file).visits.flatMap(({ node }) => {
        const declared = node.type.startsWith('Export') ? child(node, 'declaration') : undefined;
        if (declared === undefined || !NEEDS_DOCSTRING.test(declared.type)) return [];
        const name = nameOf(child(declared, 'id'));
        if (hasDocstring(file, node)) explainedNames.add(name);
        return explainedNames.has(name)
          ? []
          : [fault(file, node.start, `${name} has no /** docstring */ directly above it`)];
      });
    });

function hasDocstring(file: SourceFile, node: Node): boolean {
  const above = parse(file).comments.findLast(({ end }) => end <= node.start);
  if (above === undefined || above.type !== 'Block' || !above.value.startsWith('*')) return false;
  return /^[ \t]*\r?\n?[ \t]*$/.test(file.text.slice(above.end, node.start));
}

const STATES_PAGE = 'docs/states.md';
const STATES_SOURCE = 'src/domain/transaction.ts';

/** Types of states; …Status alone would take in what receipts and providers say. */
const STATE_TYPE = /(State|(Transaction|Leg|Message)Status)$/;

/** A state is a string, or an object's `name`, in such a type; a string of a `state:` field; or of a list …STATES. */
export const statesAreDocumented: Rule = (files) => {
  const page = files.find((file) => file.path === STATES_PAGE);
  if (page === undefined)
    return [`${STATES_PAGE}:1 does not exist; it describes every state of legs, messages and transactions`];
  if (!files.some((file) => file.path === STATES_SOURCE))
    return [`${STATES_SOURCE}:1 does not exist; this rule reads the states from src/domain`];
  const documented = new Set([...page.text.matchAll(/`(\w+)`/g)].map((found) => found[1]));
  const states = productFiles(files)
    .filter((file) => file.path.startsWith('src/domain/'))
    .flatMap((file) => parse(file).visits.flatMap(({ node }) => statesIn(node).map((state) => ({ file, ...state }))));
  if (states.length === 0)
    return [`${STATES_SOURCE}:1 names no states that this rule can see; mend the rule or the types`];
  return states
    .filter(({ word }) => !documented.has(word))
    .map(({ file, word, position }) =>
      fault(file, position, `the state ${word} is not in ${STATES_PAGE} as \`${word}\``),
    );
};

function statesIn(node: Node): { word: string; position: number }[] {
  if (node.type === 'TSTypeAliasDeclaration' && STATE_TYPE.test(nameOf(child(node, 'id')))) {
    return members(child(node, 'typeAnnotation')).flatMap((member) => [
      ...literals(member),
      ...children(member, 'members')
        .filter((field) => nameOf(child(field, 'key')) === 'name')
        .flatMap((field) => literals(typeOf(field))),
    ]);
  }
  if (node.type === 'TSPropertySignature' && nameOf(child(node, 'key')) === 'state') return literals(typeOf(node));
  if (node.type === 'VariableDeclarator' && nameOf(child(node, 'id')).endsWith('STATES')) {
    const list = child(node, 'init');
    return children(list?.type === 'TSAsExpression' ? child(list, 'expression') : list, 'elements').flatMap(word);
  }
  return [];
}

function typeOf(field: Node): Node | undefined {
  return child(child(field, 'typeAnnotation'), 'typeAnnotation');
}

function members(type: Node | undefined): Node[] {
  if (type === undefined) return [];
  return type.type === 'TSUnionType' ? children(type, 'types').flatMap(members) : [type];
}

function literals(type: Node | undefined): { word: string; position: number }[] {
  return members(type).flatMap((member) => (member.type === 'TSLiteralType' ? word(child(member, 'literal')) : []));
}

function word(node: Node | undefined): { word: string; position: number }[] {
  const text = stringOf(node);
  return node === undefined || text === undefined ? [] : [{ word: text, position: node.start }];
}
