/** The files `carom apply` was given: folders opened, documents of one account put together. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json, JsonObject } from '#domain/request.ts';
import { CommandFailure, messageOf } from './failure.ts';
import { parseManifest } from './manifest-source.ts';
import type { FieldPath, ManifestDocument } from './manifest-source.ts';

/** What a folder is searched for. */
const MANIFEST_NAME = /\.(ya?ml|json)$/;

/** `m.yaml:9:1` before `m.yaml:10:1`. */
const BY_PLACE = new Intl.Collator('en', { numeric: true });

/** What is applied in one request: all that the files say about one account. */
export interface Manifest {
  /** Null: the key says which. */
  account: string | null;
  /** In order, each once. */
  files: string[];
  content: JsonObject;
  /** `file:line:col` of a field of `content`. */
  placeOf(path: FieldPath): string;
}

/** Reads files, and folders' `*.yaml`, `*.yml` and `*.json` by name. @throws {CommandFailure} with every fault of all files. */
export async function readManifests(
  paths: string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Manifest[]> {
  const files = (await Promise.all(paths.map(filesOf))).flat();
  const parsed = await Promise.all([...new Set(files)].map(async (file) => parseManifest(file, await read(file), env)));
  const faults = parsed.flatMap((file) => file.faults);
  const documents = parsed.flatMap((file) => file.documents);
  const manifests = Map.groupBy(documents, ({ content }) => content['account'] ?? null);
  const together = [...manifests.values()].map((parts) => combine(parts, faults));
  if (faults.length > 0) throw notApplied(faults);
  if (together.length === 0) throw new CommandFailure(`there is no manifest in ${paths.join(', ')}`);
  return together;
}

/** What is said when any document has a fault. */
export function notApplied(faults: string[]): CommandFailure {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const lines = faults.toSorted(BY_PLACE.compare);
  return new CommandFailure(`nothing was applied: the manifest has ${count}`, { lines });
}

async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => MANIFEST_NAME.test(name)).toSorted();
    if (names.length === 0) throw new CommandFailure(`${path} holds no *.yaml, *.yml or *.json`);
    return names.map((name) => join(path, name));
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(path: string, error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'there is no such file or folder' : messageOf(error);
  return new CommandFailure(`${path} cannot be read: ${why}`, { cause: error });
}

/** Where a field of a combined manifest came from. */
interface Origin {
  document: ManifestDocument;
  /** How many items of earlier documents stand before its own. */
  offset: number;
}

/**
 * One manifest out of several documents about one account: lists follow each other, everything else is said once. Applied
 * one by one, a campaign could not name a provider of another file, and --prune would remove what the other file has.
 */
function combine(documents: ManifestDocument[], faults: string[]): Manifest {
  const content: JsonObject = {};
  const origins = new Map<string, Origin[]>();
  for (const document of documents) {
    for (const [name, value] of Object.entries(document.content)) {
      const known = content[name];
      const before = origins.get(name) ?? [];
      const mergeable = Array.isArray(known) && Array.isArray(value);
      if (before.length > 0 && !mergeable && !isSame(known, value)) {
        faults.push(
          `${document.placeOf([name])} ${name} differs from ${before[0]!.document.placeOf([name])}; say it once`,
        );
      }
      if (before.length > 0 && !mergeable) continue;
      origins.set(name, [...before, { document, offset: mergeable ? known.length : 0 }]);
      content[name] = mergeable ? [...known, ...value] : value;
    }
  }
  const account = typeof content['account'] === 'string' ? content['account'] : null;
  const files = [...new Set(documents.map(({ file }) => file))];
  return { account, files, content, placeOf: (path) => placeIn(origins, documents, path) };
}

function isSame(one: Json | undefined, other: Json): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function placeIn(origins: Map<string, Origin[]>, documents: ManifestDocument[], path: FieldPath): string {
  const [name, index, ...rest] = path;
  const candidates = origins.get(String(name)) ?? [];
  const item = Number(index);
  const origin = Number.isInteger(item) ? candidates.findLast(({ offset }) => offset <= item) : candidates[0];
  if (!origin) return documents[0]!.placeOf(path);
  return origin.document.placeOf(Number.isInteger(item) ? [name!, item - origin.offset, ...rest] : path);
}
