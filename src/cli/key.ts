/** Which API key a command uses, and what to say when the server does not like it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure, messageOf, usage } from './failure.ts';

/** Where the operator's key is kept, in the data directory. */
const ADMIN_KEY_FILE = 'admin.key';
/** The data directory where none is named. */
export const DATA_DIR_DEFAULT = './.carom';

/** A key and, for messages, where it came from. */
export interface Key {
  /** Null: none was found. */
  value: string | null;
  /** Such as `the key came from CAROM_KEY`. */
  origin: string;
}

/** The file with the operator's key. */
export function adminKeyFile(dataDir: string): string {
  return join(dataDir, ADMIN_KEY_FILE);
}

/**
 * `--key`, else CAROM_KEY, else CAROM_ADMIN_KEY, else the operator's key in the data directory.
 * @throws {CommandFailure} when a key cannot be sent, or its file cannot be read.
 */
export async function findKey(
  { key, dataDir }: { key?: string | undefined; dataDir: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<Key> {
  if (key) return sendable(key, '--key');
  for (const name of ['CAROM_KEY', 'CAROM_ADMIN_KEY']) {
    const value = env[name];
    if (value) return sendable(value, name);
  }
  const file = adminKeyFile(dataDir);
  const kept = await readIfThere(file);
  if (kept !== null) return sendable(kept, file);
  return { value: null, origin: `there is no key: name one with --key or CAROM_KEY; ${file} does not exist` };
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new CommandFailure(`the operator's key cannot be read: ${messageOf(error)}; name a key with --key`, {
      cause: error,
    });
  }
}

function sendable(text: string, from: string): Key {
  const value = text.trim();
  if (!/^[\u0021-\u007e]+$/.test(value))
    throw usage(`the key from ${from} is empty or holds characters that no key has`);
  return { value, origin: `the key came from ${from}` };
}
