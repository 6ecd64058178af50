/** `npm run check`: types, lint, format, dead code. All at once, one line each; what failed is printed after it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @typedef {{ name: string, package: string, bin: string, args: string[], remedy: string }} Step */

/** @type {Step[]} */
const STEPS = [
  { name: 'types', package: 'typescript', bin: 'tsc', args: [], remedy: 'see the messages' },
  { name: 'lint', package: 'oxlint', bin: 'oxlint', args: [], remedy: 'npm run fix -- PATH, or see the messages' },
  { name: 'format', package: 'oxfmt', bin: 'oxfmt', args: ['--check'], remedy: 'npm run fix -- PATH' },
  { name: 'dead code', package: 'knip', bin: 'knip', args: ['--no-progress'], remedy: 'remove what is not used' },
];

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
    const child = spawn(process.execPath, [toolPath(step), ...step.args], {
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

/** @returns {Promise<{ passed: number, failed: number }>} */
export async function runChecks() {
  const results = await Promise.all(STEPS.map(run));
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
}

if (import.meta.main) process.exitCode = (await runChecks()).failed === 0 ? 0 : 1;
