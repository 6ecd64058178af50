/** What the doctor can see without a server: Node and the data directory. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from './failure.ts';
import { fine, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { adminKeyFile } from './key.ts';

/** What Carom is made for. */
const NODE_MAJOR_MIN = 24;
/** Where an embedded database's key is. */
const SECRET_KEY_FILE = 'secret.key';
/** Permissions of a file that others may read or write. */
const OTHERS_MAY = 0o077;

/** @param version without the `v`. */
export function checkNode(version: string): Finding {
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return fine('Node', version);
  const remedy = `run "npm ci" in Carom's folder, which brings Node ${NODE_MAJOR_MIN}, or install it`;
  return { check: 'Node', result: 'failure', what: `${version} is older than ${NODE_MAJOR_MIN}`, remedy };
}

/** Whether a server could keep its things there, and nobody else read them. */
export async function checkDataDirectory(dataDir: string): Promise<Finding> {
  const check = 'data directory';
  try {
    if (!(await stat(dataDir)).isDirectory()) {
      return { check, result: 'failure', what: `${dataDir} is a file`, remedy: 'name a folder with --data-dir' };
    }
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      const remedy = '"carom start" makes it; if there is one elsewhere, name it with --data-dir';
      return warning(check, `${dataDir} does not exist`, remedy);
    }
    const remedy = 'let this user write there, or name another with --data-dir';
    return { check, result: 'failure', what: `${dataDir} cannot be used: ${messageOf(error)}`, remedy };
  }
  const [admin, secret] = [adminKeyFile(dataDir), join(dataDir, SECRET_KEY_FILE)];
  const [ofAdmin, ofSecret] = [await modeOf(admin), await modeOf(secret)];
  if (isOpen(ofAdmin)) return open(check, admin, ofAdmin, 'and remove it first if others may have seen it');
  if (isOpen(ofSecret)) return open(check, secret, ofSecret, 'and change the key if others may have seen it');
  const keys = ofSecret === null ? 'admin.key is' : 'admin.key and secret.key are';
  return fine(
    check,
    ofAdmin === null
      ? `${dataDir} is writable; there is no admin.key (CAROM_ADMIN_KEY was set, or nothing has started here)`
      : `${dataDir} is writable, ${keys} private`,
  );
}

function open(check: string, file: string, mode: number, more: string): Finding {
  const what = `${file} may be read by others (mode ${(mode & 0o777).toString(8)})`;
  return { check, result: 'failure', what, remedy: `chmod 600 ${file}, ${more}` };
}

/** Windows has no such permissions: every file looks open there. */
function isOpen(mode: number | null): mode is number {
  return mode !== null && process.platform !== 'win32' && (mode & OTHERS_MAY) !== 0;
}

/** Null: there is no such file. */
async function modeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mode;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
