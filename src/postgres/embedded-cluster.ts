/**
 * The data directory of the embedded PostgreSQL.
 *
 * `<dataDir>/postgres` is complete or absent: `initdb` works beside it and a rename puts it in place. It is synced (fsync is on
 * from the first byte), which costs nothing measurable.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  access,
  chown,
  constants,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Cluster, isTaken, PORT } from './embedded-process.ts';
import { type Binaries, chooseRunAs, EmbeddedPostgresError, hasCode, run } from './embedded-run-as.ts';

const MAJOR_VERSION = '18';
/** `sun_path` without its closing zero. */
const SOCKET_PATH_MAX_BYTES = process.platform === 'linux' ? 107 : 103;
const INITDB_TIMEOUT_MS = 120_000;

/** Makes `path` unless it is there. Throws EmbeddedPostgresError where it cannot be written. */
export async function openDataDirectory(path: string): Promise<Cluster> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const remedy = 'make it writable, or choose another with --data-dir';
    throw new EmbeddedPostgresError(
      `the data directory ${resolve(path)} cannot be written; ${remedy} (${String(error)})`,
      { cause: error },
    );
  }
  const dataDir = await realpath(path);
  return { dataDir, dir: join(dataDir, 'postgres'), logFile: join(dataDir, 'postgres.log') };
}

/** Makes the cluster unless it is there. Killed at any moment, it leaves at most a directory that the next call removes. */
export async function createCluster(cluster: Cluster, binaries: Binaries): Promise<void> {
  if (await hasCluster(cluster)) return;
  await removeDrafts(cluster);
  const runAs = await chooseRunAs(cluster.dataDir, cluster.dir, binaries);
  const draft = `${cluster.dir}.new-${process.pid}`;
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  try {
    await mkdir(draft, { mode: 0o700 });
    if (runAs.owner) await chown(draft, runAs.owner.uid, runAs.owner.gid);
    await run(
      runAs,
      binaries.initdb,
      ['-D', draft, '--username=carom', '--auth=trust', '--no-instructions', ...locale],
      INITDB_TIMEOUT_MS,
    );
    await rename(draft, cluster.dir);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another Carom was faster.
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST') && (await hasCluster(cluster))) return;
    const reason = (error instanceof Error && 'stderr' in error && String(error.stderr).trim()) || String(error);
    const remedy = 'mend that, choose another directory with --data-dir, or set DATABASE_URL';
    throw new EmbeddedPostgresError(`no database could be made in ${cluster.dir}: ${reason}; ${remedy}`, {
      cause: error,
    });
  }
}

/** Throws EmbeddedPostgresError when something that we cannot serve is in the cluster's place. */
async function hasCluster({ dir }: Cluster): Promise<boolean> {
  if (!existsSync(dir) || (await readdir(dir)).length === 0) return false;
  if (!existsSync(join(dir, 'PG_VERSION'))) {
    throw new EmbeddedPostgresError(
      `${dir} holds something that is not PostgreSQL's; move it away, or choose another directory with --data-dir`,
    );
  }
  const version = (await readFile(join(dir, 'PG_VERSION'), 'utf8')).trim();
  if (version !== MAJOR_VERSION) {
    const remedy = 'start the Carom that made it, or choose another with --data-dir';
    throw new EmbeddedPostgresError(
      `the data directory ${dir} was made by PostgreSQL ${version}, and this Carom brings PostgreSQL ${MAJOR_VERSION}; ${remedy}`,
    );
  }
  return true;
}

/** What first starts left that were killed. A draft names the process that works on it. */
async function removeDrafts({ dataDir, dir }: Cluster): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const draft = join(dataDir, name);
    if (!draft.startsWith(`${dir}.new-`)) continue;
    const pid = Number(draft.slice(`${dir}.new-`.length));
    if (pid === process.pid || !isTaken(pid)) await rm(draft, { recursive: true, force: true });
  }
}

const fits = (directory: string): boolean =>
  Buffer.byteLength(join(directory, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_MAX_BYTES;

/** A directory of mode 0700 for the socket: the cluster's own, or below the temporary directory where its path is too long for a socket. */
export async function socketDirectory({ dir }: Cluster): Promise<string> {
  if (fits(dir)) return dir;
  const uid = process.getuid?.() ?? 0;
  const name = `carom-${uid}-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`;
  const short = fits(join(tmpdir(), name)) ? join(tmpdir(), name) : join('/tmp', name);
  // Found there is fine, if it is ours and not somebody's trap.
  await mkdir(short, { recursive: true, mode: 0o700 });
  const found = await lstat(short);
  const owners = [uid, (await stat(dir)).uid];
  if (!found.isDirectory() || !owners.includes(found.uid) || (found.mode & 0o077) !== 0) {
    throw new EmbeddedPostgresError(
      `${short} is not a private directory of ours; remove it, or choose a shorter path with --data-dir`,
    );
  }
  return short;
}
