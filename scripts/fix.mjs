/**
 * `npm run fix -- PATH…`: what the lint can mend itself, then the format. It writes to the files, so it wants to be told
 * which: somebody else may be editing the others. `npm run fix -- .` means the whole tree.
 */
import { spawnSync } from 'node:child_process';
import { toolPath } from './check.mjs';

const paths = process.argv.slice(2);
const fix = (/** @type {string} */ tool, /** @type {string[]} */ args) =>
  spawnSync(process.execPath, [toolPath({ package: tool, bin: tool }), ...args, ...paths], { stdio: 'inherit' })
    .status ?? 1;

if (paths.length === 0) {
  console.error('say which files or folders to mend: npm run fix -- src/http   (or "." for all of them)');
  process.exitCode = 1;
} else {
  process.exitCode = Math.max(fix('oxlint', ['--fix']), fix('oxfmt', []));
}
