/**
 * `npm test`: what CI runs, the checks and then every test file, each in a process of its own.
 * `npm test -- PART…`: only the test files whose path contains a PART, without the checks.
 * The whole story goes to test.log; the last line here is the sum.
 */
import { createWriteStream, globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { inspect, stripVTControlCharacters } from 'node:util';
import { runChecks } from './check.mjs';

const LOG = 'test.log';
const FILES_AT_ONCE = 2;
/**
 * These kill and freeze whole nodes under load, against the clock: each gets the machine for itself, after all others. Those
 * left out mostly wait for what a dead node had claimed.
 */
const ALONE = /^tests[\\/]crash[\\/](?!keeps-files|starts-by-event|tells-webhooks)/;
const TEST_TIMEOUT_MS = 120_000;
/** A file that reports nothing for this long has left a timer, a server or a pool open: it would never end. */
const SILENCE_MS = TEST_TIMEOUT_MS + 15_000;
const OUTPUT_LINES = 40;

const log = createWriteStream(LOG);
const stopping = new AbortController();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
}

/** @typedef {{ passed: number, failed: number, skipped: number }} Sum */

/** @param {string} file @returns {Promise<Sum>} */
async function runFile(file) {
  const startedAt = performance.now();
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const silence = new AbortController();
  const stream = run({
    files: [file],
    execArgv: [`--test-timeout=${TEST_TIMEOUT_MS}`],
    signal: AbortSignal.any([stopping.signal, silence.signal]),
  });
  const told = tell(file, stream);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  stream.on('data', () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  });
  stream.on('test:summary', ({ counts, success, file: ofOneFile }) => {
    if (ofOneFile !== undefined) return; // the file's own count; the run's follows and knows how the process ended
    sum.passed = counts.passed;
    sum.skipped = counts.skipped + counts.todo;
    // Cancelled ones have failed too; so has a file whose process ended badly after its last test.
    sum.failed = Math.max(counts.tests - sum.passed - sum.skipped, success ? 0 : 1);
  });
  for await (const line of stream.compose(spec)) log.write(stripVTControlCharacters(String(line)));
  clearTimeout(timer);
  const took = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const counted = `${sum.passed} passed${sum.failed ? `, ${sum.failed} failed` : ''}${sum.skipped ? `, ${sum.skipped} skipped` : ''}`;
  console.log(`${sum.failed === 0 ? 'ok  ' : 'FAIL'} ${file}   ${counted}   ${took}`);
  for (const line of told) console.log(line.replace(/^/gm, '     '));
  if (silence.signal.aborted)
    console.log(`     ended after ${SILENCE_MS / 1000} s of silence: something it opened is still open`);
  return sum;
}

/** Collects what a reader wants to know about a file that failed. @param {string} file @param {ReturnType<typeof run>} stream */
function tell(file, stream) {
  /** @type {string[]} */
  const told = [];
  let printed = '';
  const keep = (/** @type {{ message: string }} */ { message }) => (printed += message);
  stream.on('test:stderr', keep);
  stream.on('test:stdout', keep);
  stream.on('test:fail', ({ name, line, nesting, details: { error } }) => {
    const isWholeFile = nesting === 0 && name.endsWith(file);
    if (isWholeFile) {
      // The failed tests have said it already. Where none has, the file broke outside of them, and its output says why.
      if (told.length > 0) return;
      const { exitCode = 0, signal = null } = Object(error);
      told.push(`${file}: ${error.message}; its process ended with ${signal ?? `status ${exitCode}`}`);
      if (printed !== '') told.push(printed.trimEnd().split('\n').slice(-OUTPUT_LINES).join('\n'));
    } else if (Object(error).failureType !== 'subtestsFailed') {
      told.push(`${file}:${line} ${name}`, explain(error.cause ?? error));
    }
  });
  return told;
}

/** An error without the frames of Node itself and without the fields its message repeats. @param {unknown} error @returns {string} */
function explain(error) {
  if (!(error instanceof Error) || error.stack === undefined) return inspect(error);
  const frames = error.stack
    .split('\n')
    .filter((line) => !/^\s+at .*\bnode:/.test(line))
    .join('\n');
  return error.cause === undefined ? frames : `${frames}\ncaused by ${explain(error.cause)}`;
}

/** @param {string[]} files @param {number} atOnce @param {Sum} total */
async function runFiles(files, atOnce, total) {
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      if (stopping.signal.aborted) return;
      const sum = await runFile(file);
      total.passed += sum.passed;
      total.failed += sum.failed;
      total.skipped += sum.skipped;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

const startedAt = performance.now();
const parts = process.argv.slice(2).map((part) => part.replace(/^\.\//, ''));
const all = globSync('{src,tests,bench}/**/*.test.ts').toSorted();
const files = parts.length === 0 ? all : all.filter((file) => parts.some((part) => file.includes(part)));
/** @type {Sum} */
const total = { passed: 0, failed: 0, skipped: 0 };
if (parts.length === 0) Object.assign(total, await runChecks());
if (files.length === 0) {
  console.log(`FAIL no test file has ${parts.join(' or ') || 'the ending .test.ts'} in its path`);
  total.failed += 1;
}
await runFiles(
  files.filter((file) => !ALONE.test(file)),
  FILES_AT_ONCE,
  total,
);
await runFiles(
  files.filter((file) => ALONE.test(file)),
  1,
  total,
);
if (stopping.signal.aborted) total.failed += 1;
log.end();
console.log(
  `\n${files.length} files${parts.length === 0 ? ' and the checks' : ''} in ${Math.round((performance.now() - startedAt) / 1000)} s; all of it is in ${LOG}`,
);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed === 0 ? 0 : 1;
