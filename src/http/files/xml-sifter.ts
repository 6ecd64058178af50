/**
 * Sifts XML: the contents are the texts of `<data>` in the elements `<member>` of the root. It only follows tags; whether it is
 * XML, and XML that is taken here, is found out from the rest.
 */
import type { Sifted, Sifter, Unescaped } from './sifting.ts';

/** A file of the root, what is in a file: as deep are they nested. */
const [FILE, PART] = [2, 3];
const CONTENT = 'data';
/** Characters of a tag that are looked at. */
const TAG_LENGTH_MAX = 200;
/** Characters of a reference. */
const REFERENCE_LENGTH_MAX = 12;

const [LESS, GREATER] = [60, 62];
/** What ends otherwise than with the next `>` outside of quotes. */
const SPECIAL = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

/** A sifter of one body. */
export class XmlSifter implements Sifter {
  readonly #member: string;
  readonly #sifted: Sifted;
  #state: 'text' | 'tag' | 'before content' | 'content' = 'text';
  #depth = 0;
  #isFile = false;
  #tag = '';
  #quote = '';
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
        if (at < chunk.length) at = this.#beginTag(chunk, at);
      } else if (this.#state === 'tag') this.#readTagCharacter(String.fromCharCode(chunk[at]!));
      else if (chunk[at] === LESS) at = this.#beginTag(chunk, at);
      else if (this.#state === 'text') {
        // Text of another element: on to the next tag.
        const less = chunk.indexOf(LESS, at);
        at = (less === -1 ? chunk.length : less) - 1;
      } else if (!isBlank(chunk[at]!)) {
        // Not before: blanks may stand before a CDATA section, which is left where it is.
        this.#sifted.rest(chunk.subarray(from, at));
        this.#sifted.begin();
        this.#state = 'content';
        from = at--;
      }
    }
    if (this.#state !== 'content') this.#sifted.rest(chunk.subarray(from));
  }

  /** Begins with the `<` that stands there. Most tags are read at once. Returns the place of the last character that was read. */
  #beginTag(chunk: Buffer, less: number): number {
    this.#state = 'tag';
    this.#tag = '<';
    this.#quote = '';
    const greater = chunk.indexOf(GREATER, less);
    if (greater === -1 || greater - less > TAG_LENGTH_MAX) return less;
    const whole = chunk.toString('latin1', less, greater + 1);
    if (!/^<[^!?][^"']*$/.test(whole)) return less;
    this.#tag = whole;
    this.#readTag();
    return greater;
  }

  #readTagCharacter(character: string): void {
    const tag = this.#tag;
    // Of a long one its beginning and its end are enough.
    this.#tag = (tag.length < TAG_LENGTH_MAX ? tag : tag.slice(0, -3) + tag.slice(-2)) + character;
    if (this.#endsWith(character)) this.#readTag();
  }

  /** Whether the tag that has been read so far is over with this character. */
  #endsWith(character: string): boolean {
    const tag = this.#tag;
    const special = SPECIAL.find(([begin]) => tag.startsWith(begin));
    if (special) return tag.length >= special[0].length + special[1].length && tag.endsWith(special[1]);
    if (this.#quote !== '') {
      if (character === this.#quote) this.#quote = '';
      return false;
    }
    if (character === '"' || character === "'") this.#quote = character;
    return character === '>';
  }

  /** What a whole tag means. */
  #readTag(): void {
    const tag = this.#tag;
    this.#state = 'text';
    if (tag.startsWith('<!') || tag.startsWith('<?')) return;
    if (tag.startsWith('</')) {
      this.#depth--;
      return;
    }
    if (tag.endsWith('/>')) return;
    const name = /^<([^\s/>]+)/.exec(tag)?.[1];
    this.#depth++;
    if (this.#depth === FILE) this.#isFile = name === this.#member;
    if (this.#depth === PART && this.#isFile && name === CONTENT) this.#state = 'before content';
  }

  /** Takes in what of the content is in the chunk; the place of the tag after it, or of the end of the chunk. */
  #readContent(chunk: Buffer, start: number): number {
    const less = chunk.indexOf(LESS, start);
    const to = less === -1 ? chunk.length : less;
    const { text, tail } = unescaped(this.#tail + chunk.toString('latin1', start, to));
    this.#tail = less === -1 ? tail : '';
    this.#sifted.add(less === -1 ? text : text + tail);
    if (less !== -1) this.#sifted.end();
    return to;
  }
}

function isBlank(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** What XML writes as `&#43;` or `&#13;` is a character of base64, or a blank in it, too. */
function unescaped(given: string): Unescaped {
  if (!given.includes('&')) return { text: given, tail: '' };
  const begun = /&[^;&]*$/.exec(given)?.[0] ?? '';
  const tail = begun.length <= REFERENCE_LENGTH_MAX ? begun : '';
  const text = given
    .slice(0, given.length - tail.length)
    .replaceAll(/&#(?:x([0-9a-f]{1,4})|([0-9]{1,5}));/gi, (_, hex: string | undefined, decimal: string) =>
      String.fromCharCode(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
    );
  return { text, tail };
}
