/**
 * Reads a large JSON object slice by slice, and lets the node answer others in between: parsed at once, a call for
 * 100,000 users would hold it up for a fifth of a second.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { NESTING_MAX } from './json-bodies.ts';

/** Characters that are parsed at once: about a millisecond. */
const SLICE_LENGTH = 65_536;
/** How long one piece of work may hold up all others, in ms; and how many of its steps are done before the clock is asked. */
const TURN_MS = 5;
const TURN_STEPS = 50;

/** To be called after each step of long work; what it returns, if anything, is awaited: the others' turn. */
export type Breathe = () => Promise<void> | undefined;

/** Starts the clock of a long work's turns. */
export function startBreathing(): Breathe {
  let since = performance.now();
  let steps = 0;
  const passTurn = async () => {
    await nextTurn();
    since = performance.now();
  };
  return () => {
    if (++steps % TURN_STEPS !== 0 || performance.now() - since < TURN_MS) return undefined;
    return passTurn();
  };
}

/** What is not JSON, or has a single value that is too long. The message is for the client and quotes nothing of the text. */
export class SliceError extends Error {
  override name = 'SliceError';
}

/** A large object as what is in it: one of 100,000 members is slow to make and to read. A name that is there twice is in here twice. */
export class Entries {
  readonly list: [name: string, value: unknown][] = [];
}

/** How a text is read. */
export interface Slicing {
  /** Parses a whole, smaller JSON text. What it throws comes through. */
  parse(text: string): unknown;
  /** Characters of one member of the object, or of one element of such a member. */
  elementMax: number;
  breathe: Breathe;
  /** Members of the object that become {@link Entries} when they are large objects. */
  asEntries?: readonly string[];
  /** Characters that are parsed at once; tests want fewer. */
  sliceLength?: number;
}

/**
 * The same as `parse(text)`. An object's members are read one by one, and of a member that is a list or an object its elements;
 * so are those of a list.
 * @throws {SliceError} and what `parse` throws.
 */
export async function parseInSlices(text: string, slicing: Slicing): Promise<unknown> {
  const { sliceLength = SLICE_LENGTH, elementMax } = slicing;
  const start = afterBlanks(text, 0);
  if (text.length <= sliceLength) return slicing.parse(text);
  if (text[start] === '[') {
    const { all, add } = listed();
    await readContainer(text, start, text.length, slicing, add);
    return all;
  }
  if (text[start] !== '{') throw new SliceError('the body is no JSON object or list');
  const whole: Record<string, unknown> = {};
  const end = await eachElement(text, start, slicing, (from, to) => {
    const colon = afterBlanks(text, endOfString(text, from));
    if (text[from] !== '"' || text[colon] !== ':') throw new SliceError('the body is not JSON: a name is missing');
    const value = afterBlanks(text, colon + 1);
    const name = text.slice(from, colon);
    if (!isContainer(text[value]) || to - value <= sliceLength) {
      Object.assign(whole, slicing.parse(`{${checked(text, from, to, elementMax)}}`));
      return undefined;
    }
    // The name is parsed with a value: some names are refused.
    const [key] = Object.keys(slicing.parse(`{${name}:0}`) as object);
    const collected = text[value] === '[' ? listed() : slicing.asEntries?.includes(key!) ? entries() : merged();
    whole[key!] = collected.all;
    return readContainer(text, value, to, slicing, collected.add);
  });
  if (afterBlanks(text, end) !== text.length) throw new SliceError('the body is not JSON: something follows its end');
  return whole;
}

/** Where the elements of a large member go. */
interface Collected {
  all: unknown;
  add(part: object): void;
}

function listed(): Collected {
  const all: unknown[] = [];
  return {
    all,
    add: (part) => {
      for (const element of part as unknown[]) all.push(element);
    },
  };
}

function entries(): Collected {
  const all = new Entries();
  return {
    all,
    add: (part) => {
      for (const name of Object.keys(part)) all.list.push([name, (part as Record<string, unknown>)[name]]);
    },
  };
}

function merged(): Collected {
  const all = {};
  return { all, add: (part) => void Object.assign(all, part) };
}

/** Reads a list or an object in slices of several elements. */
async function readContainer(
  text: string,
  start: number,
  end: number,
  slicing: Slicing,
  add: (part: object) => void,
): Promise<void> {
  const { sliceLength = SLICE_LENGTH, elementMax } = slicing;
  const isList = text[start] === '[';
  let from = start + 1;
  const take = (to: number) => {
    const slice = text.slice(from, to);
    add(slicing.parse(isList ? `[${slice}]` : `{${slice}}`) as object);
    from = to + 1;
  };
  const after = await eachElement(text, start, slicing, (elementFrom, elementTo) => {
    checked(text, elementFrom, elementTo, elementMax);
    if (elementTo - from >= sliceLength) take(elementTo);
    return undefined;
  });
  if (from < after - 1) take(after - 1);
  if (afterBlanks(text, after) !== end) throw new SliceError('the body is not JSON: a comma is missing');
}

/** Calls `visit` with where each element of the list or object lies. Returns the place after its closing bracket. */
async function eachElement(
  text: string,
  start: number,
  { breathe }: Slicing,
  visit: (from: number, to: number) => Promise<void> | undefined,
): Promise<number> {
  const close = text[start] === '[' ? ']' : '}';
  let at = afterBlanks(text, start + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    const to = endOfElement(text, at);
    if (to === at) throw new SliceError('the body is not JSON: a value is missing');
    const reading = visit(at, to);
    if (reading) await reading;
    if (text[to] === close) return to + 1;
    if (text[to] !== ',') throw new SliceError('the body is not JSON: a bracket is not closed');
    at = afterBlanks(text, to + 1);
    const pause = breathe();
    if (pause) await pause;
  }
}

function checked(text: string, from: number, to: number, elementMax: number): string {
  if (to - from <= elementMax) return text.slice(from, to);
  const name = /^"[^"\\]{0,60}"(?=\s*:)/.exec(text.slice(from, from + 100))?.[0] ?? 'one value';
  throw new SliceError(`${name} of the body has more than ${elementMax} characters`);
}

/** The place of the comma or closing bracket after the element that begins here; the text's end where there is none. */
function endOfElement(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at) - 1;
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (++depth > NESTING_MAX) throw new SliceError(`the body is nested more than ${NESTING_MAX} levels deep`);
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        if (depth === 0) return at;
        depth--;
        break;
      case COMMA:
        if (depth === 0) return at;
        break;
      default:
    }
  }
  return text.length;
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** The place after the closing quote of the string that begins here. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return text.length;
}

function afterBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  return at;
}

function isContainer(character: string | undefined): boolean {
  return character === '[' || character === '{';
}
