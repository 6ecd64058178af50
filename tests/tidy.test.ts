/** The style as a test: each rule is proved on a planted fault, shown something good, then held against the whole tree. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { routesAreOnOnePage, sqlIsInPostgres, statusCodesAreChosenInHttp } from './support/tidy/edges.ts';
import { commentsHideNothing, everyTestRuns, noAsAny, noSilentCatch } from './support/tidy/honesty.ts';
import { exportsAreExplained, statesAreDocumented } from './support/tidy/prose.ts';
import { domainIsPure } from './support/tidy/purity.ts';
import { roomsImportOnlyWhatTheyMay } from './support/tidy/rooms.ts';
import { filesAreShort, namesSaySomething, noBarrels } from './support/tidy/shape.ts';
import type { Rule, SourceFile } from './support/tidy/source.ts';
import { ignoredBy, readTree } from './support/tidy/tree.ts';
import { noPathsOfOneMachine, vendorWordsHaveOneHome } from './support/tidy/words.ts';

const ROOT = join(import.meta.dirname, '..');

/** Files over 400 lines, or with a function over 70 that the lint is told to excuse: path → reason. */
const LONG: Record<string, string> = {};

/** `path ⏎ text`: one small file each. A fault must bring a complaint, all that is fine together none. */
interface Proof {
  rule: Rule;
  faults: [path: string, text: string][];
  fine: [path: string, text: string][];
}

const source = ([path, text]: [string, string]): SourceFile => ({ path, text });
const linesOf = (count: number): string => 'export {};\n'.repeat(count);
const asPath = (...parts: string[]): string => ['', ...parts].join('/'); // so that this file holds no such path itself

