/** Sifts JSON: the contents are the texts at `$.<member>[n].data`. It only counts brackets; whether it is JSON is found out from the rest. */
import type { Sifted, Sifter, Unescaped } from './sifting.ts';

/** Characters of a name that are looked at. */
const NAME_LENGTH_MAX = 100;
/** The body, the list of files, a file: as deep are they nested. */
const [BODY, LIST, FILE] = [1, 2, 3];
const CONTENT = 'data';

const [QUOTE, BACKSLASH, COLON, COMMA] = [34, 92, 58, 44];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** A sifter of one body. */
export class JsonSifter implements Sifter {
  readonly #member: string;
  readonly #sifted: Sifted;
  #state: 'between' | 'text' | 'content' = 'between';
  #depth = 0;
  /** Of the brackets that are open, as far down as a file. */
  readonly #brackets = [0, 0, 0, 0];
  /** The last name that was read at each depth. */
  readonly #names = ['', '', '', ''];
  #isNameNext = false;
  /** The text that is being read is a name, and this is what there is of it. */
  #name: string | null = null;
  #isEscaped = false;
  #tail = '';

  constructor(member: string, sifted: Sifted) {
    this.#member = member;
    this.#sifted = sifted;
  }

  write(chunk: Buffer): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.#state === 'content') {
        at = this.#readContent(chunk, at);
        from = at;
        continue;
      }
      if (this.#state === 'text') {
        this.#readText(chunk[at]!);
        continue;
      }
      if (!this.#readBetween(chunk[at]!)) continue;
      this.#sifted.rest(chunk.subarray(from, at + 1));
      this.#sifted.begin();
      from = at + 1;
    }
    if (this.#state !== 'content') this.#sifted.rest(chunk.subarray(from));
  }

  /** What a byte outside of texts means; true when a content begins after it. */
  #readBetween(byte: number): boolean {
    switch (byte) {
      case QUOTE:
        this.#state = this.#isContentNext() ? 'content' : 'text';
        this.#name = this.#isNameNext && this.#depth <= FILE ? '' : null;
        return this.#state === 'content';
      case OPEN_LIST:
      case OPEN_OBJECT:
        this.#open(byte);
        return false;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        this.#depth--;
        this.#isNameNext = false;
        return false;
      case COLON:
        this.#isNameNext = false;
        return false;
      case COMMA:
        this.#isNameNext = this.#depth <= FILE && this.#brackets[this.#depth] === OPEN_OBJECT;
        return false;
      default:
        return false;
    }
  }

  #open(bracket: number): void {
    this.#depth++;
    this.#isNameNext = bracket === OPEN_OBJECT;
    if (this.#depth > FILE) return;
    this.#brackets[this.#depth] = bracket;
    this.#names[this.#depth] = '';
  }

  #isContentNext(): boolean {
    const [names, brackets] = [this.#names, this.#brackets];
    if (this.#depth !== FILE || this.#isNameNext || names[FILE] !== CONTENT || names[BODY] !== this.#member)
      return false;
    return brackets[BODY] === OPEN_OBJECT && brackets[LIST] === OPEN_LIST && brackets[FILE] === OPEN_OBJECT;
  }

  /** What a byte of a text that is no content means. */
  #readText(byte: number): void {
    if (this.#isEscaped) {
      this.#isEscaped = false;
    } else if (byte === BACKSLASH) {
      this.#isEscaped = true;
      // A name with an escape in it is none that is looked for.
      if (this.#name !== null) this.#name = '\\';
    } else if (byte === QUOTE) {
      if (this.#name !== null) this.#names[this.#depth] = this.#name;
      this.#state = 'between';
    } else if (this.#name !== null && this.#name.length < NAME_LENGTH_MAX) this.#name += String.fromCharCode(byte);
  }

  /** Takes in what of the content is in the chunk; the place of the quote at its end, or of the end of the chunk. */
  #readContent(chunk: Buffer, start: number): number {
    for (let from = start; ;) {
      const quote = chunk.indexOf(QUOTE, from);
      const to = quote === -1 ? chunk.length : quote;
      const { text, tail } = unescaped(this.#tail + chunk.toString('latin1', from, to));
      this.#tail = tail;
      this.#sifted.add(text);
      if (quote === -1) return to;
      if (tail === '') {
        this.#sifted.end();
        this.#state = 'between';
        return quote;
      }
      // The quote was escaped.
      this.#tail = '';
      this.#sifted.add('"');
      from = quote + 1;
    }
  }
}

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|([^u]))/g;
const LETTERS: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** What JSON writes as `\/` or `\u002b` is a character of base64 too. */
function unescaped(given: string): Unescaped {
  if (!given.includes('\\')) return { text: given, tail: '' };
  const tail = /(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)$/.exec(given)?.[1] ?? '';
  const text = given
    .slice(0, given.length - tail.length)
    .replace(ESCAPE, (_, code: string | undefined, letter: string) =>
      code === undefined ? (LETTERS[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
    );
  return { text, tail };
}
