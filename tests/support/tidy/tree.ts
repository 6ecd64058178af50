/** Reads the repository as the rules see it: every text file that `.gitignore` lets in. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceFile } from './source.ts';

const GENERATED = new Set(['package-lock.json']);
const FILE_BYTES_MAX = 1_000_000;

export function readTree(root: string): SourceFile[] {
  const isIgnored = ignoredBy(readFileSync(join(root, '.gitignore'), 'utf8'));
  const read = (folder: string): SourceFile[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name === '.git' || isIgnored(entry.name)) return [];
      if (entry.isDirectory()) return read(path);
      if (!entry.isFile() || GENERATED.has(path)) return [];
      const bytes = readFileSync(join(root, path));
      return bytes.length > FILE_BYTES_MAX || bytes.includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
    });
  return read('');
}

/** Knows the two kinds of line we use, `name` and `*.ending`, and refuses to guess at others. */
export function ignoredBy(gitignore: string): (name: string) => boolean {
  const patterns = gitignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const pattern of patterns) {
    if (!/^(\*\.)?[\w.-]+$/.test(pattern))
      throw new Error(`.gitignore: "${pattern}" is neither a name nor *.ending; teach tests/support/tidy/tree.ts`);
  }
  return (name) =>
    patterns.some((pattern) => (pattern.startsWith('*') ? name.endsWith(pattern.slice(1)) : name === pattern));
}