const PROOFS: Record<string, Proof> = {
  'rooms import only what they may': {
    rule: roomsImportOnlyWhatTheyMay,
    faults: [
      ['src/domain/leg.ts', `import { query } from '#postgres/query.ts';`],
      ['src/domain/leg.ts', `import type { Clock } from '../ports/clock.ts';`],
      ['src/domain/leg.ts', `import { parsePhoneNumber } from 'libphonenumber-js/max';`],
      ['src/domain/leg.ts', `import { createHash } from 'node:crypto';`],
      ['src/domain/leg.test.ts', `import { pool } from '#postgres/pool.ts';`],
      ['src/domain/leg.test.ts', `import { seed } from '../../tests/support/seed.ts';`],
      ['src/domain/leg.ts', `import { play } from '../../tests/support/domain/play.ts';`],
      ['src/ports/clock.ts', `import type { Logger } from 'pino';`],
      ['src/engine/send.ts', `const sms = await import('#providers/sms.ts');`],
      ['src/engine/send.ts', `let pool: import('pg').Pool;`],
      ['src/http/server.ts', `export { start } from '#config.ts';`],
      ['src/http/server.ts', `import { seed } from '../../tests/support/seed.ts';`],
      ['src/cli/apply.ts', `import { Pool } from 'pg';`],
      ['src/cellar/wine.ts', `import { leg } from '#domain/leg.ts';`],
    ],
    fine: [
      ['src/main.ts', `import { open } from '#postgres/open.ts'; import { Pool } from 'pg'; import './config.ts';`],
      [
        'src/domain/leg.ts',
        `import { unreachable } from './unreachable.ts'; import type { Id } from '#domain/ids.ts';`,
      ],
      ['src/domain/leg.test.ts', `import test from 'node:test'; import fc from 'fast-check'; import './leg.ts';`],
      ['src/domain/leg.test.ts', `import { play } from '../../tests/support/domain/play.ts';`],
      ['src/ports/clock.ts', `import type { Instant } from '#domain/time.ts';`],
      ['src/postgres/store.ts', `import { Pool } from 'pg'; import { Store } from '#ports/store.ts';`],
      ['src/http/server.test.ts', `import { open } from '#postgres/open.ts';`],
    ],
  },
  'domain is pure': {
    rule: domainIsPure,
    faults: [
      'const now = Date.now();',
      'const now = new Date();',
      'const text = Date();',
      'const dice = Math.random();',
      'const home = process.env.HOME;',
      'const at = performance.now();',
      'setTimeout(go, 1);',
      'async function f() {}',
      'const f = async () => 1;',
      'await f();',
      'declare function f(): Promise<void>;',
      'const id = crypto.randomUUID();',
      'const all = { process };',
    ].map((text) => ['src/domain/leg.ts', text]),
    fine: [
      [
        'src/domain/leg.ts',
        'const day = new Date(now); leg.process = { process: 1, fetch: leg.fetch }; // await Date.now()',
      ],
      ['src/domain/leg.test.ts', 'const now = Date.now(); await f();'],
      ['src/engine/send.ts', 'const now = Date.now(); await f();'],
    ],
  },
  'files are short': {
    rule: filesAreShort({ 'src/long.ts': 'a table', 'src/excused.ts': 'one long switch' }),
    faults: [
      ['src/other.ts', linesOf(401)],
      ['src/other.ts', '// oxlint-disable-next-line max-lines-per-function -- it is a table'],
      ['src/long.ts', linesOf(3)], // stale
    ],
    fine: [
      ['src/long.ts', linesOf(401)],
      ['src/short.ts', linesOf(400)],
      ['src/excused.ts', '// oxlint-disable-next-line max-lines-per-function -- it is a table'],
      ['docs/long.md', linesOf(900)],
    ],
  },
  'names say something': {
    rule: namesSaySomething,
    faults: [
      'src/utils/time.ts',
      'src/engine/helpers.ts',
      'src/common.test.ts',
      'tests/misc/a.ts',
      'src/ports/types.ts',
      'docs/Util.md',
    ].map((path) => [path, '']),
    fine: [
      ['src/domain/types-of-mail.ts', ''],
      ['tests/support/tidy/words.ts', ''],
    ],
  },
  'no barrels': {
    rule: noBarrels,
    faults: [
      ['src/engine/index.ts', `export * from './send.ts';`],
      ['src/engine/all.ts', `export { send } from './send.ts';`],
      ['src/engine/all.ts', `export type { Send } from './send.ts';`],
    ],
    fine: [['src/engine/send.ts', `import { a } from './a.ts'; const b = a; export { b }; export const c = 1;`]],
  },
  'vendor words have one home': {
    rule: vendorWordsHaveOneHome,
    faults: [
      ['src/engine/accept.ts', 'const phone = body.overrideData.phone;'],
      ['src/http/routes.ts', `app.post('/v2/accounts/:licenseCode/transaction', go);`],
      ['src/http/dialects/xtremepush.ts', 'const { trackConfig } = body;'],
      ['src/http/auth.ts', `const key = body['apptoken'];`],
    ],
    fine: [
      ['src/http/dialects/webengage.ts', 'const phone = body.overrideData.phone;'],
      ['src/http/dialects/webengage-users.ts', 'const { licenseCode } = path;'],
      ['src/http/dialects/xtremepush.ts', 'const { apptoken } = body;'],
      ['src/http/auth.ts', '/** An account id is the licenseCode of WebEngage. */'],
      ['tests/fallback.test.ts', 'const body = { overrideData: {} };'],
      ['docs/webengage.md', 'overrideData'],
    ],
  },
  'no paths of one machine': {
    rule: noPathsOfOneMachine,
    faults: [
      ['README.md', `cd ${asPath('home', 'anna', 'carom')}`],
      ['src/main.ts', `const root = '${asPath('Users', 'anna', 'carom')}';`],
      ['scripts/run.mjs', `// see ${asPath('work', 'notes.md')}`],
    ],
    fine: [
      [
        'README.md',
        `https://example.com${asPath('home', 'page')} ~${asPath('work', 'x')} src${asPath('home', 'x.ts')}`,
      ],
    ],
  },
  'SQL is in postgres': {
    rule: sqlIsInPostgres,
    faults: [
      'select 1 as one from legs',
      'SELECT now()',
      'insert into legs values (1)',
      'update legs set state = 1',
      'delete from legs',
      'with due as (select 1) select * from due',
      'create table legs ()',
      '\\n  -- the due ones\\n  select * from legs',
    ]
      .map((sql) => ['src/engine/wake.ts', `await query("${sql}");`] as [string, string])
      .concat([['src/http/stats.ts', 'query(`select ${columns} from legs`, `select\n*\nfrom legs`);']]),
    fine: [
      ['src/postgres/legs.ts', 'query(`select * from legs`);'],
      [
        'src/engine/wake.ts',
        `log('update the campaign, then delete it, with care'); log('select a provider'); log('begin with this');`,
      ],
      ['src/engine/wake.test.ts', 'query(`select * from legs`);'],
    ],
  },
  'routes are on one page': {
    rule: routesAreOnOnePage,
    faults: [
      `app.get('/v1/stats', stats);`,
      'fastify.post(`/v1/${name}`, { schema }, go);',
      `app.route({ method: 'GET', url: '/x', handler });`,
    ].map((text) => ['src/http/api/stats.ts', text]),
    fine: [
      ['src/http/routes.ts', `app.get('/v1/stats', stats);`],
      ['src/http/api/stats.ts', `request.headers.get('x'); files.get('/index.html'); map.delete('/x');`],
    ],
  },
  'status codes are chosen in http': {
    rule: statusCodesAreChosenInHttp,
    faults: [
      ['src/engine/accept.ts', 'reply.code(status);'],
      ['src/engine/accept.ts', 'context.status(404);'],
      ['src/domain/refusal.ts', 'const refusal = { statusCode: 412 };'],
    ],
    fine: [
      ['src/http/problem.ts', 'reply.code(404).send({ statusCode: 404 });'],
      ['src/providers/http.ts', 'if (response.statusCode >= 500) retry(error.code, response.status);'],
    ],
  },
  'no silent catch': {
    rule: noSilentCatch,
    faults: [
      'try { f(); } catch {}',
      'try { f(); } catch (error) {\n}',
      'f().catch(() => {});',
      'f().catch(() => undefined);',
      'f().then(go, () => {});',
      'f().catch(noop);',
      '// why\n\nf().catch(() => null);',
    ].map((text) => ['src/engine/send.ts', text]),
    fine: [
      ['src/engine/send.ts', 'try { f(); } catch { /* it may be gone already */ }'],
      ['src/engine/send.ts', '// It may be gone already.\nf().catch(() => {});'],
      ['src/engine/send.ts', 'f().catch(() => {}); // it may be gone already'],
      [
        'src/engine/send.ts',
        'try { f(); } catch (error) { log(error); } f().catch((error) => log(error)); f().then(go);',
      ],
    ],
  },
  'no "as any"': {
    rule: noAsAny,
    faults: [
      ['src/engine/send.ts', 'const x = y as any;'],
      ['tests/a.test.ts', 'f((y as any).z);'],
    ],
    fine: [['src/engine/send.ts', 'const x = y as unknown as Leg; // as any']],
  },
  'every test runs': {
    rule: everyTestRuns,
    faults: [
      `test.only('x', f);`,
      `test('x', { only: true }, f);`,
      `describe.skip('x', f);`,
      `it.todo('x');`,
      `test('x', { skip: true }, f);`,
      `test('x', (t) => t.skip());`,
    ].map((text) => ['tests/a.test.ts', text]),
    fine: [
      [
        'tests/a.test.ts',
        `test('x', { skip: isRoot && 'PostgreSQL refuses root' }, f); test('y', (t) => t.skip('no browser'));`,
      ],
      ['src/http/list.ts', `query({ only: true, skip: true });`],
    ],
  },
  'comments hide nothing': {
    rule: commentsHideNothing,
    faults: [
      '// @ts-ignore',
      '/* @ts-nocheck */',
      '// @ts-expect-error',
      `// TODO: later`,
      `/* FIXME */`,
      '// oxlint-disable-next-line no-console',
    ].map((text) => ['src/a.ts', text]),
    fine: [
      ['src/a.ts', '// @ts-expect-error the types of 2.0 lack this field'],
      ['src/a.ts', '// oxlint-disable-next-line no-console -- the command prints'],
      ['src/a.ts', `const word = 'TODO'; // todos are rows`],
    ],
  },
  'exports of domain and ports are explained': {
    rule: exportsAreExplained,
    faults: [
      'export function f() {}',
      'export type Leg = 1;',
      'export interface Leg {}',
      'export class Leg {}',
      '// a leg\nexport type Leg = 1;',
      '/* a leg */\nexport type Leg = 1;',
      '/** the file */\n\nexport type Leg = 1;',
    ].map((text) => ['src/domain/leg.ts', text]),
    fine: [
      [
        'src/domain/leg.ts',
        '/** A leg. */\nexport type Leg = 1;\n/**\n * Two.\n */\nexport function two() {}\nfunction own() {}',
      ],
      [
        'src/ports/store.ts',
        '/** Finds. */\nexport function find(a: 1): 1;\nexport function find(a: 2): 2;\nexport function find(a: number) { return a; }',
      ],
      ['src/engine/send.ts', 'export function send() {}'],
    ],
  },
};

