/** How this process is set up, and the operator's key. */
import { hash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { StartOptions } from '#cli/start-options.ts';

/** Bytes of randomness in an operator's key that is made here. */
const ADMIN_KEY_BYTES = 24;
const ADMIN_KEY_FILE = 'admin.key';

/** The operator's key, and whether it was made just now. */
export interface AdminKey {
  key: string;
  sha256: string;
  isNew: boolean;
}

/** `CAROM_ADMIN_KEY`, else the one kept in the data directory, else a new one kept there (mode 0600). */
export async function adminKey(dataDir: string, fromEnvironment: string | undefined): Promise<AdminKey> {
  if (fromEnvironment) return { key: fromEnvironment, sha256: sha256(fromEnvironment), isNew: false };
  const file = join(dataDir, ADMIN_KEY_FILE);
  const kept = await readOrNull(file);
  if (kept) return { key: kept, sha256: sha256(kept), isNew: false };
  const key = `carom_${randomBytes(ADMIN_KEY_BYTES).toString('base64url')}`;
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return { key, sha256: sha256(key), isNew: true };
}

async function readOrNull(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/** The address vendors call back, and the node's own, without a trailing slash. */
export function addresses({ host, port, publicUrl }: StartOptions): { own: string; public: string } {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const own = `http://${shown}:${port}`;
  return { own, public: (publicUrl ?? own).replace(/\/+$/, '') };
}

/** This process, for people who look at the nodes. */
export function nodeName(): string {
  return `${hostname()}:${process.pid}`;
}

/** The data directory as an absolute path. */
export function dataDirectory({ dataDir }: StartOptions): string {
  return resolve(dataDir);
}
