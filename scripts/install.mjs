/**
 * Installs what is missing before anything else runs. Plain JavaScript for the Node 20 that a machine may come with,
 * and without packages: there may be none yet.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where Node keeps what it has compiled; goes with node_modules. */
export const compileCache = join(root, 'node_modules', '.cache', 'carom');

/** Carom runs TypeScript as it is, uses `crypto.argon2` and an undici that older Nodes refuse to load. */
const NODE_MAJOR = 24;
const PROGRESS_EVERY_MS = 1000;
const OUTPUT_KEPT_CHARS = 20_000;
const OUTPUT_SHOWN_LINES = 15;
const STOP_SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM']);

const NO_NETWORK =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EIDLETIMEOUT|ERR_SOCKET_TIMEOUT|UNABLE_TO_\w+|SELF_SIGNED_CERT_IN_CHAIN)\b/;
const NOT_ALLOWED = /\b(EACCES|EPERM|EROFS)\b/;

/**
 * Has Node compile all of Carom, unless it has, and keep that: a start then takes half the time, and a fifth less memory for as
 * long as it runs, for the type stripper is not even loaded. What is edited later is compiled when it runs, as ever.
 * @param {string} node
 * @returns {string} the folder for NODE_COMPILE_CACHE
 */
export function compileOnce(node) {
  if (!existsSync(compileCache)) {
    const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
    // Without success the first start compiles, and says what is wrong.
    spawnSync(node, [join(root, 'src', 'main.ts'), '--version'], { env, stdio: 'ignore' });
  }
  return compileCache;
}

/** @typedef {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} LockedPackages */

/**
 * What an install would change: the packages of package-lock.json that node_modules lacks or has in another version.
 * Optional ones may be absent (they belong to other platforms). Folders that npm would only remove do no harm.
 * @param {LockedPackages} locked `packages` of package-lock.json
 * @param {LockedPackages} installed `packages` of node_modules/.package-lock.json, which npm writes last
 */
export function missingPackages(locked, installed) {
  return Object.entries(locked)
    .filter(([path, want]) => {
      if (path === '') return false;
      const have = installed[path];
      return have === undefined ? !(want.optional || want.devOptional) : have.version !== want.version;
    })
    .map(([path]) => path);
}

/** The Node that Carom runs on: the pinned one, or this one where it is new enough. Null when there is neither. */
export function caromNode() {
  const pinned = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  // It is run, not only looked at: a node_modules copied from another platform has a binary that does not start here.
  if (existsSync(pinned) && spawnSync(pinned, ['--version']).status === 0) return pinned;
  return Number.parseInt(process.versions.node, 10) >= NODE_MAJOR ? process.execPath : null;
}

/** Leaves node_modules as package-lock.json says, and answers the Node to run Carom on. Throws with the remedy. */
export async function ensureInstalled() {
  const node = isComplete() ? caromNode() : null;
  if (node !== null) return node;
  await install();
  const installed = caromNode();
  if (installed !== null) return installed;
  throw new Error(
    `there is no Node ${NODE_MAJOR} for ${process.platform}-${process.arch} in the npm package "node": ` +
      `install Node ${NODE_MAJOR} or newer from https://nodejs.org and run this again`,
  );
}

function isComplete() {
  const done = join(root, 'node_modules', '.package-lock.json');
  return (
    existsSync(done) && missingPackages(packagesOf(join(root, 'package-lock.json')), packagesOf(done)).length === 0
  );
}

/** @param {string} file @returns {LockedPackages} */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

async function install() {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const live = process.stderr.isTTY;
  process.stderr.write(`Installing dependencies (only once) …${live ? '' : '\n'}`);
  const ticking = setInterval(() => {
    if (live) process.stderr.write(`\rInstalling dependencies (only once) … ${seconds()} s `);
  }, PROGRESS_EVERY_MS);
  const { status, output } = await npmCi().finally(() => clearInterval(ticking));
  if (live) process.stderr.write('\r\u001B[K');
  if (status === 0) return void process.stderr.write(`Dependencies installed in ${seconds()} s.\n`);
  throw new Error(installFailure(output));
}

/** @returns {Promise<{ status: number, output: string }>} */
function npmCi() {
  // Dev dependencies always: they hold the Node that Carom runs on, also under NODE_ENV=production. Few, short retries:
  // npm's own would leave a machine without network silent for more than a minute.
  const wanted = ['--include=dev', '--include=optional', '--ignore-scripts=false', '--no-audit', '--no-fund'];
  const quick = ['--loglevel=error', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=4000'];
  const onWindows = process.platform === 'win32';
  return new Promise((resolve, reject) => {
    const npm = spawn('npm', ['ci', ...wanted, ...quick], {
      cwd: root,
      env: { ...process.env, PATH: pathWithoutOwnBinaries(process.env.PATH ?? '') },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: onWindows,
      detached: !onWindows, // a group of its own: npm starts more of itself, and all of it must stop with us
    });
    let stopped = false;
    const stop = () => {
      stopped = true;
      // Asked politely, npm takes half a minute to undo its work. The next run begins with undoing it anyway.
      if (npm.pid !== undefined && !onWindows) process.kill(-npm.pid, 'SIGKILL');
    };
    for (const signal of STOP_SIGNALS) process.on(signal, stop);
    let output = '';
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-OUTPUT_KEPT_CHARS)));
    }
    npm.on('error', (error) =>
      reject(new Error('npm cannot be started: install Node.js with npm and run this again', { cause: error })),
    );
    npm.on('close', (code) => {
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
      if (stopped) reject(new Error('stopped while installing; the next run installs from the start'));
      else resolve({ status: code ?? 1, output });
    });
  });
}

/** npm must not run on the Node inside node_modules: `npm ci` deletes it first. @param {string} path */
function pathWithoutOwnBinaries(path) {
  const own = join(root, 'node_modules') + sep;
  return path
    .split(delimiter)
    .filter((folder) => !(folder + sep).startsWith(own))
    .join(delimiter);
}

/** @param {string} output what npm said */
export function installFailure(output) {
  const lines = output.trim().split('\n');
  const said = lines
    .filter((line) => !/^npm error\s+at /.test(line))
    .slice(-OUTPUT_SHOWN_LINES)
    .join('\n');
  const remedy = NO_NETWORK.test(output)
    ? 'the npm registry cannot be reached: check the network, or name a mirror or proxy with ' +
      '"npm config set registry https://…" or "npm config set proxy http://…", and run this again'
    : NOT_ALLOWED.test(output)
      ? `npm may not write: make ${root} and the npm cache belong to the user who runs this`
      : 'run "npm ci" to see all of it';
  return `the dependencies could not be installed; ${remedy}\n\n${said}`;
}