for (const [name, { rule, faults, fine }] of Object.entries(PROOFS)) {
  test(`${name}: planted faults are found`, () => {
    for (const fault of faults) assert.notDeepEqual(rule([source(fault)]), [], `not found in ${fault[0]}: ${fault[1]}`);
    assert.deepEqual(rule(fine.map(source)), []);
  });
}

describe('states are documented', () => {
  const states = source([
    'src/domain/transaction.ts',
    `export type LegState = { name: 'waiting'; since: number } | { name: 'sent' };
     export type TransactionStatus = { name: 'open' };
     type Row = { state: 'running' | 'ended' };
     type EndState = 'late';
     export const CAMPAIGN_STATES = ['draft'] as const;`,
  ]);
  const words = ['waiting', 'sent', 'open', 'running', 'ended', 'late', 'draft'];
  const page = (known: string[]): SourceFile => source(['docs/states.md', known.map((word) => `\`${word}\``).join()]);

  test('a word that is missing on the page is named', () => {
    assert.deepEqual(statesAreDocumented([states, page(words)]), []);
    for (const word of words) {
      const complaint = statesAreDocumented([states, page(words.filter((other) => other !== word))]).join();
      assert.match(complaint, new RegExp(`the state ${word} is not in docs/states.md`));
    }
  });

  test('a missing page, a missing source and a source without states are faults, not silence', () => {
    assert.match(statesAreDocumented([states]).join(), /docs\/states.md.*does not exist/);
    assert.match(statesAreDocumented([page([])]).join(), /transaction.ts.*does not exist/);
    assert.match(statesAreDocumented([page([]), source([states.path, 'export {};'])]).join(), /names no states/);
  });
});

