/** Decodes a file's content as it comes in: base64 (RFC 4648), or a data URL (RFC 2397) of it. */
import { FileCollector } from './held-file.ts';
import type { HeldFile } from './held-file.ts';

/** Characters before the comma of a data URL. */
const DATA_URL_HEAD_MAX = 500;
const DATA_URL = 'data:';
/** Characters that are decoded at once. */
const SLICE_LENGTH = 65_536;
const NOT_BASE64 = /[^A-Za-z0-9+/]/;

/** Where base64 becomes a file. The text comes in pieces of any length. */
export class Base64File {
  readonly #collector = new FileCollector();
  #head: string | null = '';
  #rest = '';
  /** Of the padding at the end: after it nothing may follow. */
  #padding = 0;
  #characters = 0;
  #type: string | null = null;
  #fault: string | null = null;

  /** Takes a piece of the text. After a fault all others are ignored. Returns the bytes that it came to. */
  add(text: string): number {
    if (this.#fault !== null) return 0;
    if (this.#head === null) return this.#decode(text);
    this.#head += text;
    const blank = this.#head.trimStart();
    if (blank.length < DATA_URL.length && DATA_URL.startsWith(blank.toLowerCase())) return 0;
    if (!blank.slice(0, DATA_URL.length).toLowerCase().startsWith(DATA_URL)) return this.#begin(blank);
    const comma = blank.indexOf(',');
    if (comma === -1 && blank.length <= DATA_URL_HEAD_MAX) return 0;
    const head = comma === -1 || comma > DATA_URL_HEAD_MAX ? null : blank.slice(DATA_URL.length, comma);
    if (head === null)
      return this.#refuse(`is a data URL without a comma in its first ${DATA_URL_HEAD_MAX} characters`);
    if (!/;\s*base64\s*$/i.test(head))
      return this.#refuse('is a data URL whose content is not base64; write "data:<type>;base64,…"');
    this.#type = head.replace(/;\s*base64\s*$/i, '').trim() || null;
    return this.#begin(blank.slice(comma + 1));
  }

  /** The file, or what was wrong with the text. */
  end(): Omit<HeldFile, 'name'> {
    if (this.#head !== null && this.#fault === null) this.#begin(this.#head);
    const cutOff = this.#rest.length > 0 || (this.#padding > 0 && this.#characters % 4 !== 0);
    if (cutOff && this.#fault === null) this.#refuse('is not base64: characters are missing at its end');
    return { type: this.#type, ...this.#collector.end(), fault: this.#fault };
  }

  #begin(text: string): number {
    this.#head = null;
    let bytes = 0;
    for (let at = 0; at < text.length; at += SLICE_LENGTH) bytes += this.#decode(text.slice(at, at + SLICE_LENGTH));
    return bytes;
  }

  #decode(given: string): number {
    if (this.#fault !== null) return 0;
    const text = /\s/.test(given) ? given.replaceAll(/[ \t\r\n]/g, '') : given;
    if (text === '') return 0;
    const equals = text.indexOf('=');
    const letters = equals === -1 ? text : text.slice(0, equals);
    const wrong = this.#padding > 0 && letters !== '' ? 0 : letters.search(NOT_BASE64);
    if (wrong !== -1) return this.#refuseCharacter(letters[wrong]!, this.#characters + wrong);
    if (equals !== -1 && !this.#pads(text.slice(equals), this.#characters + equals)) return 0;
    this.#characters += text.length;
    const all = this.#rest + letters;
    // The last, shorter group is decoded when its padding says that it is the last.
    const whole = this.#padding > 0 && this.#characters % 4 === 0 ? all.length : all.length - (all.length % 4);
    this.#rest = all.slice(whole);
    const bytes = Buffer.from(all.slice(0, whole), 'base64');
    this.#collector.add(bytes);
    return bytes.length;
  }

  /** Whether the rest of the text, which begins at this place, is padding. */
  #pads(text: string, place: number): boolean {
    const other = text.search(/[^=]/);
    if (other !== -1) this.#refuseCharacter(text[other]!, place + other);
    this.#padding += text.length;
    if (this.#padding > 2) this.#refuse('is not base64: it ends with more than two "="');
    return this.#fault === null;
  }

  #refuseCharacter(character: string, place: number): number {
    return this.#refuse(`is not base64: ${JSON.stringify(character)} cannot stand at character ${place + 1}`);
  }

  #refuse(fault: string): 0 {
    this.#fault ??= fault;
    this.#collector.drop();
    return 0;
  }
}

/** The file of a whole text. */
export function fileOfText(text: string): Omit<HeldFile, 'name'> {
  const file = new Base64File();
  file.add(text);
  return file.end();
}
