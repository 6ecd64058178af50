/** What happens only at one edge: SQL, routes, status codes. */
import { child, children, fault, nameOf, parse, productFiles, stringOf, type Node, type Rule } from './source.ts';

const SQL =
  /^\s*(--.*\n\s*)*(select\s[\s\S]*\bfrom\b|select\s+\w+\(|insert\s+into\s|update\s+[\w."]+\s+(as\s+\w+\s+)?set\s|delete\s+from\s|with\s+(recursive\s+)?\w+\s+(\([^)]*\)\s*)?as\s|(create|alter|drop)\s+(unlogged\s+)?(table|index|unique|schema|database|extension|role|function|type)\s|truncate\s+\w|lock\s+table\s|(un)?listen\s+\w+$|set\s+local\s|begin$|commit$|rollback$)/i;

export const sqlIsInPostgres: Rule = (files) =>
  productFiles(files)
    .filter((file) => !file.path.startsWith('src/postgres/'))
    .flatMap((file) =>
      parse(file)
        .visits.filter(({ node }) => SQL.test(stringOf(node) ?? ''))
        .map(({ node }) => fault(file, node.start, 'is SQL; make it a named function in src/postgres, behind a port')),
    );

const ROUTE_METHODS = /^(get|post|put|patch|delete|head|options|all|route)$/;

export const routesAreOnOnePage: Rule = (files) =>
  productFiles(files)
    .filter((file) => file.path.startsWith('src/http/') && file.path !== 'src/http/routes.ts')
    .flatMap((file) =>
      parse(file)
        .visits.filter(({ node }) => registersRoute(node))
        .map(({ node }) => fault(file, node.start, 'registers a route; every URL stands in src/http/routes.ts')),
    );

/** `app.get('/x', …)` and `app.route({ url, … })`, not `map.get('/x')`. */
function registersRoute(node: Node): boolean {
  const callee = child(node, 'callee');
  if (node.type !== 'CallExpression' || callee?.type !== 'MemberExpression' || !ROUTE_METHODS.test(nameOf(callee)))
    return false;
  const given = children(node, 'arguments');
  if (nameOf(callee) === 'route')
    return children(given[0], 'properties').some((property) => nameOf(child(property, 'key')) === 'url');
  return given.length > 1 && stringOf(given[0])?.startsWith('/') === true;
}

export const statusCodesAreChosenInHttp: Rule = (files) =>
  productFiles(files)
    .filter((file) => !file.path.startsWith('src/http/'))
    .flatMap((file) =>
      parse(file)
        .visits.filter(({ node }) => choosesStatus(node))
        .map(({ node }) =>
          fault(file, node.start, 'chooses a status code; answer with data or a typed refusal, src/http translates'),
        ),
    );

/** `reply.code(…)`, `response.status(…)`, `anything.code(404)`, `{ statusCode: 404 }`. */
function choosesStatus(node: Node): boolean {
  if (node.type === 'Property') return nameOf(child(node, 'key')) === 'statusCode' && isNumber(child(node, 'value'));
  const callee = child(node, 'callee');
  if (node.type !== 'CallExpression' || callee?.type !== 'MemberExpression' || !/^(code|status)$/.test(nameOf(callee)))
    return false;
  return /^(reply|response|res)$/.test(nameOf(child(callee, 'object'))) || isNumber(children(node, 'arguments')[0]);
}

function isNumber(node: Node | undefined): boolean {
  return node?.type === 'Literal' && typeof node.value === 'number';
}