test('functions are short: the lint finds one of 71 lines, and none of 70', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carom-tidy-'));
  const lint = (lines: number): string => {
    writeFileSync(
      join(folder, 'long.ts'),
      `export function long(x: number): number {\n${'  x += 1;\n'.repeat(lines - 3)}  return x;\n}\n`,
    );
    const args = [
      join(ROOT, 'node_modules/oxlint/bin/oxlint'),
      '-c',
      join(ROOT, '.oxlintrc.json'),
      '-f',
      'unix',
      folder,
    ];
    return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }).stdout;
  };
  try {
    assert.match(lint(71), /max-lines-per-function/);
    assert.doesNotMatch(lint(70), /max-lines-per-function/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('.gitignore is understood, or refused', () => {
  const isIgnored = ignoredBy('# no\nnode_modules\n*.log\n');
  assert.deepEqual(['node_modules', 'test.log', 'src', 'log'].map(isIgnored), [true, true, false, false]);
  assert.throws(() => ignoredBy('/build/*\n'), /neither a name nor/);
});

describe('the whole tree', () => {
  const tree = readTree(ROOT);
  const rules = Object.entries(PROOFS).map(([name, { rule }]): [string, Rule] => [name, rule]);
  const real = new Map<string, Rule>([
    ...rules,
    ['files are short', filesAreShort(LONG)],
    ['states are documented', statesAreDocumented],
  ]);
  for (const [name, rule] of real) {
    test(name, () => {
      const faults = rule(tree);
      assert.ok(faults.length === 0, `\n${faults.join('\n')}\n`);
    });
  }
});
