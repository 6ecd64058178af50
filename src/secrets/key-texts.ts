/** Where the key comes from: the environment, else a file in the data directory. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Characters of a key. */
const LENGTH_MIN = 16;
/** Bytes of one that is made here. */
const MADE_BYTES = 32;
const FILE = 'secret.key';

/**
 * The keys of `CAROM_SECRET_KEY`, the first one to seal with; null when it is not set.
 * @throws when one is too short to be one; its text is not repeated.
 */
export function keyTexts(fromEnvironment: string | undefined): string[] | null {
  if (!fromEnvironment?.trim()) return null;
  const texts = fromEnvironment.split(',').map((text) => text.trim());
  const short = texts.findIndex((text) => text.length < LENGTH_MIN);
  if (short === -1) return texts;
  const which = texts.length === 1 ? '' : ` (key ${short + 1} of ${texts.length})`;
  throw new Error(
    `CAROM_SECRET_KEY is too short${which}: give ${LENGTH_MIN} characters or more, such as from "openssl rand -base64 32"`,
  );
}

/** Makes a key and keeps it in the data directory (mode 0600). */
export async function makeKey(dataDir: string): Promise<string> {
  const file = join(dataDir, FILE);
  const text = randomBytes(MADE_BYTES).toString('base64url');
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return text;
}

/** The key that is kept in the data directory; null: none is. */
export async function keptKey(dataDir: string): Promise<string | null> {
  try {
    return (await readFile(join(dataDir, FILE), 'utf8')).trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
