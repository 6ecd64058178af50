/**
 * Reads an XML document slice by slice, as large JSON is (`json-in-slices.ts`). First it is walked through: what is not well
 * formed, and everything by which XML reaches beyond its own text (a DTD, entities of its own), is refused before a parser
 * sees it. Then the elements below the root are parsed, many small ones together.
 */
import { XMLParser } from 'fast-xml-parser';
import type { Json, JsonObject } from '#domain/request.ts';
import type { Breathe } from './json-in-slices.ts';
import { NESTING_MAX } from './json-bodies.ts';
import { SliceError } from './json-in-slices.ts';

/** Characters of a tag with its attributes. */
const TAG_LENGTH_MAX = 1_000;
/** Characters that are parsed at once: a few milliseconds. */
const SLICE_LENGTH = 32_768;
/** Named characters of XML, and those of HTML that the parser knows. Others would need a DTD. */
const NAMED = new Set(
  'amp lt gt quot apos nbsp copy reg trade mdash ndash hellip laquo raquo lsquo rsquo ldquo rdquo bull para sect deg'.split(
    ' ',
  ),
);
const NAME = /^[A-Za-z_][\w.:-]*$/;
const ATTRIBUTES = /^(?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*$/;
const CHARACTERS = /&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|([A-Za-z]\w{0,30}));|&/g;
/** What XML 1.0 does not allow in a text. */
const NO_TEXT = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/** Names that are something else in JavaScript. */
const RESERVED = /^(?:__proto__|constructor|prototype|hasOwnProperty|toString|valueOf|__\w+__)$/;

/** How a document is read. */
export interface XmlReading {
  /** Characters of one element below the root. */
  elementMax: number;
  /** Elements below the root that are lists, also where there is one of them. */
  lists: readonly string[];
  breathe: Breathe;
}

/** An element below the root. */
interface Element {
  name: string;
  from: number;
  to: number;
}

/**
 * The document as a JSON object: an element with elements in it is an object, one that is there several times a list, and all
 * else a text. Attributes say nothing, but `type="array"`: that this element is a list, also where there is one of them.
 * @throws {SliceError} the message is for the client and quotes nothing but names.
 */
export async function parseXml(text: string, reading: XmlReading): Promise<JsonObject> {
  const elements = await elementsOf(text, reading);
  const whole = new Map<string, Json[]>();
  for (let first = 0, from = 0; from < elements.length; from = first) {
    let length = 0;
    while (first < elements.length && length < SLICE_LENGTH) {
      length += elements[first]!.to - elements[first]!.from;
      first++;
    }
    const slice = text.slice(elements[from]!.from, elements[first - 1]!.to);
    for (const [name, values] of parseSlice(slice)) {
      const known = whole.get(name);
      if (known) for (const value of values) known.push(value);
      else whole.set(name, values);
    }
    const pause = reading.breathe();
    if (pause) await pause;
  }
  const single = ([name, values]: [string, Json[]]): [string, Json] => [
    name,
    values.length > 1 || reading.lists.includes(name) ? values : values[0]!,
  ];
  return Object.fromEntries([...whole].map(single));
}

/** Walks through the document. */
async function elementsOf(text: string, { elementMax, breathe }: XmlReading): Promise<Element[]> {
  if (NO_TEXT.test(text)) throw bad('has a control character');
  const elements: Element[] = [];
  const open: string[] = [];
  let isOver = false;
  let from = 0;
  // Asked for once per ampersand: to look for one from each tag on would be to read the rest of the document each time.
  let ampersand = -1;
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length;) {
    const tag = text.indexOf('<', at);
    const end = tag === -1 ? text.length : tag;
    if (ampersand < at) ampersand = placeOf(text, '&', at);
    if (open.length > 1 ? ampersand < end : end > at) checkText(text.slice(at, end), open.length > 1);
    if (tag === -1) break;
    const { kind, name, to } = markAt(text, tag, open.length > 1);
    at = to;
    if (kind === 'open' || kind === 'empty') {
      if (isOver) throw bad('has a second root element');
      if (open.length === 1) from = tag;
      if (open.length >= NESTING_MAX) throw bad(`is nested more than ${NESTING_MAX} levels deep`);
      open.push(name);
    }
    if (kind === 'close' || kind === 'empty') {
      const opened = open.pop();
      if (opened !== name) throw bad(`closes <${opened === undefined ? 'nothing' : opened}> with </${name}>`);
      if (open.length === 0) isOver = true;
      if (open.length === 1) elements.push(checked({ name, from, to }, elementMax));
    }
    const pause = breathe();
    if (pause) await pause;
  }
  if (open.length > 0) throw bad(`does not close <${open.at(-1)}>`);
  if (!isOver) throw bad('has no element');
  return elements;
}

function checked(element: Element, elementMax: number): Element {
  if (element.to - element.from <= elementMax) return element;
  throw new SliceError(`"${element.name}" of the body has more than ${elementMax} characters`);
}

