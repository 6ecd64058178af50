/** A manifest as text: its documents, and where in the text each field stands. */
import { LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseAllDocuments, visit } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import type { JsonObject } from '#domain/request.ts';
import { fieldName } from './client.ts';
import { expand } from './expand.ts';
import { messageOf } from './failure.ts';

/** A path to a field: names and indices. */
export type FieldPath = readonly (string | number)[];

/** One manifest, and how to find a field of it again. */
export interface ManifestDocument {
  file: string;
  content: JsonObject;
  /** `file:line:col` of the field, or of the nearest thing around it that there is. */
  placeOf(path: FieldPath): string;
}

/** The documents of a file, and what is wrong with it, each as `file:line:col message`. */
export interface ManifestFile {
  documents: ManifestDocument[];
  faults: string[];
}

/** Reads YAML or JSON (which is YAML). Variables are put into texts; a document without anything in it is left out. */
export function parseManifest(
  file: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): ManifestFile {
  const lines = new LineCounter();
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const faults: string[] = [];
  const documents: ManifestDocument[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false }) as Document.Parsed[]) {
    const before = faults.length;
    for (const error of document.errors) faults.push(`${placeAt(error.pos[0])} ${error.message}`);
    for (const { offset, message } of expandAll(document, text, env)) faults.push(`${placeAt(offset)} ${message}`);
    if (faults.length > before || document.contents === null || isEmpty(document.contents)) continue;
    const start = document.contents.range?.[0] ?? 0;
    if (!isMap(document.contents)) {
      faults.push(`${placeAt(start)} a manifest is a map, with "account" and lists such as "campaigns"`);
      continue;
    }
    try {
      const content = document.toJS() as JsonObject;
      documents.push({ file, content, placeOf: (path) => placeAt(offsetOf(document, path) ?? start) });
    } catch (error) {
      faults.push(`${placeAt(start)} ${messageOf(error)}`);
    }
  }
  return { documents, faults };
}

/** A fault in words, as people and editors read it. */
export function describeFault(place: string, path: FieldPath, message: string): string {
  const name = fieldName(path);
  return name === '' || message.startsWith(name) ? `${place} ${message}` : `${place} ${name} ${message}`;
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && (node.value === null || node.value === '');
}

/** Puts variables into every text of the document, and finds those without a value. */
function expandAll(document: Document.Parsed, source: string, env: Readonly<Record<string, string | undefined>>) {
  const faults: { offset: number; message: string }[] = [];
  visit(document, {
    Scalar: (key, scalar) => {
      if (key === 'key' || typeof scalar.value !== 'string' || !scalar.value.includes('${')) return;
      const { text, missing } = expand(scalar.value, env);
      scalar.value = text;
      const start = scalar.range?.[0] ?? 0;
      for (const name of missing) {
        const found = source.indexOf(`\${${name}}`, start);
        const remedy = `set ${name}, or give a default: \${${name}:-…}`;
        faults.push({
          offset: found === -1 ? start : found,
          message: `\${${name}} has no value in the environment; ${remedy}`,
        });
      }
    },
  });
  return faults;
}

/** Where the field stands; where it does not exist, the last thing on the way to it. */
function offsetOf(document: Document.Parsed, path: FieldPath): number | undefined {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        ({ key }) => String(isScalar(key) ? key.value : key) === String(part),
      );
      if (!pair) return offset;
      node = pair.value;
      offset = startOf(isScalar(node) && node.value !== null ? node : pair.key) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
