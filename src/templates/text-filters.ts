/** Filters of texts. */
import { markUntracked } from '#domain/tracked-links.ts';
import type { Budget } from './budget.ts';
import { callable, scalarFilter, textArgument, textFilter } from './callable.ts';
import type { Callable } from './callable.ts';
import { entriesOf } from './collections.ts';
import { escapeHtml, escapeUrl, escapeWith } from './escape.ts';
import { jsonOf } from './json.ts';
import { formatText } from './format-text.ts';
import { replaceEach } from './replacing.ts';
import { stripTags } from './strip-tags.ts';
import { Markup, isCollection, isMissing, isTruthy, numberOf, textOf } from './values.ts';

/** Pairs of `replace`. */
const PAIRS_MAX = 100;
/** What `trim` takes away. */
const BLANKS = ' \t\n\r\0\u000b';
const WORDS = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu;
const LINE_ENDS = /\r\n|\r|\n/g;

/** The filters of this file. */
export const TEXT_FILTERS: Record<string, Callable> = {
  upper: textFilter('', (text) => text.toUpperCase()),
  lower: textFilter('', (text) => text.toLowerCase()),
  capitalize: textFilter('', (text) => {
    const first = String.fromCodePoint(...(text === '' ? [] : [text.codePointAt(0)!]));
    return first.toUpperCase() + text.slice(first.length).toLowerCase();
  }),
  title: textFilter('', (text, _given, { budget }) => {
    budget.take(Math.ceil(text.length / 4));
    return replaceEach(text.toLowerCase(), WORDS, budget, upperFirst);
  }),
  trim: textFilter('character_mask, side', (text, [mask, side]) =>
    trim(text, textArgument(mask, BLANKS), textArgument(side, 'both')),
  ),
  replace: textFilter('replace_pairs!', (text, [pairs], { budget }) => replacePairs(text, pairs, budget)),
  split: textFilter('delimiter!, limit', (text, [delimiter, limit], { budget }) =>
    split(text, textArgument(delimiter, ''), isMissing(limit) ? null : Math.trunc(numberOf(limit)), budget),
  ),
  striptags: textFilter('allowable_tags', (text, [allowed], { budget }) =>
    stripTags(text, textArgument(allowed, ''), budget),
  ),
  nl2br: scalarFilter('', (execution, operand) => {
    const text = textOf(operand);
    execution.budget.takeText(text.length);
    if (execution.escaping !== 'html') return breakLines(text, execution.budget);
    return new Markup(breakLines(operand instanceof Markup ? text : escapeHtml(text), execution.budget));
  }),
  spaceless: scalarFilter('', (execution, operand) => {
    const text = textOf(operand);
    execution.budget.takeText(text.length);
    const tight = text.replace(/>\s+</g, '><').trim();
    return operand instanceof Markup ? new Markup(tight) : tight;
  }),
  slug: textFilter('separator', (text, [separator], { budget }) => {
    budget.takeElements(text.length);
    return slug(text, textArgument(separator, '-'));
  }),
  format: scalarFilter('values…', ({ budget }, operand, values) => formatText(textOf(operand), values, budget)),
  url_encode: scalarFilter('', ({ budget }, operand) => urlEncode(operand, budget)),
  json_encode: callable('options', ({ budget }, operand, [options]) => jsonOf(operand, options, budget)),
  escape: scalarFilter('strategy', (execution, operand, [strategy]) => escaped(execution.budget, operand, strategy)),
  e: scalarFilter('strategy', (execution, operand, [strategy]) => escaped(execution.budget, operand, strategy)),
  raw: scalarFilter('', (_execution, operand) => new Markup(textOf(operand))),
  untracked: textFilter('', (text) => markUntracked(text)),
};

function escaped(budget: Budget, operand: unknown, strategy: unknown): unknown {
  if (operand instanceof Markup) return operand;
  return new Markup(escapeWith(textArgument(strategy, 'html'), textOf(operand), budget));
}

function upperFirst(word: string): string {
  const first = String.fromCodePoint(word.codePointAt(0)!);
  return first.toUpperCase() + word.slice(first.length);
}

function trim(text: string, mask: string, side: string): string {
  if (side !== 'both' && side !== 'left' && side !== 'right')
    throw new Error('"trim" has the sides "left", "right" and "both"');
  const characters = new Set(mask);
  let [start, end] = [0, text.length];
  if (side !== 'right') while (start < end && characters.has(text[start]!)) start++;
  if (side !== 'left') while (end > start && characters.has(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** Longest key first, as in PHP's strtr: what has been replaced is not looked at again. */
function replacePairs(text: string, pairs: unknown, budget: Budget): string {
  if (!isCollection(pairs)) throw new Error(`"replace" needs a map, as in replace({'from': 'to'})`);
  const replacements = new Map(entriesOf(pairs, budget).map(([key, value]) => [textOf(key), textOf(value)]));
  replacements.delete('');
  if (replacements.size > PAIRS_MAX) throw new Error(`"replace" replaces at most ${PAIRS_MAX} texts at once`);
  if (replacements.size === 0) return text;
  const keys = [...replacements.keys()].toSorted((a, b) => b.length - a.length);
  budget.takeSearch(text.length, keys.join('').length);
  const pattern = new RegExp(keys.map(RegExp.escape).join('|'), 'g');
  return replaceEach(text, pattern, budget, (key) => replacements.get(key)!);
}

function split(text: string, delimiter: string, limit: number | null, budget: Budget): string[] {
  if (delimiter !== '') {
    budget.takeSearch(text.length, delimiter.length);
    const parts = text.split(delimiter);
    budget.takeElements(parts.length);
    if (limit === null) return parts;
    if (limit < 0) return parts.slice(0, limit);
    const whole = Math.max(1, limit) - 1;
    return whole >= parts.length ? parts : [...parts.slice(0, whole), parts.slice(whole).join(delimiter)];
  }
  budget.takeElements(text.length);
  const characters = Array.from(text);
  if (limit === null || limit <= 1) return characters;
  return Array.from({ length: Math.ceil(characters.length / limit) }, (_, index) =>
    characters.slice(index * limit, (index + 1) * limit).join(''),
  );
}

function breakLines(text: string, budget: Budget): string {
  return replaceEach(text, LINE_ENDS, budget, (end) => `<br />${end}`);
}

function slug(text: string, separator: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .replaceAll(' ', () => separator);
}

/** A text percent-encoded, or a map as a query string. */
function urlEncode(value: unknown, budget: Budget): string {
  if (!isCollection(value)) {
    budget.takeText(textOf(value).length * 3);
    return escapeUrl(textOf(value));
  }
  const pairs: string[] = [];
  addPairs(value, '');
  return pairs.join('&');

  function addPairs(collection: object, prefix: string): void {
    for (const [key, element] of entriesOf(collection as Map<unknown, unknown>, budget)) {
      const name = prefix === '' ? textOf(key) : `${prefix}[${textOf(key)}]`;
      budget.takeText((name.length + textOf(element).length) * 3);
      if (isCollection(element)) addPairs(element, name);
      else if (!isMissing(element)) pairs.push(`${escapeUrl(name)}=${escapeUrl(queryValue(element))}`);
    }
  }
}

function queryValue(value: unknown): string {
  return typeof value === 'boolean' ? String(Number(isTruthy(value))) : textOf(value);
}