interface Mark {
  kind: 'open' | 'close' | 'empty' | 'none';
  name: string;
  /** The place after it. */
  to: number;
}

function markAt(text: string, tag: number, isInElement: boolean): Mark {
  if (text.startsWith('<!--', tag)) return none(text, tag + 4, '-->');
  if (text.startsWith('<![CDATA[', tag)) {
    if (!isInElement) throw bad('has a text outside of its elements');
    return none(text, tag + 9, ']]>');
  }
  if (text[tag + 1] === '!') throw bad('has a DOCTYPE or another declaration; leave it out');
  if (text[tag + 1] === '?') {
    if (!/^<\?xml\s/.test(text.slice(tag, tag + 6)) || text.slice(0, tag).trim().replace('\ufeff', '') !== '') {
      throw bad('has a processing instruction; leave it out');
    }
    return none(text, tag + 2, '?>');
  }
  const to = endOfTag(text, tag);
  const isClose = text[tag + 1] === '/';
  const isEmpty = !isClose && text[to - 2] === '/';
  const inner = text.slice(tag + (isClose ? 2 : 1), to - (isEmpty ? 2 : 1));
  const name = /^[^\s]*/.exec(inner)![0];
  if (!NAME.test(name)) throw bad('has a tag without a proper name');
  if (RESERVED.test(name)) throw bad(`has the element <${name}>, which cannot be taken`);
  const rest = inner.slice(name.length);
  if (isClose ? rest.trim() !== '' : !ATTRIBUTES.test(rest))
    throw bad(`has an attribute of <${name}> that cannot be read`);
  if (rest !== '') checkCharacters(rest);
  return { kind: isClose ? 'close' : isEmpty ? 'empty' : 'open', name, to };
}

function none(text: string, from: number, end: string): Mark {
  const at = text.indexOf(end, from);
  if (at === -1) throw bad(`does not end with ${end} what it begins`);
  return { kind: 'none', name: '', to: at + end.length };
}

function endOfTag(text: string, tag: number): number {
  let quote = '';
  for (let at = tag + 1; at < text.length && at - tag <= TAG_LENGTH_MAX; at++) {
    const character = text[at]!;
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return at + 1;
  }
  throw bad(`has a tag that does not end within ${TAG_LENGTH_MAX} characters`);
}

function placeOf(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at === -1 ? text.length : at;
}

function checkText(part: string, isInElement: boolean): void {
  if (!isInElement && part.trim() !== '') throw bad('has a text outside of its elements');
  checkCharacters(part);
}

function checkCharacters(part: string): void {
  for (const [whole, decimal, hexadecimal, name] of part.matchAll(CHARACTERS)) {
    if (whole === '&') throw bad('has an & that begins no character; write &amp;');
    if (name !== undefined && !NAMED.has(name))
      throw bad(`has the unknown entity &${name};, write the character itself`);
    if (name === undefined && !isCharacter(Number.parseInt(decimal ?? hexadecimal!, decimal ? 10 : 16))) {
      throw bad(`has ${whole}, which is no character`);
    }
  }
}

function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x1_0000 && code <= 0x10_ffff);
}

function bad(what: string): SliceError {
  return new SliceError(`the XML ${what}`);
}

const TEXT = '#text';
const ATTRIBUTE = '@';

const parser = new XMLParser({
  htmlEntities: true,
  parseTagValue: false,
  ignoreAttributes: false,
  attributeNamePrefix: ATTRIBUTE,
  textNodeName: TEXT,
  trimValues: false,
  maxNestedTags: NESTING_MAX + 1,
  jPath: false,
});

/** The elements of a slice, each as the list of those of its name. */
function parseSlice(slice: string): Map<string, Json[]> {
  const { root } = parser.parse(`<root>${slice}</root>`) as { root: Record<string, Json> };
  const lists = new Map<string, Json[]>();
  for (const name of Object.keys(root)) {
    const value = root[name]!;
    if (name !== TEXT)
      lists.set(
        name,
        (Array.isArray(value) ? value : [value]).map((one) => valueOf(one, name)),
      );
  }
  return lists;
}

function valueOf(value: Json, name: string): Json {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((one) => valueOf(one, name));
  const element = value as JsonObject;
  const children: JsonObject = {};
  let text = '';
  let isEmpty = true;
  for (const key of Object.keys(element)) {
    if (key === TEXT) text = element[key] as string;
    if (key === TEXT || key.startsWith(ATTRIBUTE)) continue;
    const child = element[key]!;
    children[key] = listed(child, valueOf(child, key));
    isEmpty = false;
  }
  if (isEmpty) return text;
  if (text.trim() !== '') throw bad(`has a text beside the elements in <${name}>`);
  return children;
}

/** An element that is there once is a list only where it says so. */
function listed(element: Json, value: Json): Json {
  const isAlone = typeof element === 'object' && element !== null && !Array.isArray(element);
  return isAlone && element[`${ATTRIBUTE}type`] === 'array' ? [value] : value;
}
