/**
 * Templates of plain text and names alone, which is what most short messages are, rendered without an interpreter. The
 * output is the same to the character (the test compares); what this cannot parse is left to Twig.
 */
import type { Json, JsonObject } from '#domain/request.ts';
import type { Budget } from './budget.ts';
import { textOf } from './values.ts';
import type { Escape } from './escape.ts';

/** Renders one context. */
export type Render = (context: JsonObject, budget: Budget) => string;

/** `fallback`: what `default` names; null where there is none. */
type Piece = { text: string } | { path: string[]; fallback: string | null };

const PRINT =
  /\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\s*\|\s*default\(\s*(?:'([^'\\]*)'|"([^"\\#]*)")\s*\))?\s*\}\}/y;
/** Words that Twig reads as something other than a name, somewhere. */
const NOT_A_NAME = /^(true|false|null|none|and|or|not|in|is|matches|b|starts|ends|has|_.*)$/i;

/** The renderer, or null for a template that needs Twig. */
export function quickRender(source: string, escape: Escape): Render | null {
  const pieces = parse(source, escape);
  if (pieces === null) return null;
  if (pieces.length === 0) return () => '';
  return (context, budget) => {
    const output = renderPieces(pieces, context, escape);
    budget.takeOutput(output.length);
    return output;
  };
}

function renderPieces(pieces: Piece[], context: JsonObject, escape: Escape): string {
  let output = '';
  for (const piece of pieces)
    output += 'text' in piece ? piece.text : print(valueAt(context, piece.path), piece.fallback, escape);
  return output;
}

function parse(source: string, escape: Escape): Piece[] | null {
  // Twig has its own ideas about carriage returns.
  if (source.includes('\r')) return null;
  const pieces: Piece[] = [];
  let textFrom = 0;
  for (let brace = source.indexOf('{'); brace !== -1; brace = source.indexOf('{', brace)) {
    const next = source[brace + 1];
    if (next === '%' || next === '#') return null;
    if (next !== '{') {
      brace++;
      continue;
    }
    PRINT.lastIndex = brace;
    const match = PRINT.exec(source);
    if (!match) return null;
    const path = match[1]!.split('.');
    const fallback = match[2] ?? match[3] ?? null;
    // Twig escapes a fallback for an empty value, and not for a missing one: nothing to escape, no difference.
    if (path.some((name) => NOT_A_NAME.test(name)) || (fallback !== null && escape(fallback) !== fallback)) return null;
    // That is written in two ways (expressions.ts).
    if (path[0] === 'user' && path[1] === 'attribute') return null;
    if (brace > textFrom) pieces.push({ text: source.slice(textFrom, brace) });
    pieces.push({ path, fallback });
    brace += match[0].length;
    textFrom = brace;
  }
  if (textFrom < source.length) pieces.push({ text: source.slice(textFrom) });
  return pieces;
}

function valueAt(context: JsonObject, path: string[]): Json | undefined {
  let value: Json | undefined = context;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = value[name];
  }
  return value;
}

function print(value: Json | undefined, fallback: string | null, escape: Escape): string {
  if (isEmpty(value) && fallback !== null) return fallback;
  const text = textOf(value);
  return typeof value === 'string' || typeof value === 'number' ? escape(text) : text;
}

/** What `default` replaces. */
function isEmpty(value: Json | undefined): boolean {
  if (value === null || value === undefined || value === '' || value === false) return true;
  if (typeof value !== 'object') return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
