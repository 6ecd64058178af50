/** `npm run check`: types, lint, format, dead code, tidy rules. All at once, one line each; what failed is printed after it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Without a package it is Node itself. @typedef {{ name: string, package?: string, bin: string, args: string[], remedy: string }} Step */

/** @type {Step[]} */
const STEPS = [
  { name: 'types', package: 'typescript', bin: 'tsc', args: [], remedy: 'see the messages' },
  { name: 'lint', package: 'oxlint', bin: 'oxlint', args: [], remedy: 'npm run fix -- PATH, or see the messages' },
  { name: 'format', package: 'oxfmt', bin: 'oxfmt', args: ['--check'], remedy: 'npm run fix -- PATH' },
  { name: 'dead code', package: 'knip', bin: 'knip', args: ['--no-progress'], remedy: 'remove what is not used' },
];

/** A test among the others: `npm test` runs it with them. @type {Step} */
const TIDY = { name: 'tidy', bin: '', args: ['--test', 'tests/tidy.test.ts'], remedy: 'CONTRIBUTING.md has the rules' };

/** @param {{ package: string, bin: string }} tool @returns {string} the script to run with Node */
export function toolPath(tool) {
  const folder = join(root, 'node_modules', tool.package);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[tool.bin]);
}

/** @param {Step} step @returns {Promise<boolean>} */
function run(step) {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const { package: name, bin, args } = step;
    const tool = name === undefined ? [] : [toolPath({ package: name, bin })];
    const child = spawn(process.execPath, [...tool, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const ok = code === 0;
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${step.name.padEnd(10)} ${seconds} s${ok ? '' : `   → ${step.remedy}`}`);
      if (!ok) console.log(output.trimEnd().replace(/^/gm, '     '));
      resolve(ok);
    });
  });
}

/** @param {Step[]} more @returns {Promise<{ passed: number, failed: number }>} */
export async function runChecks(more = []) {
  const results = await Promise.all([...STEPS, ...more].map(run));
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
}

if (import.meta.main) process.exitCode = (await runChecks([TIDY])).failed === 0 ? 0 : 1;
